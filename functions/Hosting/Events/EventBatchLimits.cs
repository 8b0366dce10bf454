namespace Serverless.Hosting;

/// <summary>How much of a batch is read before it is refused as a whole.</summary>
/// <remarks>The limits stand above anything host.json can ask for, because a refused batch is retried and then passed by: they
/// protect memory from a broken host, not the pipeline from devices.</remarks>
public sealed record EventBatchLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static EventBatchLimits Default { get; } = new();

    /// <summary>Most events in one batch: 1 to 1 000 000, default 10 000 (host.json asks for 500).</summary>
    public int EventsMax { get; init; } = 10_000;

    /// <summary>Most bytes of one request: default 256 MiB. A full batch of the largest IoT Hub messages is
    /// 500 × 256 KiB × 4/3 (base64) = 175 MB; 100 events of Event Hubs' 1 MiB are 140 MB; metadata adds about 1 KB an event.</summary>
    public int WireBytesMax { get; init; } = 256 * 1024 * 1024;

    /// <summary>Deepest nesting followed, in arrays and objects: default 64. The host's own envelope needs about 6, and two more
    /// for each inner exception in a retry context.</summary>
    public int DepthMax { get; init; } = 64;

    /// <summary>Most properties of one kind an event may carry: default 512. IoT Hub caps a message's properties at 8 KB.</summary>
    public int PropertiesMax { get; init; } = 512;
}
