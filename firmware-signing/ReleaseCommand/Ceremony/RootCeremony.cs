using Serverless.Faults;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Ceremony;

/// <summary>Whether the offline keys are spread over people.</summary>
internal enum Custody
{
    /// <summary>At least two people must come together.</summary>
    Shared,

    /// <summary>One person holds everything: for trying out. Asked for by name.</summary>
    SingleHolder,
}

/// <summary>How a root changes.</summary>
/// <param name="AddRoot">Keys that join role root.</param>
/// <param name="AddTargets">Keys that join role targets.</param>
/// <param name="Remove">Beginnings of keyids, at least 8 characters, that leave root and targets.</param>
/// <param name="RootThreshold">Or as it was.</param>
/// <param name="TargetsThreshold">Or as it was.</param>
/// <param name="Snapshot">The key of role snapshot, or as it was.</param>
/// <param name="Timestamp">The key of role timestamp, or as it was.</param>
internal sealed record RootChange(
    IReadOnlyList<PublicKey> AddRoot, IReadOnlyList<PublicKey> AddTargets, IReadOnlyList<string> Remove,
    int? RootThreshold, int? TargetsThreshold, PublicKey? Snapshot, PublicKey? Timestamp);

/// <summary>The rules of root ceremonies. Pure.</summary>
internal static class RootCeremony
{
    /// <summary>Most holders: more than that nobody can bring together, and each key is one to lose.</summary>
    public const int HoldersMax = 16;

    /// <summary>Checks who is to hold what.</summary>
    /// <param name="holders">Names.</param>
    /// <param name="threshold">How many must come together.</param>
    /// <param name="custody">Shared, unless asked for by name.</param>
    /// <returns>Nothing, or <c>ceremony-holders</c> (none, too many, one twice, or a name that is no file name), <c>ceremony-threshold</c>
    /// (not 1 to their number; or 1, without single-holder custody).</returns>
    public static Fault? Refuses(IReadOnlyList<string> holders, int threshold, Custody custody)
    {
        if (holders.Count is 0 or > HoldersMax || !holders.All(Trust.Release.IsId) || holders.Distinct(StringComparer.Ordinal).Count() != holders.Count)
            return new Fault("ceremony-holders", "--holder");
        if (threshold < 1 || threshold > holders.Count) return new Fault("ceremony-threshold", "--threshold");
        return threshold == 1 && custody == Custody.Shared ? new Fault("ceremony-threshold", "--custody") : null;
    }

    /// <summary>The first root.</summary>
    /// <param name="root">Holders' root keys.</param>
    /// <param name="targets">Holders' targets keys.</param>
    /// <param name="threshold">Of both roles.</param>
    /// <param name="snapshot">Online key.</param>
    /// <param name="timestamp">Online key.</param>
    /// <param name="expires">UTC.</param>
    /// <returns>The signed part, or <c>ceremony-key-twice</c> (one key in two roles: its thief would have both).</returns>
    public static Parsed<JsonObject> First(
        IReadOnlyList<PublicKey> root, IReadOnlyList<PublicKey> targets, int threshold, PublicKey snapshot, PublicKey timestamp, DateTimeOffset expires) =>
        Build(1, expires, Roles(new RoleDraft(root, threshold), new RoleDraft(targets, threshold), snapshot, timestamp));

    /// <summary>The root that follows.</summary>
    /// <param name="current">The current root.</param>
    /// <param name="signed">Its signed part: members nobody here knows are kept.</param>
    /// <param name="change">What changes; nothing at all is a renewal.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="custody">Shared, unless asked for by name.</param>
    /// <returns>The signed part, or <c>ceremony-key-unknown</c> (names no key of root or targets, or more than one, or is shorter than 8
    /// characters), <c>ceremony-threshold</c>, <c>ceremony-key-twice</c>, <c>ceremony-online-keys</c> (snapshot or timestamp has not exactly
    /// one key, so it was not made by this program).</returns>
    public static Parsed<JsonObject> Next(Root current, JsonObject signed, RootChange change, DateTimeOffset expires, Custody custody)
    {
        var held = current.Roles[RoleName.Root].KeyIds.Concat(current.Roles[RoleName.Targets].KeyIds).Distinct(StringComparer.Ordinal).ToArray();
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var prefix in change.Remove)
        {
            var named = held.Where(id => id.StartsWith(prefix, StringComparison.Ordinal)).ToArray();
            if (prefix.Length < 8 || named.Length != 1) return new Fault("ceremony-key-unknown", "--remove-key");
            gone.Add(named[0]);
        }

        var root = Changed(current, RoleName.Root, gone, change.AddRoot, change.RootThreshold);
        var targets = Changed(current, RoleName.Targets, gone, change.AddTargets, change.TargetsThreshold);
        foreach (var role in new[] { root, targets })
        {
            if (role.Threshold < 1 || role.Threshold > role.Keys.Count) return new Fault("ceremony-threshold", "--threshold");
            if (role.Threshold == 1 && custody == Custody.Shared) return new Fault("ceremony-threshold", "--custody");
        }

        if ((change.Snapshot ?? Single(current, RoleName.Snapshot)) is not { } snapshot || (change.Timestamp ?? Single(current, RoleName.Timestamp)) is not { } timestamp)
            return new Fault("ceremony-online-keys", "root.roles");
        return Build(current.Header.Version + 1, expires, Roles(root, targets, snapshot, timestamp)).Then<JsonObject>(next => Kept(signed, next));
    }

    private static RoleDraft Changed(Root current, string role, HashSet<string> gone, IReadOnlyList<PublicKey> joining, int? threshold) => new(
        [.. current.Roles[role].KeyIds.Where(id => !gone.Contains(id) && current.Keys.ContainsKey(id)).Select(id => current.Keys[id]), .. joining],
        threshold ?? current.Roles[role].Threshold);

    private static PublicKey? Single(Root current, string role) =>
        current.Roles[role].KeyIds is [var only] && current.Keys.TryGetValue(only, out var key) ? key : null;

    private static Dictionary<string, RoleDraft> Roles(RoleDraft root, RoleDraft targets, PublicKey snapshot, PublicKey timestamp) => new(StringComparer.Ordinal)
    {
        [RoleName.Root] = root,
        [RoleName.Targets] = targets,
        [RoleName.Snapshot] = new RoleDraft([snapshot], 1),
        [RoleName.Timestamp] = new RoleDraft([timestamp], 1),
    };

    private static Parsed<JsonObject> Build(long version, DateTimeOffset expires, Dictionary<string, RoleDraft> roles)
    {
        var all = roles.Values.SelectMany(role => role.Keys).Select(key => key.Material).ToArray();
        return all.Distinct(StringComparer.Ordinal).Count() == all.Length ? Draft.Root(version, expires, roles) : new Fault("ceremony-key-twice", "root.roles");
    }

    // FORMAT.md 2.3.
    private static JsonObject Kept(JsonObject before, JsonObject next)
    {
        for (var i = 0; i < before.Count; i++)
        {
            if (next.Find(before.Names[i]) is null) next = next.With(before.Names[i], before.At(i));
        }
        return next;
    }
}
