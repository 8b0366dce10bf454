using System.CommandLine;
using System.Globalization;
using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.ReleaseCommand.Releases;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Commands that look at files as devices do.</summary>
internal static class DeviceCommands
{
    /// <summary><c>verify</c>: would a device install this file?</summary>
    /// <remarks>Refuses with <c>file-missing</c>, <c>target-name</c>, <c>repository-url</c> (none known, or malformed), <c>target-hash</c> (swapped or corrupted), and
    /// what a device refuses with: <see cref="DeviceView.Refresh"/>, <see cref="DeviceView.Find"/>, <see cref="DeviceIdentity.Judge"/>.</remarks>
    public static Command Verify(CommandTree tree)
    {
        var file = new Argument<string>("FILE") { Description = "The image." };
        var target = Needed("--target", "The target's name, product/version/file.", "NAME");
        var hardware = Needed("--hardware", "The device's hardware id.", "ID");
        var svn = Number("--svn-min", "The security version the device has stored", 0, int.MaxValue, 0);
        var slot = new Option<long?>("--slot-bytes") { Description = "Size of the device's slots; what the release asks for by default.", HelpName = "BYTES" };
        var metadata = Maybe("--metadata-url", "Where devices find metadata, instead of the profile's.", "URL");
        var root = Maybe("--root", "The root that devices are born with, instead of the profile's.", "FILE");
        var folder = Maybe("--metadata-dir", "Where metadata is kept between runs.", "DIR");
        return tree.Make("verify", "Judges a file as a device would: metadata refreshed and verified from the first root on, then product, hardware, svn, slot and digest.",
            [file, target, hardware, svn, slot, metadata, root, folder], async (parsed, session, cancel) =>
            {
                var path = parsed.GetRequiredValue(file);
                var name = parsed.GetRequiredValue(target);
                if (!File.Exists(path)) return new Fault("file-missing", Path.GetFileName(path));
                if (name.Split('/') is not [var product, _, _] || !Release.IsId(product)) return new Fault("target-name", "--target");
                using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = System.Net.DecompressionMethods.None }) { Timeout = Timeout.InfiniteTimeSpan };
                if (!Place(session, parsed.GetValue(metadata), parsed.GetValue(root), http).TryGet(out var place, out var fault)) return fault;
                using (place.Connection)
                {
                    var viewed = await DeviceView.Refresh(
                        parsed.GetValue(folder) ?? MetadataFolderOf(), place.Root, place.Transport, new RepositoryAddress(place.Metadata, place.Metadata), session.At.Clock, cancel).ConfigureAwait(false);
                    if (!viewed.TryGet(out var view, out fault)) return fault;
                    if (!(await view.Find(name, cancel).ConfigureAwait(false)).TryGet(out var entry, out fault)) return fault;
                    var wanted = entry.Custom is { } custom && Release.Parse(custom).TryGet(out var record, out _) ? record.SlotBytes : entry.Length;
                    var judged = new DeviceIdentity(product, parsed.GetRequiredValue(hardware)).Judge(name, entry, parsed.GetValue(slot) ?? Math.Max(wanted, entry.Length), parsed.GetValue(svn));
                    if (!judged.TryGet(out var release, out fault)) return fault;
                    var (length, digest) = await session.WithBar("hashing " + Path.GetFileName(path), new FileInfo(path).Length, progress => ImageDigest.OfFile(path, progress, cancel)).ConfigureAwait(false);
                    if (length != entry.Length || entry.Hashes.Sha256 is not { } sha256 || !sha256.AsSpan().SequenceEqual(digest)) return new Fault("target-hash", Path.GetFileName(path));
                    return new Outcome($"{name}: a device would install this", JsonObject.Of(("target", name), ("sha256", Convert.ToHexStringLower(digest)), ("bytes", length), ("release", release.ToJson())))
                    {
                        Facts =
                        [
                            ("sha256", Convert.ToHexStringLower(digest)), ("version", release.Version), ("svn", release.Svn.ToString(CultureInfo.InvariantCulture)),
                            ("root, timestamp", string.Create(CultureInfo.InvariantCulture, $"{view.Trusted.Root.Header.Version}, {view.Trusted.Timestamp!.Header.Version} (expires {Header.Write(view.Trusted.Timestamp.Header.Expires)})")),
                        ],
                    };
                }
            });
    }

    /// <summary><c>inspect</c>: what a file says, trusted or not.</summary>
    /// <remarks>Refuses with <c>suit-key</c> (a SUIT envelope says nothing before its signature is checked; nor does an mcuboot image, so it needs
    /// <c>--mcuboot-key</c>), or a fault of reading the file.</remarks>
    public static Command Inspect(CommandTree tree)
    {
        var file = new Argument<string>("FILE") { Description = "Metadata of any role, a draft, a public key, a SUIT envelope, or a signed mcuboot image." };
        var root = Maybe("--root", "A root to judge the signatures of root, targets, snapshot or timestamp by.", "FILE");
        var key = Maybe("--suit-key", "Public key that a SUIT envelope must be signed with.", "FILE");
        var mcuboot = Maybe("--mcuboot-key", "Public key that the boot loader was built with.", "FILE");
        return tree.Make("inspect", "Shows what a file says. It judges signatures only if told by which key.", [file, root, key, mcuboot], (parsed, _, _) =>
            Task.FromResult(parsed.GetValue(mcuboot) is { } pinned
                ? McubootCommands.Show(parsed.GetRequiredValue(file), pinned)
                : InputFile.Read(parsed.GetRequiredValue(file), Targets.WireBytesMax).Then(bytes => Show(parsed.GetRequiredValue(file), bytes, parsed.GetValue(root), parsed.GetValue(key)))));
    }

    /// <summary><c>export-suit</c>: a SUIT envelope for an image of a small device.</summary>
    /// <remarks>Refuses with <c>suit-component</c> (not 1 to 32 bytes), <c>key-choice</c> (not exactly one of the two keys), <c>file-missing</c>,
    /// <c>file-exists</c>, or the signer's refusal.</remarks>
    public static Command ExportSuit(CommandTree tree)
    {
        var image = new Argument<string>("IMAGE") { Description = "The image file." };
        var output = Needed("--out", "File for the envelope.", "FILE");
        var vendor = Needed("--vendor", "The vendor's domain; its UUID version 5 is the vendor id.", "DOMAIN");
        var hardware = Needed("--class", "The hardware class; its UUID version 5 under the vendor's is the class id.", "NAME");
        var sequence = Number("--sequence", "Sequence number: the device's anti-rollback counter", 0, int.MaxValue);
        var component = new Option<string>("--component") { Description = "Component id, 1 to 32 bytes.", HelpName = "ID", DefaultValueFactory = _ => "app" };
        var uri = new Option<string>("--uri") { Description = "Where the device fetches the image; empty when a gateway brings it.", HelpName = "URI", DefaultValueFactory = _ => "" };
        var keys = new EitherKey();
        return tree.Make("export-suit", "Writes a SUIT envelope (draft-ietf-suit-manifest-37 subset) for an image, signed with the key that the devices have pinned.",
            [image, output, vendor, hardware, sequence, component, uri, .. keys.Options], async (parsed, session, cancel) =>
            {
                var path = parsed.GetRequiredValue(image);
                if (!File.Exists(path)) return new Fault("file-missing", Path.GetFileName(path));
                if (Encoding.UTF8.GetByteCount(parsed.GetRequiredValue(component)) is 0 or > 32) return new Fault("suit-component", "--component");
                if (keys.Check(parsed) is { } twofold) return twofold;
                var (length, digest) = await session.WithBar("hashing " + Path.GetFileName(path), new FileInfo(path).Length, progress => ImageDigest.OfFile(path, progress, cancel)).ConfigureAwait(false);
                // The same function that the pipeline proposes with: what is exported here is what is published there.
                var manifest = new SuitClass(parsed.GetRequiredValue(vendor), parsed.GetRequiredValue(hardware), parsed.GetRequiredValue(component))
                    .ManifestOf(parsed.GetValue(sequence), digest, length, parsed.GetRequiredValue(uri));
                var json = JsonObject.Of(
                    ("sequence", (long)manifest.Sequence), ("vendorId", Convert.ToHexStringLower(manifest.VendorId.Span)), ("classId", Convert.ToHexStringLower(manifest.ClassId.Span)),
                    ("imageSha256", Convert.ToHexStringLower(digest)), ("imageBytes", length));
                if (session.DryRun) return new Outcome("would sign an envelope", json);
                if (!(await keys.Sign(tree, parsed, session, signer => SuitEnvelope.Create(manifest, signer, cancel), cancel).ConfigureAwait(false)).TryGet(out var signed, out var fault)) return fault;
                var to = Path.GetFullPath(parsed.GetRequiredValue(output));
                return OutputFiles.Create(Path.GetDirectoryName(to)!, [(Path.GetFileName(to), signed.Bytes, false)]) is { } there
                    ? there
                    : new Outcome(string.Create(CultureInfo.InvariantCulture, $"wrote {to}, {signed.Bytes.Length} bytes"), json.With("file", to).With("keyId", signed.KeyId)) { Facts = [("signed by", signed.KeyId), ("image", Convert.ToHexStringLower(digest))] };
            });
    }

    /// <summary>Where metadata is kept between runs unless told otherwise: a rollback is noticed only against what was seen before.</summary>
    public static string MetadataFolderOf()
    {
        var data = System.Environment.GetFolderPath(System.Environment.SpecialFolder.LocalApplicationData, System.Environment.SpecialFolderOption.DoNotVerify);
        return Path.Combine(data.Length > 0 ? data : Path.GetTempPath(), "fwsign", "metadata");
    }

    // With both given no profile is needed: anybody can verify, without an account.
    private static Parsed<(Uri Metadata, byte[] Root, ITransport Transport, Connection? Connection)> Place(Session session, string? metadata, string? root, HttpClient http)
    {
        Connection? connection = null;
        ITransport transport = new PlainTransport(http);
        Uri? address = null;
        if (metadata is not null && (!Uri.TryCreate(metadata, UriKind.Absolute, out address) || address.Scheme is not ("https" or "http"))) return new Fault("repository-url", "--metadata-url");
        if (metadata is null || root is null)
        {
            if (!Connection.Open(session, null).TryGet(out connection, out var unopened)) return unopened;
            (transport, address, root) = (connection.Repository(), address ?? connection.Profile.Metadata, root ?? connection.Profile.RootFile);
        }
        if (address is null || root is null)
        {
            connection?.Dispose();
            return new Fault("repository-url", "--metadata-url");
        }
        if (InputFile.Read(root, Root.WireBytesMax).TryGet(out var file, out var fault)) return (address, file, transport, connection);
        connection?.Dispose();
        return fault;
    }

    private static Parsed<Outcome> Show(string path, byte[] bytes, string? root, string? suitKey)
    {
        if (bytes.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
        {
            Root? trusted = null;
            if (root is not null)
            {
                if (!InputFile.Read(root, Root.WireBytesMax).TryGet(out var rootFile, out var refused)) return refused;
                if (!TrustedMetadata.Begin(rootFile, DateTimeOffset.MinValue).TryGet(out var begun, out refused)) return refused;
                trusted = begun.Root;
            }
            return Trust.Envelope.Read(bytes).Then<Outcome>(envelope => MetadataView.Of(envelope.Signed, envelope, trusted));
        }

        if (bytes.AsSpan().StartsWith("-----BEGIN"u8))
        {
            return KeyFiles.ReadPublic(path).Then<Outcome>(key => new Outcome($"public key {key.KeyId}", JsonObject.Of(("keyId", key.KeyId), ("key", key.Json))));
        }

        if (suitKey is null) return new Fault("suit-key", "--suit-key");
        if (!KeyFiles.ReadPublic(suitKey).TryGet(out var pinned, out var fault)) return fault;
        return SuitEnvelope.Open(bytes, pinned).Then<Outcome>(envelope => new Outcome(
            string.Create(CultureInfo.InvariantCulture, $"SUIT envelope, sequence {envelope.Manifest.Sequence}, signed by {pinned.KeyId}"),
            JsonObject.Of(
                ("sequence", (long)envelope.Manifest.Sequence), ("vendorId", Convert.ToHexStringLower(envelope.Manifest.VendorId.Span)), ("classId", Convert.ToHexStringLower(envelope.Manifest.ClassId.Span)),
                ("imageSha256", Convert.ToHexStringLower(envelope.Manifest.ImageSha256.Span)), ("imageBytes", envelope.Manifest.ImageBytes), ("uri", envelope.Manifest.Uri)))
        {
            Facts = [("image", Convert.ToHexStringLower(envelope.Manifest.ImageSha256.Span)), ("bytes", envelope.Manifest.ImageBytes.ToString(CultureInfo.InvariantCulture)), ("uri", envelope.Manifest.Uri)],
        });
    }
}
