using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Lifecycle.Endings;

/// <summary>An attempt of a device to come back.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="Path">By which way, such as <c>dps-registration</c>, <c>hub-session</c>, <c>telemetry</c>.</param>
/// <param name="Answer">What it was told.</param>
public sealed record ReturnAttempt(DateTimeOffset At, string Path, string Answer);

/// <summary>The statement that a device is dead: a JSON document that names each plane, when it was closed and by which answer, as payload of a
/// compact JWS (RFC 7515) with ES256 (RFC 7518 section 3.4).</summary>
public static class DeathStatement
{
    /// <summary>The <c>typ</c> of the header, so that no other token of the same key is taken for a statement (RFC 8725 section 3.11).</summary>
    public const string Type = "device-death+jws";

    /// <summary>Longest statement, bytes of text.</summary>
    public const int BytesMax = 64 * 1024;

    /// <summary>Most attempts a statement lists; it says how many there were.</summary>
    public const int AttemptsMax = 100;

    /// <summary>What is to be signed: header and payload, base64url, with a dot between.</summary>
    /// <param name="record">A dead device's row.</param>
    /// <param name="attempts">Attempts to come back, oldest first.</param>
    /// <param name="keyId">The signing key with its version, such as <c>https://…/keys/death/0123…</c>.</param>
    /// <param name="now">When it is signed, UTC.</param>
    /// <exception cref="InvalidOperationException">The device is not dead: signing it would be a lie.</exception>
    public static string SigningInput(DeviceRecord record, IReadOnlyList<ReturnAttempt> attempts, string keyId, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(attempts);
        if (record is not { State: DeviceState.Dead, Ending: not null }) throw new InvalidOperationException("only the dead get a statement of death");
        var header = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteString("alg", "ES256");
            json.WriteString("typ", Type);
            json.WriteString("kid", keyId);
            json.WriteEndObject();
        }

        var payload = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(payload)) Write(json, record, attempts, now);
        return Base64Url.EncodeToString(header.WrittenSpan) + "." + Base64Url.EncodeToString(payload.WrittenSpan);
    }

    /// <summary>The digest that a key signs.</summary>
    /// <param name="signingInput">As <see cref="SigningInput"/> made it.</param>
    public static byte[] Digest(string signingInput) => SHA256.HashData(Encoding.ASCII.GetBytes(signingInput));

    /// <summary>The statement.</summary>
    /// <param name="signingInput">As <see cref="SigningInput"/> made it.</param>
    /// <param name="signature">R and S, 64 bytes.</param>
    public static string Compact(string signingInput, ReadOnlySpan<byte> signature) => signingInput + "." + Base64Url.EncodeToString(signature);

    /// <summary>Verifies a statement offline.</summary>
    /// <param name="statement">Untrusted text.</param>
    /// <param name="key">The public key, P-256, from a source the reader trusts; what the header says of a key is not believed.</param>
    /// <returns>The payload, or <c>statement-form</c> (not a compact JWS of bounded size), <c>statement-type</c> (not ES256, or not a
    /// statement of death), <c>statement-signature</c>.</returns>
    public static Parsed<JsonElement> Verify(string statement, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(statement);
        ArgumentNullException.ThrowIfNull(key);
        if (statement.Length > BytesMax || statement.Split('.') is not [var head, var body, var tail]) return new Fault("statement-form", "statement");
        if (!TryDecode(head, out var header) || !TryDecode(body, out var payload) || !TryDecode(tail, out var signature) || signature.Length != 64) return new Fault("statement-form", "statement");
        if (!TryParse(header, out var meta) || Text(meta, "alg") != "ES256" || Text(meta, "typ") != Type || meta.TryGetProperty("crit", out _)) return new Fault("statement-type", "header");
        if (!key.VerifyHash(Digest(head + "." + body), signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)) return new Fault("statement-signature", "signature");
        return TryParse(payload, out var document) && Text(document, "device") is not null ? document : new Fault("statement-form", "payload");
    }

    private static void Write(Utf8JsonWriter json, DeviceRecord record, IReadOnlyList<ReturnAttempt> attempts, DateTimeOffset now)
    {
        var ending = record.Ending!;
        json.WriteStartObject();
        json.WriteNumber("version", 1);
        json.WriteString("device", record.Id.Text);
        json.WriteString("state", Words.Of(record.State));
        json.WriteString("model", record.Model);
        json.WriteString("reason", ending.Reason);
        json.WriteString("askedAt", Instant(ending.AskedAt));
        json.WriteString("dueAt", Instant(ending.DueAt));
        if (ending.NewOwner is not null) json.WriteBoolean("transferred", true); // to whom is not the reader's affair
        json.WriteString("signedAt", Instant(now));
        json.WriteStartArray("keys");
        foreach (var key in LedgerKeys.Of(record)) json.WriteStringValue(key.Text);
        json.WriteEndArray();
        json.WriteStartArray("planes");
        foreach (var plane in Planes.Of(record))
        {
            if (record.Closings[plane.Name] is not { } closing) throw new InvalidOperationException($"plane {plane.Name} of a dead device was never begun");
            json.WriteStartObject();
            json.WriteString("plane", closing.Plane);
            json.WriteString("stage", closing.Stage);
            json.WriteString("at", Instant(closing.At));
            json.WriteString("answer", closing.Answer);
            json.WriteNumber("attempts", closing.Attempts);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("returnAttempts", attempts.Count);
        json.WriteStartArray("returns");
        foreach (var attempt in attempts.Take(AttemptsMax))
        {
            json.WriteStartObject();
            json.WriteString("at", Instant(attempt.At));
            json.WriteString("path", attempt.Path);
            json.WriteString("answer", attempt.Answer);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string? Text(JsonElement element, string member) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = [];
        if (!Base64Url.IsValid(text, out var length)) return false;
        bytes = Base64Url.DecodeFromChars(text);
        return bytes.Length == length;
    }

    private static bool TryParse(byte[] bytes, out JsonElement element)
    {
        element = default;
        try
        {
            element = JsonElement.Parse(bytes, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return element.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
