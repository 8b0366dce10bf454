using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.KeyVault;

/// <summary>The vault's JSON: key bundles out, key parameters in.</summary>
internal static class Jwk
{
    /// <summary>Seconds since 1970, or none.</summary>
    public static DateTimeOffset? Instant(JsonNode? seconds) => seconds is null ? null : DateTimeOffset.FromUnixTimeSeconds((long)seconds);

    /// <summary>{"key": JWK, "attributes": …, "tags": …}.</summary>
    public static JsonObject Bundle(Uri vault, StoredKey key, StoredVersion version)
    {
        using var opened = version.Open();
        var point = opened.ExportParameters(includePrivateParameters: false).Q;
        var bundle = Item(vault, key, version);
        bundle.Remove("kid");
        bundle.Insert(0, "key", new JsonObject
        {
            ["kid"] = Id(vault, key, version),
            ["kty"] = "EC",
            ["key_ops"] = new JsonArray([.. version.Operations.Select(operation => JsonValue.Create(operation))]),
            ["crv"] = version.Curve,
            ["x"] = Base64Url.EncodeToString(point.X),
            ["y"] = Base64Url.EncodeToString(point.Y),
        });
        return bundle;
    }

    /// <summary>{"kid": …, "attributes": …, "tags": …}: an entry of a list.</summary>
    public static JsonObject Item(Uri vault, StoredKey key, StoredVersion version, bool withVersion = true)
    {
        var attributes = new JsonObject { ["enabled"] = version.Enabled };
        if (version.NotBefore is { } notBefore) attributes["nbf"] = notBefore.ToUnixTimeSeconds();
        if (version.Expires is { } expires) attributes["exp"] = expires.ToUnixTimeSeconds();
        attributes["created"] = version.Created.ToUnixTimeSeconds();
        attributes["updated"] = version.Updated.ToUnixTimeSeconds();
        attributes["recoveryLevel"] = "Recoverable";
        attributes["recoverableDays"] = 90;
        attributes["exportable"] = false;
        var item = new JsonObject { ["kid"] = withVersion ? Id(vault, key, version) : $"{vault}keys/{key.Name}", ["attributes"] = attributes };
        if (version.Tags is { } tags) item["tags"] = tags.DeepClone();
        return item;
    }

    /// <summary>The id of a version.</summary>
    public static string Id(Uri vault, StoredKey key, StoredVersion version) => $"{vault}keys/{key.Name}/{version.Version}";

    // {"kty":"EC","crv":…,"key_ops":[…],"attributes":{"enabled":…,"nbf":…,"exp":…},"tags":{…}}
    /// <returns>What to create, or <c>key-parameter</c>. RSA, oct and HSM keys are refused by name.</returns>
    public static Parsed<KeySpec> ReadSpec(JsonObject body)
    {
        if (Text(body["kty"]) != "EC") return new Fault("key-parameter", "kty");
        var curve = body["crv"] is null ? "P-256" : Text(body["crv"]);
        if (curve is null) return new Fault("key-parameter", "crv");
        if (!TryOperations(body["key_ops"], out var operations)) return new Fault("key-parameter", "key_ops");
        return TryAttributes(body["attributes"], out var enabled, out var notBefore, out var expires)
            ? new KeySpec(curve, notBefore, expires, enabled ?? true, operations)
            : new Fault("key-parameter", "attributes");
    }

    // {"key":{"kty":"EC","crv":…,"x":…,"y":…,"d":…,"key_ops":[…]},"attributes":{…}}
    /// <returns>What to import and its private key, which the caller disposes of; or <c>key-parameter</c>.</returns>
    public static Parsed<(KeySpec Spec, ECDsa Key)> ReadImport(JsonObject body)
    {
        if (body["key"] is not JsonObject jwk) return new Fault("key-parameter", "key");
        var flat = jwk.DeepClone().AsObject();
        flat["attributes"] = body["attributes"]?.DeepClone();
        if (!ReadSpec(flat).TryGet(out var spec, out var fault)) return fault;
        if (VaultCurve.Find(spec.Curve) is not { } curve || Bytes(jwk["x"]) is not { } x || Bytes(jwk["y"]) is not { } y || Bytes(jwk["d"]) is not { } d) return new Fault("key-parameter", "key");
        try
        {
            return (spec, ECDsa.Create(new ECParameters { Curve = curve.Curve, Q = new ECPoint { X = x, Y = y }, D = d }));
        }
        catch (CryptographicException)
        {
            return new Fault("key-parameter", "key");
        }
    }

    /// <summary>What a PATCH changes.</summary>
    /// <returns>The change, or <c>key-parameter</c>.</returns>
    public static Parsed<Func<StoredVersion, StoredVersion>> ReadChange(JsonObject body)
    {
        if (!TryOperations(body["key_ops"], out var operations)) return new Fault("key-parameter", "key_ops");
        if (!TryAttributes(body["attributes"], out var enabled, out var notBefore, out var expires)) return new Fault("key-parameter", "attributes");
        var tags = body["tags"] as JsonObject;
        return new Func<StoredVersion, StoredVersion>(version => version with
        {
            Operations = operations ?? version.Operations,
            Enabled = enabled ?? version.Enabled,
            NotBefore = notBefore ?? version.NotBefore,
            Expires = expires ?? version.Expires,
            Tags = tags?.DeepClone().AsObject() ?? version.Tags,
        });
    }

    /// <summary>base64url without padding, or nothing.</summary>
    public static byte[]? Bytes(JsonNode? node) =>
        Text(node) is { Length: > 0 and <= 1024 } text && Base64Url.IsValid(text) && !text.Contains('=', StringComparison.Ordinal) ? Base64Url.DecodeFromChars(text) : null;

    /// <summary>A text, or nothing.</summary>
    public static string? Text(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    private static bool TryOperations(JsonNode? node, out IReadOnlyList<string>? operations)
    {
        operations = null;
        if (node is null) return true;
        if (node is not JsonArray { Count: <= 16 } list || list.Any(one => Text(one) is null)) return false;
        operations = [.. list.Select(one => Text(one)!)];
        return true;
    }

    private static bool TryAttributes(JsonNode? node, out bool? enabled, out DateTimeOffset? notBefore, out DateTimeOffset? expires)
    {
        (enabled, notBefore, expires) = (null, null, null);
        if (node is null) return true;
        if (node is not JsonObject attributes) return false;
        if (attributes["enabled"] is { } flag)
        {
            if (flag.GetValueKind() is not (JsonValueKind.True or JsonValueKind.False)) return false;
            enabled = flag.GetValue<bool>();
        }
        return TryInstant(attributes["nbf"], out notBefore) && TryInstant(attributes["exp"], out expires);
    }

    private static bool TryInstant(JsonNode? node, out DateTimeOffset? instant)
    {
        instant = null;
        if (node is null) return true;
        if (node.GetValueKind() != JsonValueKind.Number || !((JsonValue)node).TryGetValue<long>(out var seconds) || seconds is < 0 or > 253_402_300_799) return false;
        instant = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }
}
