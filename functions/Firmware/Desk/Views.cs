using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Desk;

/// <summary>What callers are shown.</summary>
/// <param name="repository">What is published.</param>
/// <param name="releases">The table.</param>
/// <param name="refreshing">Knows every role's end.</param>
internal sealed class Views(OtaRepository repository, IReleases releases, Refreshing refreshing)
{
    /// <summary>Releases a page holds.</summary>
    public const int PageCount = 100;

    /// <summary>One change, with the text to sign.</summary>
    /// <returns>It, or <c>release-unknown</c>.</returns>
    public Task<Parsed<ReleaseBody>> Show(ReleaseId id, CancellationToken cancel) => Show(id, Detail.Text, cancel);

    /// <summary>One change, with the text to sign and the envelopes that it lists.</summary>
    /// <remarks>An envelope is complete before anybody approves: an MCU behind a hostile gateway would take it. Who only looks is not given it.</remarks>
    /// <returns>It, or <c>release-unknown</c>.</returns>
    public Task<Parsed<ReleaseBody>> ShowToApprover(ReleaseId id, CancellationToken cancel) => Show(id, Detail.Envelopes, cancel);

    /// <summary>One change, with the text to sign.</summary>
    public Task<Parsed<ReleaseBody>> Show(ReleaseRecord record, CancellationToken cancel) => Show(record, Detail.Text, cancel);

    /// <summary>A page of changes.</summary>
    /// <param name="product">Only this product's, or <see langword="null"/>.</param>
    /// <param name="after">Id of the last one seen, or <see langword="null"/>.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>It, or <c>release-unknown</c> for a malformed <c>after</c>, or the fault with which a device would refuse the repository.</returns>
    public async Task<Parsed<ReleasesBody>> List(string? product, string? after, CancellationToken cancel)
    {
        ReleaseId? last = null;
        if (after is not null && !ReleaseId.Parse(after).TryGet(out last, out var fault)) return fault;
        if (product is not null && !FirmwareSigning.Trust.Release.IsId(product)) return new Fault("product-unknown", "product");
        var page = await releases.Page(product, last, PageCount + 1, cancel).ConfigureAwait(false);
        var read = await repository.Read(cancel).ConfigureAwait(false);
        if (!read.TryGet(out var standing, out fault) && fault.Code != "publish-root") return fault;
        var bodies = new List<ReleaseBody>();
        foreach (var record in page.Take(PageCount))
        {
            var of = standing is null ? new Fault("product-unknown", "product") : await OtaRepository.Of(standing, record.Id.Product, cancel).ConfigureAwait(false);
            bodies.Add(Body(record, of.TryGet(out var shown, out _) ? shown : null, Detail.None));
        }
        return new ReleasesBody(bodies, page.Count > PageCount ? page[PageCount - 1].Id.Text : null);
    }

    /// <summary>All products.</summary>
    public async Task<Parsed<ProductsBody>> Products(CancellationToken cancel)
    {
        if (!(await repository.Read(cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault)) return fault;
        var products = new List<ProductBody>();
        foreach (var policy in standing.Products.Values.OrderBy(one => one.Product, StringComparer.Ordinal))
        {
            if (!(await OtaRepository.Of(standing, policy.Product, cancel).ConfigureAwait(false)).TryGet(out var product, out fault)) return fault;
            var approvers = policy.Approvers.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => new ApproverBody(one.Key, one.Value));
            products.Add(new ProductBody(
                policy.Product, policy.PolicyName, policy.Hardware, policy.Threshold, policy.Pipeline, [.. approvers],
                product.Version, product.Role is { } role ? Header.Write(role.Targets.Header.Expires) : null,
                policy.Suit is { } suit ? new SuitBody(suit.Vendor, suit.Component) : null));
        }
        return new ProductsBody(products);
    }

