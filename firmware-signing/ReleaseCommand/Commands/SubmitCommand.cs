using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary><c>submit</c>: an image and its bill of materials are uploaded, and a release is proposed.</summary>
internal static class SubmitCommand
{
    private const int SbomBytesMax = 64 * 1024 * 1024;

    private static readonly Argument<string> Image = new("IMAGE") { Description = "The image file." };
    private static readonly Option<string> Product = Needed("--product", "Product id.", "ID");
    private static readonly Option<string> Version = Needed("--release-version", "Semantic version of the release, such as 1.4.0.", "VERSION");
    private static readonly Option<string[]> Hardware = Many("--hardware", "Hardware id it runs on.", "ID", required: true);
    private static readonly Option<int> Svn = Number("--svn", "Security version: devices never go below it again", 0, int.MaxValue);
    private static readonly Option<long?> Slot = new("--slot-bytes") { Description = "Bytes the slot must have; the image's length by default.", HelpName = "BYTES" };
    private static readonly Option<string> Sbom = Needed("--sbom", "Bill of materials, CycloneDX or SPDX JSON.", "FILE");
    private static readonly Option<string> Support = Needed("--support-until", "Until when security updates are promised, yyyy-MM-dd or yyyy-MM-ddTHH:mm:ssZ.", "INSTANT");
    private static readonly Option<string?> Notes = Maybe("--notes", "Release notes.", "TEXT");
    private static readonly Option<string?> NotesFile = Maybe("--notes-file", "File with release notes, up to 4096 characters.", "FILE");
    private static readonly Option<bool> Wait = new("--wait") { Description = "Wait until the pipeline has checked the image." };

    /// <summary>The command.</summary>
    /// <remarks>Refuses with <c>file-missing</c>, <c>file-size</c>, <c>target-name</c> (a file's name that may not stand in the repository), <c>expires-format</c>,
    /// <c>image-size</c> (empty, or larger than its slot), a fault of <see cref="Release.Parse"/> or <see cref="ImageUpload.Run"/>, or the service's.</remarks>
    public static Command Create(CommandTree tree) =>
        tree.Make("submit", "Hashes and uploads an image in blocks, and proposes it as a release. A second run goes on where the first stopped.",
            [Image, Product, Version, Hardware, Svn, Slot, Sbom, Support, Notes, NotesFile, Wait], async (parsed, session, cancel) =>
            {
                if (!(await Prepare(parsed, session, cancel).ConfigureAwait(false)).TryGet(out var prepared, out var fault)) return fault;
                var (submission, bytes, sbomBytes) = prepared;
                if (session.DryRun) return new Outcome($"would submit {submission.Product}@{submission.Version}", Json(submission)) { Facts = Facts(submission, bytes) };
                if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out fault)) return fault;
                using (connection)
                {
                    var (image, sbom) = (parsed.GetRequiredValue(Image), parsed.GetRequiredValue(Sbom));
                    fault = await session.WithBar("uploading " + Path.GetFileName(image), bytes, progress => ImageUpload.Run(connection.Images(), submission.Image, image, bytes, progress, cancel)).ConfigureAwait(false)
                        ?? await session.WithBar("uploading " + Path.GetFileName(sbom), sbomBytes, progress => ImageUpload.Run(connection.Images(), submission.Sbom, sbom, sbomBytes, progress, cancel)).ConfigureAwait(false);
                    if (fault is not null) return fault;
                    var answer = await connection.Releases().Submit(submission, cancel).ConfigureAwait(false);
                    if (parsed.GetValue(Wait) && answer.TryGet(out var submitted, out _)) answer = await ReleaseCommands.Settled(session, connection, submitted, cancel).ConfigureAwait(false);
                    if (!answer.TryGet(out var release, out fault)) return fault;
                    if (release is { State: ReleaseState.Refused, Fault: { } said }) return new Fault(said.Code, said.Where);
                    return ReleaseView.Of(release, "submitted") with { Next = [$"somebody else: fwsign approve {release.Id} --key NAME"] };
                }
            });

    // Everything that can be refused here is refused before a byte is sent.
    private static async Task<Parsed<(SubmissionBody Submission, long Bytes, long SbomBytes)>> Prepare(ParseResult parsed, Session session, CancellationToken cancel)
    {
        var path = parsed.GetRequiredValue(Image);
        var file = new FileInfo(path);
        if (!file.Exists) return new Fault("file-missing", file.Name);
        if (!Release.IsSegment(file.Name)) return new Fault("target-name", file.Name);
        if (!InputFile.Read(parsed.GetRequiredValue(Sbom), SbomBytesMax).TryGet(out var sbom, out var fault)) return fault;
        var sbomName = Path.GetFileName(parsed.GetRequiredValue(Sbom));
        if (!Release.IsSegment(sbomName)) return new Fault("target-name", sbomName);
        var notes = parsed.GetValue(Notes) ?? "";
        if (parsed.GetValue(NotesFile) is { } notesFile)
        {
            if (!InputFile.Read(notesFile, 64 * 1024).TryGet(out var text, out fault)) return fault;
            notes = Encoding.UTF8.GetString(text).TrimEnd();
        }
        var support = parsed.GetRequiredValue(Support);
        if (support.Length == 10) support += "T00:00:00Z";
        if (!Header.TryInstant(support, out var until)) return new Fault("expires-format", "--support-until");

        var (length, digest) = await session.WithBar("hashing " + file.Name, file.Length, progress => ImageDigest.OfFile(path, progress, cancel)).ConfigureAwait(false);
        if (length == 0) return new Fault("image-size", file.Name);
        var (sha256, sbomSha256) = (Convert.ToHexStringLower(digest), Convert.ToHexStringLower(SHA256.HashData(sbom)));
        var record = new Release(
            parsed.GetRequiredValue(Product), parsed.GetValue(Hardware)!, parsed.GetRequiredValue(Version), parsed.GetValue(Svn), parsed.GetValue(Slot) ?? length, notes, sbomSha256, until);
        // As a device will read it.
        if (!Release.Parse(record.ToJson()).TryGet(out _, out fault)) return fault;
        if (record.SlotBytes < length) return new Fault("image-size", "--slot-bytes");
        return (new SubmissionBody(
            record.Product, record.Version, record.Hardware, record.Svn, record.SlotBytes, record.Notes, Header.Write(record.SupportUntil), file.Name,
            ImageUpload.NameOf(record.Product, record.Version, sha256, file.Name), sha256, ImageUpload.NameOf(record.Product, record.Version, sbomSha256, sbomName)), length, sbom.LongLength);
    }

    private static List<(string, string)> Facts(SubmissionBody submission, long bytes) =>
    [
        ("target", $"{submission.Product}/{submission.Version}/{submission.File}"), ("bytes", bytes.ToString(CultureInfo.InvariantCulture)), ("sha256", submission.Sha256),
        ("hardware", string.Join(' ', submission.Hardware)), ("svn", submission.Svn.ToString(CultureInfo.InvariantCulture)), ("support until", submission.SupportUntil), ("notes", submission.Notes),
    ];

    private static JsonObject Json(SubmissionBody submission) =>
        JsonReading.Read(JsonSerializer.SerializeToUtf8Bytes(submission, ReleaseApiJson.Default.SubmissionBody)).TryGet(out var value, out _) && value is JsonObject json
            ? json : throw new System.Diagnostics.UnreachableException("A submission is a JSON object.");
}
