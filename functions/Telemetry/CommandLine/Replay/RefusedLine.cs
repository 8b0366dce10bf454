using System.Buffers;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Rejections;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>One line of container <c>rejected</c>, as <see cref="RejectedEvent.Write"/> wrote it.</summary>
/// <remarks>Trusted as evidence: only ingestion's identity may write there, and whoever else could would decide what a replay
/// publishes, and in whose name. What the event itself says is as hostile as on the day it came.</remarks>
internal sealed class RefusedLine
{
    private readonly byte[] _contentType;
    private readonly byte[] _contentEncoding;
    private readonly byte[] _authMethod;

    private RefusedLine(JsonElement line)
    {
        Partition = Required(line, "partition");
        Sequence = line.GetProperty("sequence").GetInt64();
        EnqueuedAt = line.GetProperty("enqueuedAt").GetDateTimeOffset();
        Device = Optional(line, "device");
        Fault = Required(line, "fault");
        Where = Required(line, "where");
        Profile = Optional(line, "profile");
        Body = line.GetProperty("body").GetBytesFromBase64();
        var system = line.GetProperty("system");
        Source = Only(system, "iothub-message-source");
        Generation = Only(system, "iothub-connection-auth-generation-id");
        (_contentType, _contentEncoding) = (Bytes(Only(system, "content-type")), Bytes(Only(system, "content-encoding")));
        _authMethod = Bytes(Only(system, "iothub-connection-auth-method"));
    }

    /// <summary>Partition of hub <c>telemetry</c>.</summary>
    public string Partition { get; }

    /// <summary>Sequence number there.</summary>
    public long Sequence { get; }

    /// <summary>When it reached that hub, UTC.</summary>
    public DateTimeOffset EnqueuedAt { get; }

    /// <summary>The hub's stamp, or empty.</summary>
    public string Device { get; }

    /// <summary>The hub's stamp of which device of that id, or empty.</summary>
    public string Generation { get; }

    /// <summary>The hub's stamp of what kind of event it is, or empty.</summary>
    public string Source { get; }

    /// <summary>Code of the fault it was refused for.</summary>
    public string Fault { get; }

    /// <summary>Path of that fault; <c>event</c> when the host had garbled the event.</summary>
    public string Where { get; }

    /// <summary>The profile it was judged by, or empty.</summary>
    public string Profile { get; }

    /// <summary>The message, as it came.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Reads a line, without its newline.</summary>
    /// <exception cref="InvalidDataException">It is not one that ingestion wrote.</exception>
    public static RefusedLine Read(ReadOnlySequence<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return new RefusedLine(document.RootElement);
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InvalidDataException("a line of container rejected is not one of ingestion's", other);
        }
    }

    /// <summary>The event as the judge takes it.</summary>
    public TelemetryEvent Event(byte[] device, byte[] generation) => new()
    {
        Body = Body.Span,
        ContentType = _contentType,
        ContentEncoding = _contentEncoding,
        DeviceId = device,
        GenerationId = generation,
        AuthMethod = _authMethod,
        EnqueuedAt = EnqueuedAt,
        SequenceNumber = Sequence,
    };

    private static string Required(JsonElement line, string name) => line.GetProperty(name).GetString() ?? throw new FormatException();

    private static string Optional(JsonElement line, string name) => line.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    // As ingestion reads them: a name that occurs twice has no value that anyone should act on.
    private static string Only(JsonElement system, string name)
    {
        var found = "";
        var count = 0;
        foreach (var property in system.EnumerateObject())
        {
            if (!property.NameEquals(name)) continue;
            found = property.Value.GetString() ?? "";
            count++;
        }

        return count == 1 ? found : "";
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
