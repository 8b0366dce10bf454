using System.Buffers;
using System.Text.Json;
using Serverless.EventHubs;
using Serverless.Faults;
using Serverless.Hosting;
using Serverless.Telemetry.Alerts;
using Serverless.Telemetry.Rejections;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>What a batch comes to: events to publish, lines to file, alerts to raise. Used again for every batch of a partition;
/// not thread-safe.</summary>
internal sealed class BatchOutcome : IDisposable
{
    /// <summary>A buffer that one hostile batch made larger than this is not kept, in bytes.</summary>
    private const int KeptBytesMax = 8 * 1024 * 1024;

    private readonly List<ValidatedEvent> _validated = [];
    private readonly List<OutgoingEvent> _alerts = [];
    private readonly List<RejectedLine> _rejected = [];
    private readonly Dictionary<string, int> _faults = new(StringComparer.Ordinal);
    private readonly Utf8JsonWriter _json = new(Stream.Null);
    private ArrayBufferWriter<byte> _lines = new(4096);

    /// <summary>Accepted events in order; bodies are stretches of <see cref="Bodies"/>.</summary>
    public IReadOnlyList<ValidatedEvent> Validated => _validated;

    /// <summary>The accepted events' normalised bodies.</summary>
    public ArrayBufferWriter<byte> Bodies { get; private set; } = new(4096);

    /// <summary>Refused events in order.</summary>
    public IReadOnlyList<RejectedLine> Rejected => _rejected;

    /// <summary>The refused events' lines.</summary>
    public ReadOnlyMemory<byte> Lines => _lines.WrittenMemory;

    /// <summary>Alerts in order of their causes.</summary>
    public IReadOnlyList<OutgoingEvent> Alerts => _alerts;

    /// <summary>Refused events by fault code.</summary>
    public IReadOnlyDictionary<string, int> Faults => _faults;

    /// <summary>Events of the hub about devices: twins, lifecycles, connections.</summary>
    public int HubEvents { get; set; }

    /// <summary>Events that were accounted for before.</summary>
    public int Repeated { get; set; }

    /// <summary>Forgets the batch before.</summary>
    public void Reset()
    {
        _validated.Clear();
        _alerts.Clear();
        _rejected.Clear();
        _faults.Clear();
        (HubEvents, Repeated) = (0, 0);
        Bodies = Emptied(Bodies);
        _lines = Emptied(_lines);
    }

    /// <summary>Takes in an accepted event whose body was just written to <see cref="Bodies"/>.</summary>
    public void Accept(in ValidatedEvent accepted) => _validated.Add(accepted);

    /// <summary>Takes in a refused event, whole.</summary>
    public void Refuse(string partition, long hour, long sequence, HubEvent refused, Fault fault, string profile)
    {
        var start = _lines.WrittenCount;
        RejectedEvent.Write(_json, _lines, partition, sequence, refused, fault, profile);
        _rejected.Add(new RejectedLine(hour, sequence, start, _lines.WrittenCount - start));
        _faults[fault.Code] = _faults.GetValueOrDefault(fault.Code) + 1;
    }

    /// <summary>Takes in an alert.</summary>
    public void Raise(Alert alert) => _alerts.Add(alert.ToEvent());

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private static ArrayBufferWriter<byte> Emptied(ArrayBufferWriter<byte> buffer)
    {
        if (buffer.Capacity > KeptBytesMax) return new ArrayBufferWriter<byte>(4096);
        buffer.ResetWrittenCount();
        return buffer;
    }
}
