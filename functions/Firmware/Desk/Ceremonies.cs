using System.Text.Json;
using Serverless.Faults;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Desk;

/// <summary>Publishes what offline ceremonies signed: roots, targets with the products' policies, and with them the revocation of keys.</summary>
/// <remarks>Who sends the files is not trusted: root and targets carry their own signatures, and everything is judged as a device would
/// before anything becomes visible. The pipeline signs a product's role here only if it is the published one, renewed.</remarks>
/// <param name="repository">What is published.</param>
/// <param name="keys">The policy key.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where publications are told.</param>
internal sealed class Ceremonies(OtaRepository repository, ISigningKeys keys, TimeProvider clock, ILogger<Ceremonies> log)
{
    /// <summary>Longest request, bytes: a root, a targets file and one role of the largest size, in base64, and room.</summary>
    public const int WireBytesMax = 16 * 1024 * 1024;

    private const int RolesMax = 64;

    /// <summary>Publishes a ceremony's files in one publication.</summary>
    /// <param name="utf8">Hostile bytes, bounded: <see cref="MetadataChangeBody"/>.</param>
    /// <param name="cancel">Stops the call; it may be repeated as it was.</param>
    /// <returns>What devices see; or <c>json-body</c>, <c>field-range</c>, <c>publish-root</c> (the first publication brings no root),
    /// <c>policy-*</c>, <c>product-unknown</c>, <c>metadata-role-conflict</c> (not the published role, renewed), <c>targets-threshold</c>
    /// (people are missing under a role), <c>signing-key-conflict</c>, or a fault of <see cref="Publisher.Publish"/>.</returns>
    public async Task<Parsed<Published>> Publish(ReadOnlyMemory<byte> utf8, CancellationToken cancel)
    {
        if (!Read(utf8).TryGet(out var files, out var fault)) return fault;
        var read = await repository.Read(cancel).ConfigureAwait(false);
        if (!read.TryGet(out var standing, out fault) && !(fault.Code == "publish-root" && files.Root is not null)) return fault;

        Root root;
        if (files.Root is null) root = standing!.Publication.NewestRoot;
        else if (!Envelope.Read(files.Root).Then(envelope => Root.Parse(envelope.Signed)).TryGet(out root!, out fault)) return fault;
        var products = standing?.Products ?? new Dictionary<string, ProductPolicy>();
        if (files.Targets is not null && !Policies(files.Targets).TryGet(out products!, out fault)) return fault;

        var roles = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (files.Targets is not null) roles[RoleName.Targets] = files.Targets;
        foreach (var (product, file) in files.Roles)
        {
            if (standing is null || !products.TryGetValue(product, out var policy)) return new Fault("product-unknown", "roles");
            if (!(await Renewed(standing, policy, file, cancel).ConfigureAwait(false)).TryGet(out var signed, out fault)) return fault;
            roles[product] = signed;
        }
        var published = await repository.Publish(new Change(roles, files.Root, []), root, cancel).ConfigureAwait(false);
        if (published.TryGet(out var seen, out _)) Log.CeremonyPublished(log, files.Root is not null, files.Targets is not null, files.Roles.Count, seen.TimestampVersion);
        return published;
    }

    private async Task<Parsed<byte[]>> Renewed(Standing standing, ProductPolicy policy, byte[] file, CancellationToken cancel)
    {
        var conflict = new Fault("metadata-role-conflict", "roles");
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        if (!Targets.Parse(envelope.Signed).TryGet(out var next, out fault)) return fault;
        // Under the published targets: the new ones may be what takes its keys away.
        if (!(await standing.Publication.Role(policy.Product, cancel).ConfigureAwait(false)).TryGet(out var published, out _)) return conflict;
        if (!ProductRole.IsRenewalOf(envelope.Signed, published.Signed) || next.Header.Version <= published.Targets.Header.Version) return conflict;
        if (next.Header.Expires > clock.GetUtcNow() + SubmissionRule.RoleLives + TimeSpan.FromDays(1)) return new Fault("field-range", "roles.*.expires");
        var given = envelope.Signatures.Where(one => policy.Approvers.ContainsKey(one.Key))
            .Select(one => new Approval(one.Key, Convert.ToHexStringLower(one.Value), policy.Approvers[one.Key], clock.GetUtcNow())).ToList();
        var counting = ApprovalRule.Counting(new Proposal(next.Header.Version, published.Targets.Header.Version, next.Header.Expires, "", given), policy, envelope.Signed);
        if (counting.Count < policy.Threshold - 1) return new Fault("targets-threshold", "roles");

        if (!(await keys.Find(KeyUse.Policy, [policy.Pipeline], cancel).ConfigureAwait(false)).TryGet(out var signer, out fault)) return fault;
        if (!(await SignedFile.Sign(envelope.Signed, signer, cancel).ConfigureAwait(false)).TryGet(out var der, out fault)) return fault;
        var signatures = counting.ToDictionary(one => one.KeyId, one => Convert.FromHexString(one.Signature), StringComparer.Ordinal);
        signatures[signer.Key.KeyId] = der;
        return SignedFile.Assemble(envelope.Signed, signatures);
    }

    private static Parsed<IReadOnlyDictionary<string, ProductPolicy>> Policies(byte[] file)
    {
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        return Targets.Parse(envelope.Signed).TryGet(out var targets, out fault) ? ProductPolicy.ReadAll(envelope.Signed, targets) : fault;
    }

    private static Parsed<Files> Read(ReadOnlyMemory<byte> utf8)
    {
        MetadataChangeBody? body;
        try
        {
            body = JsonSerializer.Deserialize(utf8.Span, ReleaseApiJson.Default.MetadataChangeBody);
            if (body is null || body is { Root: null, Targets: null, Roles: null or { Count: 0 } }) return new Fault("json-body", "body");
            if (body.Roles?.Count > RolesMax) return new Fault("field-range", "roles");
            return new Files(
                body.Root is { } root ? Convert.FromBase64String(root) : null,
                body.Targets is { } targets ? Convert.FromBase64String(targets) : null,
                body.Roles?.ToDictionary(one => one.Key, one => Convert.FromBase64String(one.Value), StringComparer.Ordinal) ?? []);
        }
        catch (Exception malformed) when (malformed is JsonException or FormatException or ArgumentNullException)
        {
            return new Fault("json-body", "body"); // not JSON of this shape, or a member that is not base64
        }
    }

    private sealed record Files(byte[]? Root, byte[]? Targets, Dictionary<string, byte[]> Roles);
}
