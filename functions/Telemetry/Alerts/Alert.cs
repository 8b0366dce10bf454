using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.EventHubs;
using Serverless.Faults;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Publishing;

namespace Serverless.Telemetry.Alerts;

/// <summary>Something ops should know, and the event that caused it.</summary>
internal sealed record Alert
{
    /// <summary>Media type of a CloudEvent in structured mode (CloudEvents 1.0, JSON event format, section 3).</summary>
    public const string ContentType = "application/cloudevents+json; charset=utf-8";

    /// <summary>What about.</summary>
    public required AlertKind Kind { get; init; }

    /// <summary>Which resource: <c>/hubs/telemetry/partitions/3</c>, or <c>/profiles</c>.</summary>
    public required string Source { get; init; }

    /// <summary>Whom it is about: a device id as the hub stamped it, or a profile's name; empty when nobody can be named.</summary>
    public required string Subject { get; init; }

    /// <summary>Event time, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Partition of hub <c>telemetry</c> of the event that caused it; empty for a profile's alert.</summary>
    public string Partition { get; init; } = "";

    /// <summary>Its sequence number.</summary>
    public long Sequence { get; init; }

    /// <summary>The fault, for refusals.</summary>
    public Fault? Fault { get; init; }

    /// <summary>Refusals since the last alert about this, this one included; 0 where nothing is counted.</summary>
    public int Count { get; init; }

    /// <summary>The profile judged by, or empty.</summary>
    public string Profile { get; init; } = "";

    /// <summary>What tells causes of one partition and sequence apart, or revisions of a profile.</summary>
    public string Cause { get; init; } = "";

    /// <summary>The scorer's finding, for anomalies.</summary>
    public Anomaly? Anomaly { get; init; }

    /// <summary>The id: a function of the cause and of nothing else, so that a batch decided twice raises nothing new.
    /// 128 bits of SHA-256 as 32 lower-case hex characters.</summary>
    public string Id()
    {
        var cause = string.Create(CultureInfo.InvariantCulture, $"telemetry-alert-1\n{Kind.Word}\n{Subject}\n{Partition}\n{Sequence}\n{Cause}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(cause)).AsSpan(0, 16));
    }

    /// <summary>The alert as a CloudEvent for hub <c>alerts</c>.</summary>
    public OutgoingEvent ToEvent()
    {
        var id = Id();
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body)) Write(json, id);
        var properties = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [PublishedProperty.SourcePartition] = Partition,
            [PublishedProperty.SourceSequence] = Sequence,
        };
        return new OutgoingEvent(body.WrittenMemory, Subject.Length == 0 ? null : Subject, ContentType, id, properties);
    }

    // CloudEvents 1.0 section 3: required id, source, specversion, type; then subject, time and data.
    private void Write(Utf8JsonWriter json, string id)
    {
        json.WriteStartObject();
        json.WriteString("specversion", "1.0");
        json.WriteString("id", id);
        json.WriteString("source", Source);
        json.WriteString("type", "serverless.telemetry." + Kind.Word);
        if (Subject.Length != 0) json.WriteString("subject", Subject);
        json.WriteString("time", At);
        json.WriteString("datacontenttype", "application/json");
        json.WriteStartObject("data");
        json.WriteString("kind", Kind.Word);
        json.WriteString("severity", Kind.Severity);
        json.WriteString("summary", Kind.Summary);
        if (Fault is { } fault)
        {
            json.WriteString("fault", fault.Code);
            json.WriteString("where", fault.Where);
        }

        Anomaly?.Write(json);
        if (Count != 0) json.WriteNumber("count", Count);
        if (Profile.Length != 0) json.WriteString("profile", Profile);
        if (Partition.Length != 0)
        {
            json.WriteString("partition", Partition);
            json.WriteNumber("sequence", Sequence);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
