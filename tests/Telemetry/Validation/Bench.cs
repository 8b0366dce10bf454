using System.Buffers;
using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>One device under judgement: what a test does not set is right.</summary>
internal sealed class Bench
{
    public static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    public const string Device = "sensor-1";
    public const string Quiet = """{"scope":"device","type":"x509","issuer":"external"}""";

    public readonly Judge Judge = new();
    public readonly Readings Readings = new();
    public DeviceState State;
    public Profile? Profile = Profiles.Plain();
    public DateTimeOffset Now = Noon;
    public string DeviceId = Device;
    public string ContentType = "application/json";
    public string ContentEncoding = "";
    public string Generation = "1";
    public string AuthMethod = Quiet;
    public bool IsEnded;

    public TelemetryEvent Event(byte[] body) => new()
    {
        Body = body,
        ContentType = Encoding.UTF8.GetBytes(ContentType),
        ContentEncoding = Encoding.UTF8.GetBytes(ContentEncoding),
        DeviceId = Encoding.UTF8.GetBytes(DeviceId),
        IsEnded = IsEnded,
        GenerationId = Encoding.UTF8.GetBytes(Generation),
        AuthMethod = Encoding.UTF8.GetBytes(AuthMethod),
        EnqueuedAt = Now,
        SequenceNumber = 1,
    };

    public Verdict Judged(byte[] body) => Judge.Decide(Event(body), Profile, ref State, Readings);

    public Verdict Judged(string body) => Judged(Encoding.UTF8.GetBytes(body));

    /// <summary>Judges one message made of its parts; <paramref name="metrics"/> is what stands between the inner braces.</summary>
    public Verdict Sent(long sequence, string metrics, DateTimeOffset? sentAt = null, string? id = null) =>
        Judged(Message(sequence, metrics, sentAt ?? Now, id));

    public static string Message(long sequence = 1, string metrics = "", DateTimeOffset? sentAt = null, string? id = null) =>
        $$$"""{"messageId":"{{{id ?? $"m{sequence}"}}}","sentAt":"{{{sentAt ?? Noon:yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'}}}","sequence":{{{sequence}}},"metrics":{ {{{metrics}}}}}""";

    public string Normalised(byte[] body)
    {
        var into = new ArrayBufferWriter<byte>();
        Readings.Normalise(Event(body), Profile!, into);
        return Encoding.UTF8.GetString(into.WrittenSpan);
    }

    public string Normalised(string body) => Normalised(Encoding.UTF8.GetBytes(body));

    public static string Outcome(in Verdict verdict) => verdict.Fault?.ToString() ?? "accepted";
}
