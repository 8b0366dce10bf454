using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.Firmware.Releases;

/// <summary>The text of a proposal, worked out from what is published: the table keeps its digest, never the text.</summary>
public static class ProposalRule
{
    /// <summary>The role that a change asks for.</summary>
    /// <param name="record">The change; of a release, checked.</param>
    /// <param name="published">The published role, or <see langword="null"/> before the first.</param>
    /// <param name="version">The new role's version.</param>
    /// <param name="expires">Its end, UTC.</param>
    /// <returns>The signed part, or <c>release-exists</c>, <c>product-full</c>, <c>release-state-conflict</c> (nothing to withdraw or to
    /// renew).</returns>
    public static Parsed<JsonObject> Text(ReleaseRecord record, PublishedRole? published, long version, DateTimeOffset expires)
    {
        ArgumentNullException.ThrowIfNull(record);
        switch (record.Id.Kind)
        {
            case ReleaseKind.Release:
                return ProductRole.With(published?.Signed, version, expires, SuitRule.TargetsOf(record));
            case ReleaseKind.Withdrawal:
                return TargetsOf(record.Id, published) is { Count: > 0 } targets
                    ? ProductRole.Without(published!.Signed, version, expires, targets)
                    : new Fault("release-state-conflict", "version");
            default:
                return published is null ? new Fault("release-state-conflict", "product") : ProductRole.Renewed(published.Signed, version, expires);
        }
    }

    /// <summary>The text of a proposal already made, if it still builds on what is published.</summary>
    /// <param name="record">The change.</param>
    /// <param name="published">The published role, or <see langword="null"/> before the first.</param>
    /// <returns>The signed part, or <see langword="null"/>: another change came first.</returns>
    public static JsonObject? TextAgain(ReleaseRecord record, PublishedRole? published)
    {
        ArgumentNullException.ThrowIfNull(record);
        var proposal = record.Proposal ?? throw new InvalidOperationException("Nothing is proposed.");
        if ((published?.Targets.Header.Version ?? 0) != proposal.BaseVersion) return null;
        // A text that differs from the one signed is not this proposal's: the table was written over.
        return Text(record, published, proposal.RoleVersion, proposal.Expires).TryGet(out var signed, out _) && ProductRole.DigestOf(signed) == proposal.Sha256 ? signed : null;
    }

    /// <summary>Whether devices see the change already: after a crash, or when another change was built on it.</summary>
    /// <param name="record">The change.</param>
    /// <param name="published">The published role, or <see langword="null"/> before the first.</param>
    public static bool IsVisible(ReleaseRecord record, PublishedRole? published)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (published is null) return false;
        return record.Id.Kind switch
        {
            // The image and these very envelopes; the same image with others is another proposal.
            ReleaseKind.Release => SuitRule.TargetsOf(record).All(one => published.Targets.Files.TryGetValue(one.Name, out var file) && file.Hashes == one.File.Hashes),
            ReleaseKind.Withdrawal => record.Proposal is not null && TargetsOf(record.Id, published).Count == 0,
            _ => record.Proposal is { } renewal && published.Targets.Header.Version == renewal.RoleVersion && ProductRole.DigestOf(published.Signed) == renewal.Sha256,
        };
    }

    /// <summary>The targets of a published version: its image and envelopes.</summary>
    /// <param name="id">A release or its withdrawal.</param>
    /// <param name="published">The published role.</param>
    public static IReadOnlyList<string> TargetsOf(ReleaseId id, PublishedRole? published)
    {
        ArgumentNullException.ThrowIfNull(id);
        var prefix = $"{id.Product}/{id.Version}/";
        return [.. (published?.Targets.Files.Keys ?? []).Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];
    }
}
