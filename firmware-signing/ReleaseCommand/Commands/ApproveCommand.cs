using System.CommandLine;
using System.Globalization;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.ReleaseCommand.Releases;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary><c>approve</c>: shows what the bytes to sign say, and signs exactly those with the approver's own key.</summary>
internal static class ApproveCommand
{
    private static readonly Argument<string> Id = new("RELEASE") { Description = "The release's id, such as gw100@1.4.0, gw100@1.4.0~withdrawal or gw100~renewal." };
    private static readonly Option<string> Key = KeyCommands.VaultKey();
    private static readonly Option<string?> Image = Maybe("--image", "The image as you built or tested it: refused unless it is the one to be released.", "FILE");
    private static readonly Option<string?> Output = Maybe("--out", "Write the signed role to a file instead of handing the signature in; for `fwsign publish --role`.", "FILE");
    private static readonly Option<string?> MetadataFolder = Maybe("--metadata-dir", "Where the published metadata is kept between runs.", "DIR");
    private static readonly Option<bool> Wait = new("--wait") { Description = "Wait until it is published." };

    /// <summary>The command.</summary>
    /// <remarks>Refuses with a fault of <see cref="ReleasesClient.Show"/>, <see cref="DeviceView"/> or <see cref="ProposalReview.Of"/>, <c>proposal-image</c>
    /// (not the image at hand), <c>approval-key-forbidden</c> (not a key that still counts), <c>not-confirmed</c>, the vault's refusal, or the service's.</remarks>
    public static Command Create(CommandTree tree) =>
        tree.Make("approve", "Shows what is to be signed, compared with what devices see now, and signs exactly that with your own key in the vault.",
            [Id, Key, Image, Output, MetadataFolder, Wait], async (parsed, session, cancel) =>
            {
                if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out var fault)) return fault;
                using (connection)
                {
                    var asked = await connection.Releases().Show(parsed.GetRequiredValue(Id), cancel).ConfigureAwait(false);
                    if (!asked.TryGet(out var release, out fault)) return fault;
                    var compared = await Published(connection, release.Product, parsed.GetValue(MetadataFolder), session, cancel).ConfigureAwait(false);
                    if (!compared.TryGet(out var base_, out fault)) return fault;
                    if (!ProposalReview.Of(release, base_.Role, base_.Policy).TryGet(out var review, out fault)) return fault;
                    if (await Mismatch(parsed.GetValue(Image), release, session, cancel).ConfigureAwait(false) is { } other) return other;
                    return await Sign(connection, parsed, session, release, review, cancel).ConfigureAwait(false);
                }
            });

    private static async Task<Parsed<Outcome>> Sign(Connection connection, ParseResult parsed, Session session, ReleaseBody release, ProposalReview review, CancellationToken cancel)
    {
        if (!(await KeyCommands.OpenSigner(connection, parsed.GetRequiredValue(Key), cancel).ConfigureAwait(false)).TryGet(out var signer, out var fault)) return fault;
        // The service decides; saying it here spares a signature that would be lying around.
        if (release.Proposal!.MayApprove.All(one => one.KeyId != signer.Key.KeyId)) return new Fault("approval-key-forbidden", "--key");
        if (signer.Attributes.RefusesSigningAt(session.Now) is { } notNow) return notNow;
        var view = View(release, review, signer.Id.ToString());
        if (session.DryRun) return view;
        if (!session.Json) session.Show(view);
        if (session.Confirm("Your key will sign exactly this.", release.Id) is { } unwanted) return unwanted;

        if (!(await SignedFile.Sign(review.Signed, signer, cancel).ConfigureAwait(false)).TryGet(out var der, out fault)) return fault;
        if (parsed.GetValue(Output) is { } output)
        {
            var path = Path.GetFullPath(output);
            var file = SignedFile.Assemble(review.Signed, new Dictionary<string, byte[]> { [signer.Key.KeyId] = der });
            return OutputFiles.Create(Path.GetDirectoryName(path)!, [(Path.GetFileName(path), file, false)]) is { } there
                ? there
                : new Outcome($"signed {release.Id} into {path}", JsonObject.Of(("file", path), ("keyId", signer.Key.KeyId))) { Next = [$"fwsign publish --targets … --role {release.Product}={path}"] };
        }

        var approval = new ApprovalBody(ProductRole.DigestOf(review.Signed), signer.Key.KeyId, Convert.ToHexStringLower(der));
        var answer = await connection.Releases().Approve(release.Id, approval, cancel).ConfigureAwait(false);
        if (parsed.GetValue(Wait) && answer.TryGet(out var taken, out _)) answer = await ReleaseCommands.Settled(session, connection, taken, cancel).ConfigureAwait(false);
        return answer.Then<Outcome>(after => ReleaseView.Of(after, "approved"));
    }

    // The role that devices trust now. A pipeline that was taken over could propose anything and describe it nicely; what is published
    // it cannot change without an approver.
    private static async Task<Parsed<(JsonObject? Role, ProductPolicy? Policy)>> Published(Connection connection, string product, string? folder, Session session, CancellationToken cancel)
    {
        if (connection.Profile is not { Metadata: { } metadata, Targets: { } targets, RootFile: { } rootFile })
        {
            session.Say("The profile names no repository (metadataUrl, targetsUrl, root): what changes cannot be compared with what devices see now.");
            return (null, null);
        }
        if (!InputFile.Read(rootFile, Root.WireBytesMax).TryGet(out var root, out var fault)) return fault;
        var refreshed = await DeviceView.Refresh(folder ?? DeviceCommands.MetadataFolderOf(), root, connection.Repository(), new RepositoryAddress(metadata, targets), session.At.Clock, cancel).ConfigureAwait(false);
        if (!refreshed.TryGet(out var view, out fault)) return fault;
        if (!(await view.Role(product, cancel).ConfigureAwait(false)).TryGet(out var role, out fault)) return fault;
        return view.Policy(product).Then<(JsonObject?, ProductPolicy?)>(policy => (role, policy));
    }

    private static async Task<Fault?> Mismatch(string? path, ReleaseBody release, Session session, CancellationToken cancel)
    {
        if (path is null) return null;
        if (!File.Exists(path)) return new Fault("file-missing", Path.GetFileName(path));
        var (length, digest) = await session.WithBar("hashing " + Path.GetFileName(path), new FileInfo(path).Length, progress => ImageDigest.OfFile(path, progress, cancel)).ConfigureAwait(false);
        return release.Image is { } image && image.Bytes == length && image.Sha256 == Convert.ToHexStringLower(digest) ? null : new Fault("proposal-image", "--image");
    }

    private static Outcome View(ReleaseBody release, ProposalReview review, string key)
    {
        var rows = review.Changes.Select(change =>
        {
            var file = review.Targets.Files.GetValueOrDefault(change.Name);
            var record = review.ReleaseOf(change.Name).TryGet(out var read, out _) ? read : null;
            return (IReadOnlyList<string>)[
                Word(change.Kind), change.Name, file is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{file.Length} bytes, sha256 {Convert.ToHexStringLower(file.Hashes.Sha256 ?? [])}"),
                review.Envelopes.TryGetValue(change.Name, out var manifest) ? string.Create(CultureInfo.InvariantCulture, $"SUIT envelope, sequence {manifest.Sequence}, of image {Convert.ToHexStringLower(manifest.ImageSha256.Span)}")
                : record is null ? "" : string.Create(CultureInfo.InvariantCulture, $"hardware {string.Join(' ', record.Hardware)}; svn {record.Svn}; slot {record.SlotBytes}; support until {Header.Write(record.SupportUntil)}; notes: {record.Notes}")];
        });
        return new Outcome($"{release.Kind} {release.Id}: this will be signed", JsonObject.Of(
            ("id", release.Id), ("sha256", ProductRole.DigestOf(review.Signed)), ("key", key), ("compared", review.IsCompared),
            ("changes", new JsonArray([.. review.Changes.Select(change => (JsonValue)JsonObject.Of(("change", Word(change.Kind)), ("target", change.Name)))]))))
        {
            Facts =
            [
                ("policy", release.Policy == "single-person" ? "SINGLE-PERSON: one person may submit and approve" : release.Policy),
                ("submitted", $"{release.SubmittedAt} by {release.SubmittedBy}"),
                ("reason", release.Reason ?? ""),
                ("role", string.Create(CultureInfo.InvariantCulture, $"{release.Product}, version {review.Targets.Header.Version}, expires {Header.Write(review.Targets.Header.Expires)}")),
                ("sha256 of the signed bytes", ProductRole.DigestOf(review.Signed)),
                ("your key", key),
                ("compared with what devices see", review.IsCompared
                    ? string.Create(CultureInfo.InvariantCulture, $"yes: {review.Changes.Count} change(s) below, {review.Targets.Files.Count - review.Changes.Count(change => change.Kind != ChangeKind.Removed)} target(s) stay as they are")
                    : "NO: all targets of the role are listed"),
            ],
            Columns = ["", "target", "image", "release"],
            Rows = [.. rows],
        };
    }

    private static string Word(ChangeKind kind) => kind switch { ChangeKind.Added => "added", ChangeKind.Removed => "removed", ChangeKind.Changed => "CHANGED", _ => "listed" };
}
