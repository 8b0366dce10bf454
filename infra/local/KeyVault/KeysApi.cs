using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.KeyVault;

/// <summary>A request to the keys API, past token, role and rate.</summary>
/// <param name="Name">The key's name; empty for lists of keys.</param>
/// <param name="Version">The version of the path, or <see langword="null"/>.</param>
/// <param name="Body">The body, empty when there is none.</param>
/// <param name="Query">A query parameter, or <see langword="null"/>.</param>
internal sealed record KeyCall(string Name, string? Version, JsonObject Body, Func<string, string?> Query);

/// <summary>The operations of the keys API (REST API 7.4 to 2025-07-01) on EC keys.</summary>
internal sealed class KeysApi(KeyStore store, Func<Uri> vault)
{
    private const int PageMax = 25; // the service's own limit

    /// <returns>A bundle, or <c>key-parameter</c>, <c>key-deleted</c>.</returns>
    public Parsed<JsonObject> Create(KeyCall call) =>
        Jwk.ReadSpec(call.Body).Then(spec => store.Add(call.Name, spec, null, call.Body["tags"]?.DeepClone() as JsonObject)).Then(Current);

    /// <returns>A bundle, or <c>key-parameter</c>, <c>key-deleted</c>.</returns>
    public Parsed<JsonObject> Import(KeyCall call)
    {
        if (!Jwk.ReadImport(call.Body).TryGet(out var import, out var fault)) return fault;
        using (import.Key) return store.Add(call.Name, import.Spec, import.Key, call.Body["tags"]?.DeepClone() as JsonObject).Then(Current);
    }

    /// <returns>A bundle, or <c>key-not-found</c>. A key that is off can still be read.</returns>
    public Parsed<JsonObject> Show(KeyCall call) => Find(call).Then<JsonObject>(found => Jwk.Bundle(vault(), found.Key, found.Version));

    /// <returns>A bundle, or <c>key-not-found</c>, <c>key-parameter</c>.</returns>
    public Parsed<JsonObject> Update(KeyCall call)
    {
        if (!Jwk.ReadChange(call.Body).TryGet(out var change, out var fault)) return fault;
        return store.Update(call.Name, call.Version, change).Then<JsonObject>(key => Jwk.Bundle(vault(), key, key.Find(call.Version)!));
    }

    /// <returns>A bundle, or <c>key-not-found</c>.</returns>
    public Parsed<JsonObject> Rotate(KeyCall call) => store.Rotate(call.Name).Then(Current);

    /// <returns>A page, or <c>key-not-found</c>, <c>argument-invalid</c>. In the order of version ids, which says nothing of age: the service promises no order.</returns>
    public Parsed<JsonObject> Versions(KeyCall call) => store.Find(call.Name).Then(key => Page(
        call, $"keys/{key.Name}/versions", [.. key.Versions.OrderBy(one => one.Version, StringComparer.Ordinal).Select(version => Jwk.Item(vault(), key, version))]));

    /// <returns>A page, or <c>argument-invalid</c>.</returns>
    public Parsed<JsonObject> List(KeyCall call) => Page(call, "keys", [.. store.All().Select(key => Jwk.Item(vault(), key, key.Current, withVersion: false))]);

    /// <returns>kid and R||S, or <c>key-not-found</c>, <c>key-parameter</c>, <c>digest-length</c>, and why the key may not sign.</returns>
    public Parsed<JsonObject> Sign(KeyCall call) => Operate(call, "sign", "value", (key, version, digest) => new JsonObject
    {
        ["kid"] = Jwk.Id(vault(), key, version),
        ["value"] = Base64Url.EncodeToString(Signed(version, digest)),
    });

    /// <returns>Whether it verifies, or a refusal as of <see cref="Sign"/>; outside nbf and exp this still works.</returns>
    public Parsed<JsonObject> Verify(KeyCall call) => Operate(call, "verify", "digest", (_, version, digest) =>
    {
        using var opened = version.Open();
        return new JsonObject { ["value"] = Jwk.Bytes(call.Body["value"]) is { } signature && opened.VerifyHash(digest, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation) };
    });

    /// <returns>The deleted bundle, or <c>key-not-found</c>.</returns>
    public Parsed<JsonObject> Delete(KeyCall call) => store.SetDeleted(call.Name, deleted: true).Then(Deleted);

    /// <returns>The deleted bundle, or <c>key-not-found</c>.</returns>
    public Parsed<JsonObject> ShowDeleted(KeyCall call) => store.FindDeleted(call.Name).Then(Deleted);

    /// <returns>A bundle, or <c>key-not-found</c>.</returns>
    public Parsed<JsonObject> Recover(KeyCall call) => store.SetDeleted(call.Name, deleted: false).Then(Current);

    /// <returns><c>key-purge</c>: as in the deployed vault, purge protection is on.</returns>
    public static Parsed<JsonObject> Purge(KeyCall call) => new Fault("key-purge", "key");

    private static byte[] Signed(StoredVersion version, byte[] digest)
    {
        using var opened = version.Open();
        return opened.SignHash(digest, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private Parsed<JsonObject> Current(StoredKey key) => Jwk.Bundle(vault(), key, key.Current);

    private Parsed<JsonObject> Deleted(StoredKey key)
    {
        var bundle = Jwk.Bundle(vault(), key, key.Current);
        bundle["recoveryId"] = $"{vault()}deletedkeys/{key.Name}";
        bundle["deletedDate"] = key.DeletedAt!.Value.ToUnixTimeSeconds();
        bundle["scheduledPurgeDate"] = key.DeletedAt.Value.AddDays(90).ToUnixTimeSeconds();
        return bundle;
    }

    private Parsed<(StoredKey Key, StoredVersion Version)> Find(KeyCall call) => store.Find(call.Name).Then<(StoredKey, StoredVersion)>(key =>
        key.Find(call.Version) is { } version ? (key, version) : new Fault("key-not-found", "key.version"));

    private Parsed<JsonObject> Operate(KeyCall call, string operation, string digestMember, Func<StoredKey, StoredVersion, byte[], JsonObject> act)
    {
        if (!Find(call).TryGet(out var found, out var fault)) return fault;
        if (store.Refuses(found.Version, operation) is { } refused) return refused;
        var curve = VaultCurve.Find(found.Version.Curve)!;
        if (Jwk.Text(call.Body["alg"]) != curve.Algorithm) return new Fault("key-parameter", "alg");
        if (Jwk.Bytes(call.Body[digestMember]) is not { } digest || digest.Length != curve.DigestBytes) return new Fault("digest-length", digestMember);
        return act(found.Key, found.Version, digest);
    }

    private Parsed<JsonObject> Page(KeyCall call, string path, IReadOnlyList<JsonObject> items)
    {
        var size = PageMax;
        if (call.Query("maxresults") is { } asked && (!int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out size) || size is < 1 or > PageMax)) return new Fault("argument-invalid", "maxresults");
        var from = 0;
        if (call.Query("$skiptoken") is { } token && (!int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out from) || from > items.Count)) return new Fault("argument-invalid", "$skiptoken");
        var page = items.Skip(from).Take(size).ToArray();
        var next = from + page.Length < items.Count
            ? string.Create(CultureInfo.InvariantCulture, $"{vault()}{path}?api-version={Uri.EscapeDataString(call.Query("api-version")!)}&$skiptoken={from + page.Length}&maxresults={size}")
            : null;
        return new JsonObject { ["value"] = new JsonArray([.. page]), ["nextLink"] = next };
    }
}
