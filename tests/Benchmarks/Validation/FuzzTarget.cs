using System.Buffers;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Serverless.Telemetry.Validation;

namespace Serverless.Benchmarks.Validation;

/// <summary>What must hold for any bytes whatever. An input's first byte chooses the path, the rest are the bytes.</summary>
/// <remarks>A broken promise is an <see cref="InvalidOperationException"/>, and so is any exception the rules themselves throw: to
/// the fuzzer both are findings. The answer is a signature of what happened; a new one makes an input worth keeping.</remarks>
internal sealed class FuzzTarget(Profile profile)
{
    public const int Json = 0, Cbor = 1, Gzip = 2, ProfileDocument = 3, State = 4, AuthMethod = 5, Modes = 6;
    private static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly string[] NotWellFormed =
        ["json-malformed", "json-bom", "json-invalid-utf8", "json-lone-surrogate", "json-duplicate-member", "json-trailing-data"];

    private readonly Judge _judge = new();
    private readonly Judge _second = new();
    private readonly Readings _readings = new();
    private readonly Readings _again = new();
    private readonly ArrayBufferWriter<byte> _normalised = new(1 << 16);

    /// <summary>The example profile with the one type it lacks, and unknown metrics dropped: more paths than refusing them.</summary>
    public static Profile Everything(string example)
    {
        var document = example
            .Replace("\"metrics\": [", "\"metrics\": [ { \"name\": \"vibration\", \"type\": \"vector\", \"minimum\": -100, \"maximum\": 100 },", StringComparison.Ordinal)
            .Replace("\"refuse\"", "\"drop\"", StringComparison.Ordinal);
        return Profile.Parse(Encoding.UTF8.GetBytes(document)).TryGet(out var profile, out var fault) ? profile : throw new InvalidOperationException(fault.ToString());
    }

    public string Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return "";
        var bytes = input[1..];
        return (input[0] % Modes) switch
        {
            Json => OfJson(bytes),
            Cbor => Judged(bytes, "application/cbor"u8, default, default, default),
            Gzip => OfGzip(bytes),
            ProfileDocument => "profile " + (Profile.Parse(bytes).TryGet(out _, out var fault) ? "accepted" : fault.ToString()),
            State => OfState(bytes),
            _ => Judged("{"u8, "application/json"u8, default, bytes, default),
        };
    }

    private string OfJson(ReadOnlySpan<byte> body)
    {
        var signature = Judged(body, "application/json"u8, default, default, default);
        var refusedBytes = NotWellFormed.Any(code => signature.Contains(code, StringComparison.Ordinal));
        var parses = Parses(body);
        if (parses && (signature.Contains("json-malformed", StringComparison.Ordinal) || signature.Contains("json-trailing-data", StringComparison.Ordinal)))
            throw new InvalidOperationException($"The framework parses what was refused with {signature}.");
        // Depth, lengths and numbers are bounded here and not there, and end the scan early.
        var bounded = signature.Contains("-too-", StringComparison.Ordinal) || signature.Contains("number-not-finite", StringComparison.Ordinal) || body.Length > 2048 || body.IsEmpty;
        if (!parses && !refusedBytes && !bounded) throw new InvalidOperationException($"The framework refuses what came through as {signature}.");
        return signature;
    }

    private string OfGzip(ReadOnlySpan<byte> body)
    {
        var signature = "gzip " + Judged(body, "application/json"u8, "gzip"u8, default, default);
        if (signature.Contains("gzip-", StringComparison.Ordinal)) return signature;
        if (signature.Contains("event-", StringComparison.Ordinal)) return signature;
        // It inflated: then the framework inflates it, to something as long, with the same outcome.
        using var packed = new GZipStream(new MemoryStream(body.ToArray()), CompressionMode.Decompress);
        using var into = new MemoryStream();
        packed.CopyTo(into);
        var plain = "gzip " + Judged(into.ToArray(), "application/json"u8, default, default, default);
        return plain == signature || into.Length == 0 ? signature : throw new InvalidOperationException($"Inflated: {signature}; by the framework: {plain}.");
    }

    private string OfState(ReadOnlySpan<byte> bytes)
    {
        if (!DeviceState.TryRead(bytes, out var state)) return "state refused";
        Span<byte> written = stackalloc byte[DeviceState.WireBytes];
        state.Write(written);
        if (!written.SequenceEqual(bytes)) throw new InvalidOperationException("A state read is not the state written.");
        return "state " + Judged(
            """{"messageId":"m","sentAt":"2026-06-01T12:00:00Z","sequence":7,"metrics":{"temperature":20,"humidity":50,"pressure":1000,"battery":3}}"""u8,
            "application/json"u8, default, default, state);
    }

    private string Judged(ReadOnlySpan<byte> body, ReadOnlySpan<byte> type, ReadOnlySpan<byte> encoding, ReadOnlySpan<byte> auth, DeviceState state)
    {
        var e = new TelemetryEvent
        {
            Body = body,
            ContentType = type,
            ContentEncoding = encoding,
            DeviceId = "sensor-1"u8,
            GenerationId = "1"u8,
            AuthMethod = auth.IsEmpty ? """{"scope":"device"}"""u8 : auth,
            EnqueuedAt = Noon,
        };
        var before = state;
        var verdict = _judge.Decide(e, profile, ref state, _readings);
        var other = _second.Decide(e, profile, ref before, _again);
        if (verdict.Accepted != other.Accepted || verdict.Fault != other.Fault || verdict.Notes != other.Notes || _readings.Present != _again.Present)
            throw new InvalidOperationException("The same event had two verdicts.");
        if (verdict.Accepted) CheckNormalised(e);
        return verdict.Accepted ? $"accepted {verdict.Notes} {_readings.Present:x}" : $"{verdict.Fault} {verdict.Notes}";
    }

    /// <summary>What goes on is JSON that the rules accept again, and says the same.</summary>
    private void CheckNormalised(in TelemetryEvent e)
    {
        _normalised.ResetWrittenCount();
        _readings.Normalise(e, profile, _normalised);
        if (!Parses(_normalised.WrittenSpan)) throw new InvalidOperationException("Normalised to no JSON.");
        var anew = default(DeviceState);
        var again = new TelemetryEvent
        {
            Body = _normalised.WrittenSpan,
            ContentType = "application/json"u8,
            DeviceId = e.DeviceId,
            AuthMethod = e.AuthMethod,
            EnqueuedAt = e.EnqueuedAt,
        };
        var verdict = _second.Decide(again, profile, ref anew, _again);
        // Longer than the device wrote it (unescaped CBOR text, digits of floats) it may be; different it may not.
        if (verdict.Fault?.Code == "event-too-large") return;
        if (!verdict.Accepted || _again.Present != _readings.Present || _again.Sequence != _readings.Sequence || _again.SentAt != _readings.SentAt)
            throw new InvalidOperationException($"Normalised to something else: {verdict.Fault}.");
        for (var i = 0; i < profile.Metrics.Count; i++)
        {
            if (_readings.Has(i) && _readings.Value(i) != _again.Value(i)) throw new InvalidOperationException($"Normalised to another value of {profile.Metrics[i].Name}.");
        }
    }

    private static bool Parses(ReadOnlySpan<byte> json)
    {
        // Names and texts are checked by the reader only when asked for.
        if (!Utf8.IsValid(json)) return false;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
            while (reader.Read())
            {
                // Reading is the check.
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
