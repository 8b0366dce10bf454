using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.EventHubs;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Sweeps;

/// <summary>An alert as CloudEvent 1.0 for hub <c>alerts</c>.</summary>
/// <param name="Word">Its kind; part of its type <c>serverless.lifecycle.…</c>, never changes.</param>
/// <param name="Severity"><c>warning</c>, <c>high</c> or <c>critical</c>.</param>
/// <param name="Subject">Device or group.</param>
/// <param name="Summary">One sentence for people; names no value that a device chose.</param>
/// <param name="Cause">What made it; alerts of one cause have one id.</param>
/// <param name="At">When, UTC.</param>
internal sealed record LifecycleAlert(string Word, string Severity, string Subject, string Summary, string Cause, DateTimeOffset At)
{
    /// <summary>The alert of a warning.</summary>
    public static LifecycleAlert Of(Warning warning, DateTimeOffset now) => new(
        warning.Word,
        warning.HorizonDays == 0 ? "high" : "warning",
        warning.Subject,
        warning.HorizonDays == 0 ? warning.ToDo : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{warning.HorizonDays} days are left. {warning.ToDo}"),
        warning.Cause,
        now);

    /// <summary>The id: a function of kind, subject and cause alone. 128 bits of SHA-256 as 32 lower-case hex characters.</summary>
    public string Id() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"lifecycle-alert-1\n{Word}\n{Subject}\n{Cause}")).AsSpan(0, 16));

    /// <summary>The event, keyed by its subject.</summary>
    public OutgoingEvent ToEvent()
    {
        var id = Id();
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("specversion", "1.0");
            json.WriteString("id", id);
            json.WriteString("source", "/serverless/lifecycle");
            json.WriteString("type", "serverless.lifecycle." + Word);
            json.WriteString("subject", Subject);
            json.WriteString("time", At);
            json.WriteString("datacontenttype", "application/json");
            json.WriteStartObject("data");
            json.WriteString("kind", Word);
            json.WriteString("severity", Severity);
            json.WriteString("summary", Summary);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return new OutgoingEvent(body.WrittenMemory, Subject, "application/cloudevents+json", id, new Dictionary<string, object?>(StringComparer.Ordinal));
    }
}
