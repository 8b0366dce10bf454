using Serverless.Faults;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Ceremony;

/// <summary>A product to be made.</summary>
/// <param name="Product">Product id.</param>
/// <param name="Hardware">Hardware ids.</param>
/// <param name="Pipeline">The pipeline's policy key.</param>
/// <param name="Approvers">Object id of the person, and the person's key.</param>
/// <param name="Threshold">Different keys that must sign, the pipeline's included.</param>
/// <param name="People">Two-person, unless single-person is asked for by name.</param>
internal sealed record NewProduct(
    string Product, IReadOnlyList<string> Hardware, PublicKey Pipeline, IReadOnlyList<(string Person, PublicKey Key)> Approvers, int Threshold, PeoplePolicy People)
{
    /// <summary>For MCUs: each release then carries SUIT envelopes.</summary>
    public SuitPolicy? Suit { get; init; }
}

/// <summary>The rules of changes to the offline targets role. Pure.</summary>
internal static class TargetsCeremony
{
    /// <summary>The first: no product yet.</summary>
    /// <param name="expires">UTC.</param>
    public static JsonObject First(DateTimeOffset expires) => Draft.Targets(1, expires, new Dictionary<string, TargetFile>(), []);

    /// <summary>The same content, later end; also for new targets keys.</summary>
    /// <param name="signed">Signed part of the current role.</param>
    /// <param name="current">The same, parsed.</param>
    /// <param name="expires">UTC.</param>
    public static JsonObject Renewed(JsonObject signed, Targets current, DateTimeOffset expires) => Next(signed, current, expires);

    /// <summary>With a product more.</summary>
    /// <param name="signed">Signed part of the current role.</param>
    /// <param name="current">The same, parsed.</param>
    /// <param name="product">The product.</param>
    /// <param name="expires">UTC.</param>
    /// <returns>The signed part, or <c>product-exists</c>, <c>product-name</c>, <c>ceremony-key-twice</c>, or a fault of <see cref="ProductPolicy.ReadAll"/>.</returns>
    public static Parsed<JsonObject> WithProduct(JsonObject signed, Targets current, NewProduct product, DateTimeOffset expires)
    {
        if (!Release.IsId(product.Product) || !RoleName.IsOurs(product.Product)) return new Fault("product-name", "--product");
        if (current.Delegations.Any(one => one.Name == product.Product)) return new Fault("product-exists", "--product");
        PublicKey[] keys = [product.Pipeline, .. product.Approvers.Select(one => one.Key)];
        if (keys.Select(key => key.Material).Distinct(StringComparer.Ordinal).Count() != keys.Length) return new Fault("ceremony-key-twice", "--approver");
        var policy = new ProductPolicy(
            product.Product, product.People, product.Hardware, product.Pipeline.KeyId,
            product.Approvers.ToDictionary(one => one.Key.KeyId, one => one.Person, StringComparer.Ordinal),
            keys.ToDictionary(key => key.KeyId, StringComparer.Ordinal), product.Threshold)
        {
            Suit = product.Suit,
        };
        var delegations = Delegations(current).Append(Draft.Product(product.Product, keys, product.Threshold)).ToArray();
        return Judged(policy.AddTo(WithDelegations(Next(signed, current, expires), delegations)));
    }

    /// <summary>With an approver's key gone from every product, and perhaps another in its place.</summary>
    /// <param name="signed">Signed part of the current role.</param>
    /// <param name="current">The same, parsed.</param>
    /// <param name="keyId">The key to take away, or its beginning of at least 8 characters.</param>
    /// <param name="replacement">Object id and key that take its place, or none.</param>
    /// <param name="expires">UTC.</param>
    /// <returns>The signed part and the products it changes; or <c>ceremony-key-unknown</c> (no approver's key: the offline and online keys are
    /// rotated by a root ceremony), or a fault of <see cref="ProductPolicy.ReadAll"/>: too few people would be left.</returns>
    public static Parsed<(JsonObject Signed, IReadOnlyList<string> Products)> WithoutKey(
        JsonObject signed, Targets current, string keyId, (string Person, PublicKey Key)? replacement, DateTimeOffset expires)
    {
        if (!ProductPolicy.ReadAll(signed, current).TryGet(out var policies, out var fault)) return fault;
        var named = policies.Values.SelectMany(policy => policy.Approvers.Keys).Where(id => id.StartsWith(keyId, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).ToArray();
        if (keyId.Length < 8 || named is not [var gone]) return new Fault("ceremony-key-unknown", "KEYID");
        var next = Next(signed, current, expires);
        var delegations = Delegations(current);
        var changed = new List<string>();
        foreach (var policy in policies.Values.Where(policy => policy.Approvers.ContainsKey(gone)))
        {
            var approvers = policy.Approvers.Where(one => one.Key != gone).ToDictionary(StringComparer.Ordinal);
            var keys = policy.Keys.Values.Where(key => key.KeyId != gone).ToList();
            if (replacement is { } joining && approvers.TryAdd(joining.Key.KeyId, joining.Person)) keys.Add(joining.Key);
            var index = Array.FindIndex(delegations, one => one.Role.Name == policy.Product);
            delegations[index] = Draft.Product(policy.Product, keys, policy.Threshold);
            next = (policy with { Approvers = approvers, Keys = keys.ToDictionary(key => key.KeyId, StringComparer.Ordinal) }).AddTo(next);
            changed.Add(policy.Product);
        }
        return Judged(WithDelegations(next, delegations)).Then<(JsonObject, IReadOnlyList<string>)>(made => (made, changed));
    }

    // Whatever was put together must be what the pipeline will read.
    private static Parsed<JsonObject> Judged(JsonObject next) =>
        !Targets.Parse(next).TryGet(out var parsed, out var fault) ? fault
        : ProductPolicy.ReadAll(next, parsed).TryGet(out _, out fault) ? next
        : fault;

    private static JsonObject Next(JsonObject signed, Targets current, DateTimeOffset expires) =>
        signed.With("version", current.Header.Version + 1).With("expires", Header.Write(expires));

    private static (Delegation Role, IReadOnlyList<PublicKey> Keys)[] Delegations(Targets current) =>
        [.. current.Delegations.Select(one => (one, (IReadOnlyList<PublicKey>)[.. one.Keys.KeyIds.Where(current.Keys.ContainsKey).Select(id => current.Keys[id])]))];

    private static JsonObject WithDelegations(JsonObject next, IReadOnlyList<(Delegation, IReadOnlyList<PublicKey>)> delegations) =>
        next.With("delegations", Draft.Targets(1, DateTimeOffset.UnixEpoch, new Dictionary<string, TargetFile>(), delegations).Find("delegations")!);
}
