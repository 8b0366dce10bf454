using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>Reads the vault's JSON. Members we do not know are passed over; those we need are checked.</summary>
internal static class Answers
{
    /// <summary>Longest answer taken, bytes: a page of 25 versions has about 6 KB.</summary>
    public const int BytesMax = 256 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    // {"key":{"kid":…,"kty":"EC","crv":"P-256","x":…,"y":…,"key_ops":[…]},"attributes":{…},"tags":{…}}
    /// <returns>The key, or <c>vault-answer</c>, <c>key-type</c> (not an EC key on a NIST curve), <c>key-id</c>.</returns>
    public static Parsed<VaultKey> Key(ReadOnlyMemory<byte> json) => Read<VaultKey>(json, root =>
    {
        if (!Member(root, "key", out var key)) return new Fault("vault-answer", "key");
        if (!VaultKeyId.Parse(Text(key, "kid")).TryGet(out var id, out var fault)) return fault;
        if (Text(key, "kty") is not ("EC" or "EC-HSM") || SigningCurve.Find(Text(key, "crv")) is not { } curve) return new Fault("key-type", "key.kty");
        if (Coordinate(key, "x", curve) is not { } x || Coordinate(key, "y", curve) is not { } y) return new Fault("vault-answer", "key.x");
        if (!Attributes(root).TryGet(out var attributes, out fault)) return fault;
        string[] operations = key.TryGetProperty("key_ops", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(one => one.ValueKind == JsonValueKind.String).Select(one => one.GetString()!)] : [];
        var point = new ECParameters { Curve = curve.Curve, Q = new ECPoint { X = x, Y = y } };
        return IsOnCurve(point) ? new VaultKey(id, curve, point, operations, attributes) : new Fault("vault-answer", "key.x");
    });

    // {"value":[{"kid":…,"attributes":{…}},…],"nextLink":…|null}
    /// <returns>A page and the link to the next, or <c>vault-answer</c>, <c>key-id</c>.</returns>
    public static Parsed<(List<KeyVersion> Versions, string? Next)> Page(ReadOnlyMemory<byte> json) => Read<(List<KeyVersion>, string?)>(json, root =>
    {
        if (!root.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.Array) return new Fault("vault-answer", "value");
        var versions = new List<KeyVersion>(value.GetArrayLength());
        foreach (var entry in value.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object) return new Fault("vault-answer", "value.*");
            if (!VaultKeyId.Parse(Text(entry, "kid")).TryGet(out var id, out var fault)) return fault;
            if (!Attributes(entry).TryGet(out var attributes, out fault)) return fault;
            versions.Add(new KeyVersion(id, attributes));
        }
        return (versions, Text(root, "nextLink") is { Length: > 0 } next ? next : null);
    });

    // {"kid":…,"value":base64url}
    /// <returns>What the vault says it signed with, and the signature; or <c>vault-answer</c>, <c>key-id</c>.</returns>
    public static Parsed<VaultSignature> Signature(ReadOnlyMemory<byte> json) => Read<VaultSignature>(json, root =>
        !VaultKeyId.Parse(Text(root, "kid")).TryGet(out var id, out var fault) ? fault
        : Bytes(Text(root, "value")) is { } value ? new VaultSignature(id, value)
        : new Fault("vault-answer", "value"));

    /// <summary>The codes of an error answer, inner one first; empty when it has none. Messages are not read: they name people.</summary>
    public static (string Inner, string Code) Error(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object && Member(document.RootElement, "error", out var error)
                ? (Member(error, "innererror", out var inner) ? Text(inner, "code") ?? "" : "", Text(error, "code") ?? "")
                : ("", "");
        }
        catch (JsonException)
        {
            return ("", ""); // a gateway's page: the status says what is to be known
        }
    }

    private static Parsed<T> Read<T>(ReadOnlyMemory<byte> json, Func<JsonElement, Parsed<T>> read)
        where T : notnull
    {
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : new Fault("vault-answer", "body");
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is not UTF-16 when decoded (a lone surrogate).
            return new Fault("vault-answer", "body");
        }
    }

    private static Parsed<KeyAttributes> Attributes(JsonElement of)
    {
        if (!Member(of, "attributes", out var attributes)) return new Fault("vault-answer", "attributes");
        // A key whose state is not said is not enabled: failing closed costs a release, failing open signs with a revoked key.
        var enabled = attributes.TryGetProperty("enabled", out var flag) && flag.ValueKind == JsonValueKind.True;
        return TryInstant(attributes, "nbf", out var notBefore) && TryInstant(attributes, "exp", out var expires) && TryInstant(attributes, "created", out var created)
            ? new KeyAttributes(enabled, notBefore, expires, created ?? DateTimeOffset.UnixEpoch)
            : new Fault("vault-answer", "attributes");
    }

    // Seconds since 1970; the range of DateTimeOffset's conversion, so that no answer can throw.
    private static bool TryInstant(JsonElement of, string name, out DateTimeOffset? instant)
    {
        instant = null;
        if (!of.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return true;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var seconds) || seconds is < 0 or > 253_402_300_799) return false;
        instant = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }

    private static bool Member(JsonElement of, string name, out JsonElement member) => of.TryGetProperty(name, out member) && member.ValueKind == JsonValueKind.Object;

    private static string? Text(JsonElement of, string name) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Leading zeros may have been stripped: RFC 7518 section 6.2.1.2 forbids it, nobody promises it.
    private static byte[]? Coordinate(JsonElement key, string name, SigningCurve curve)
    {
        if (Bytes(Text(key, name)) is not { Length: > 0 } bytes || bytes.Length > curve.CoordinateBytes) return null;
        var padded = new byte[curve.CoordinateBytes];
        bytes.CopyTo(padded, padded.Length - bytes.Length);
        return padded;
    }

    private static byte[]? Bytes(string? base64Url) =>
        base64Url is { Length: <= 4096 } && Base64Url.IsValid(base64Url) ? Base64Url.DecodeFromChars(base64Url) : null;

    private static bool IsOnCurve(ECParameters point)
    {
        try
        {
            using var key = ECDsa.Create(point);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