    /// <summary>All roles and their ends.</summary>
    public async Task<Parsed<MetadataBody>> Metadata(CancellationToken cancel)
    {
        if (!(await repository.Read(cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault)) return fault;
        var roles = await refreshing.Expiries(standing, cancel).ConfigureAwait(false);
        return new MetadataBody([.. roles.Select(one => new RoleBody(one.Role, one.Header.Version, Header.Write(one.Header.Expires)))]);
    }

    private async Task<Parsed<ReleaseBody>> Show(ReleaseId id, Detail detail, CancellationToken cancel) =>
        await releases.Read(id, cancel).ConfigureAwait(false) is { } stored
            ? await Show(stored.Record, detail, cancel).ConfigureAwait(false)
            : new Fault("release-unknown", "id");

    private async Task<Parsed<ReleaseBody>> Show(ReleaseRecord record, Detail detail, CancellationToken cancel)
    {
        var standing = await repository.Read(record.Id.Product, cancel).ConfigureAwait(false);
        if (standing.TryGet(out var product, out var fault)) return Body(record, product, detail);
        return fault.Code == "product-unknown" ? Body(record, null, detail) : fault;
    }

    private static ReleaseBody Body(ReleaseRecord record, ProductStanding? standing, Detail detail)
    {
        var text = record.State == ReleaseState.Proposed && standing is not null && SuitRule.Fits(record, standing.Policy) ? ProposalRule.TextAgain(record, standing.Role) : null;
        // Found stale before anything has written it down.
        var state = record.State == ReleaseState.Proposed && text is null ? ReleaseState.Stale : record.State;
        var submission = record.Submission;
        return new ReleaseBody(
            record.Id.Text, record.Id.Kind, record.Id.Product, record.Id.Version.Length > 0 ? record.Id.Version : null,
            standing?.Policy.PolicyName ?? "none", state,
            record.Fault is { } fault ? new FaultBody(fault.Code, fault.Where) : null,
            state is ReleaseState.Checking or ReleaseState.Approved && record.Image is { } image ? new ProgressBody(record.DoneBytes, image.Bytes) : null,
            record.SubmittedBy, Header.Write(record.SubmittedAt), record.Reason.Length > 0 ? record.Reason : null,
            submission is null ? null : new ImageBody(
                submission.Target, submission.Image, record.Image!.Bytes, submission.Sha256, submission.Sbom, record.SbomSha256.Length > 0 ? record.SbomSha256 : null),
            submission?.Hardware, submission?.Svn, submission?.SlotBytes, submission?.Notes,
            submission is null ? null : Header.Write(submission.SupportUntil),
            record.Proposal is { } proposal ? Body(record, proposal, standing?.Policy, state, text, detail) : null,
            record.Published is { } published ? new PublishedBody(Header.Write(published.At), published.TimestampVersion, published.SnapshotVersion) : null);
    }

    private static ProposalBody Body(ReleaseRecord record, Proposal proposal, ProductPolicy? policy, string state, JsonObject? text, Detail detail) => new(
        record.Id.Product, proposal.RoleVersion, proposal.BaseVersion, Header.Write(proposal.Expires), proposal.Sha256,
        text is null || detail == Detail.None ? null : Convert.ToBase64String(JsonWriting.Encode(text)),
        policy?.Threshold ?? 0,
        [.. proposal.Approvals.Select(one => new SignedByBody(one.KeyId, one.By, Header.Write(one.At)))],
        policy is null || state != ReleaseState.Proposed ? [] : [.. ApprovalRule.MayStillApprove(record, policy).Select(one => new ApproverBody(one.Key, one.Value))],
        record.Envelopes.Count == 0 ? null : [.. record.Envelopes.Select(one => new EnvelopeBody(
            SuitTarget.NameOf(record.Target, one.Hardware), one.Hardware, Convert.ToHexStringLower(SHA256.HashData(one.Content.Span)),
            text is not null && detail == Detail.Envelopes ? Convert.ToBase64String(one.Content.Span) : null))]);

    private enum Detail
    {
        None,
        Text,
        Envelopes,
    }
}
