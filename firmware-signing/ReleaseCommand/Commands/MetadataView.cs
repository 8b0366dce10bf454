using System.Globalization;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Metadata of any role, for a person.</summary>
internal static class MetadataView
{
    /// <summary>What a signed part says.</summary>
    /// <param name="signed">The signed part; nothing in it need be trusted.</param>
    /// <param name="signatures">Who signed, or <see langword="null"/> for a draft that is only shown.</param>
    /// <param name="trusted">A root to judge signatures by, or <see langword="null"/>.</param>
    public static Outcome Of(JsonObject signed, Envelope? signatures, Root? trusted)
    {
        var type = (signed.Find("_type") as JsonText)?.Text ?? "?";
        var version = (signed.Find("version") as JsonInteger)?.Number ?? 0;
        List<(string, string)> facts = [("expires", (signed.Find("expires") as JsonText)?.Text ?? "?"), ("sha256 of the signed bytes", ProductRole.DigestOf(signed))];
        var json = JsonObject.Of(("type", type), ("version", version), ("expires", signed.Find("expires") ?? ""), ("sha256", ProductRole.DigestOf(signed)));
        if (signatures is not null)
        {
            facts.Add(("signed by", string.Join(", ", signatures.Signatures.Keys.Select(Short))));
            json = json.With("signedBy", new JsonArray([.. signatures.Signatures.Keys.Select(id => (JsonValue)id)]));
            if (trusted is not null && trusted.Roles.ContainsKey(type))
            {
                var counts = trusted.Vouches(type, signatures);
                facts.Add(("under the root given", counts ? "enough signatures" : "NOT ENOUGH SIGNATURES"));
                json = json.With("vouched", counts);
            }
        }

        var outcome = new Outcome(string.Create(CultureInfo.InvariantCulture, $"{type}, version {version}"), json) { Facts = facts };
        return type switch
        {
            RoleName.Root => WithRoot(outcome, signed),
            RoleName.Targets => WithTargets(outcome, signed),
            _ => outcome,
        };
    }

    /// <summary>Enough of a keyid to tell keys apart.</summary>
    /// <param name="keyId">Keyid.</param>
    public static string Short(string keyId) => keyId.Length > 16 ? keyId[..16] + "…" : keyId;

    private static Outcome WithRoot(Outcome outcome, JsonObject signed)
    {
        if (!Root.Parse(signed).TryGet(out var root, out var fault)) return outcome with { Facts = [.. outcome.Facts, ("malformed", fault.ToString())] };
        return outcome with
        {
            Json = outcome.Json.With("roles", JsonObject.Of(root.Roles.Select(role => (role.Key, (JsonValue)JsonObject.Of(
                ("threshold", (long)role.Value.Threshold), ("keyids", new JsonArray([.. role.Value.KeyIds.Select(id => (JsonValue)id)]))))))),
            Columns = ["role", "threshold", "keyids"],
            Rows = [.. root.Roles.Select(role => (IReadOnlyList<string>)[role.Key, string.Create(CultureInfo.InvariantCulture, $"{role.Value.Threshold} of {role.Value.KeyIds.Count}"), string.Join(' ', role.Value.KeyIds.Select(Short))])],
        };
    }

    private static Outcome WithTargets(Outcome outcome, JsonObject signed)
    {
        if (!Targets.Parse(signed).TryGet(out var targets, out var fault)) return outcome with { Facts = [.. outcome.Facts, ("malformed", fault.ToString())] };
        if (!ProductPolicy.ReadAll(signed, targets).TryGet(out var policies, out fault)) return outcome with { Facts = [.. outcome.Facts, ("malformed", fault.ToString())] };
        var rows = policies.Values.Select(policy => (IReadOnlyList<string>)[
            $"product {policy.Product}", policy.PolicyName, string.Create(CultureInfo.InvariantCulture, $"{policy.Threshold} keys"),
            $"hardware {string.Join(' ', policy.Hardware)}; {(policy.Suit is { } suit ? $"SUIT {suit.Vendor} {suit.Component}; " : "")}pipeline {Short(policy.Pipeline)}; {string.Join(' ', policy.Approvers.Select(one => $"{one.Value}={Short(one.Key)}"))}"])
            .Concat(targets.Files.Select(file => (IReadOnlyList<string>)[file.Key, string.Create(CultureInfo.InvariantCulture, $"{file.Value.Length} bytes"), file.Value.Hashes.AreUsable ? Short(file.Value.Hashes.Prefix) : "no digest", RecordOf(file.Value)]));
        return outcome with
        {
            Json = outcome.Json
                .With("products", JsonObject.Of(policies.Values.Select(policy => (policy.Product, (JsonValue)policy.ToJson().With("threshold", (long)policy.Threshold)))))
                .With("targets", JsonObject.Of(targets.Files.Select(file => (file.Key, (JsonValue)file.Value.ToJson())))),
            Columns = ["what", "", "", ""],
            Rows = [.. rows],
        };
    }

    private static string RecordOf(TargetFile file) =>
        file.Custom is { } custom && Release.Parse(custom).TryGet(out var release, out _)
            ? string.Create(CultureInfo.InvariantCulture, $"{release.Product} {release.Version}, svn {release.Svn}, {string.Join(' ', release.Hardware)}")
            : file.Custom?.Find(SuitTarget.Member) is JsonObject of && of.Find("image") is JsonText image ? $"SUIT envelope of {image.Text}"
            : "no release record";
}
