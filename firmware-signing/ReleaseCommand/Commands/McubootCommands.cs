using System.CommandLine;
using System.Globalization;
using Serverless.Faults;
using Serverless.FirmwareSigning.Mcuboot;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.Trust.Json;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Images that the boot loader mcuboot verifies by itself.</summary>
internal static class McubootCommands
{
    /// <summary><c>sign-mcuboot</c>: header, protected security counter, digest, key hash and DER signature around a binary.</summary>
    /// <remarks>Refuses with <c>file-missing</c>, <c>key-choice</c>, <c>mcuboot-version</c>, <c>mcuboot-reserved</c> (the place of the header is not empty),
    /// <c>mcuboot-slot</c> (longer than the slot), a fault of <see cref="McubootImage.Sign"/>, <c>file-exists</c>, or the signer's refusal.</remarks>
    public static Command Sign(CommandTree tree)
    {
        var binary = new Argument<string>("BINARY") { Description = "What the build made: the raw binary, not hex." };
        var output = Needed("--out", "File for the signed image.", "FILE");
        var version = Needed("--release-version", "major[.minor[.revision]][+build], decimal.", "VERSION");
        var svn = Number("--svn", "Security version: the boot loader's anti-rollback counter, the release's svn", 0, int.MaxValue);
        var header = Number("--header-bytes", "Length of the header: what the binary was linked for", McubootImage.HeaderBytesMin, ushort.MaxValue, 512);
        var reserved = new Option<bool>("--header-reserved") { Description = "The binary begins with that many zero bytes, kept free for the header (Zephyr's ROM_START_OFFSET)." };
        var slot = new Option<long?>("--slot-bytes") { Description = "Room in the slot, the boot loader's own trailer not counted; the image must fit.", HelpName = "BYTES" };
        var keys = new EitherKey();
        return tree.Make("sign-mcuboot", "Makes an image for the boot loader mcuboot and signs it (ECDSA P-256), for `submit`.",
            [binary, output, version, svn, header, reserved, slot, .. keys.Options], async (parsed, session, cancel) =>
            {
                var path = parsed.GetRequiredValue(binary);
                if (keys.Check(parsed) is { } twofold) return twofold;
                if (!McubootVersion.Parse(parsed.GetRequiredValue(version)).TryGet(out var number, out _)) return new Fault("mcuboot-version", "--release-version");
                if (!InputFile.Read(path, McubootImage.WireBytesMax).TryGet(out var bytes, out var fault)) return fault;
                var headerBytes = parsed.GetValue(header);
                ReadOnlyMemory<byte> body = bytes;
                if (parsed.GetValue(reserved))
                {
                    if (bytes.Length < headerBytes || bytes.AsSpan(0, headerBytes).ContainsAnyExcept((byte)0)) return new Fault("mcuboot-reserved", Path.GetFileName(path));
                    body = body[headerBytes..];
                }

                var length = McubootImage.SignedBytesMax(body.Length, headerBytes);
                if (parsed.GetValue(slot) is { } room && length > room) return new Fault("mcuboot-slot", "--slot-bytes");
                var json = JsonObject.Of(("version", number.ToString()), ("svn", parsed.GetValue(svn)), ("headerBytes", headerBytes), ("bodyBytes", body.Length));
                if (session.DryRun) return new Outcome("would sign an image", json);
                if (!(await keys.Sign(tree, parsed, session, signer => McubootImage.Sign(body, number, (uint)parsed.GetValue(svn), headerBytes, signer, cancel), cancel).ConfigureAwait(false)).TryGet(out var signed, out fault)) return fault;
                var to = Path.GetFullPath(parsed.GetRequiredValue(output));
                return OutputFiles.Create(Path.GetDirectoryName(to)!, [(Path.GetFileName(to), signed.Bytes, false)]) is { } there
                    ? there
                    : new Outcome(string.Create(CultureInfo.InvariantCulture, $"wrote {to}, {signed.Bytes.Length} bytes"), json.With("file", to).With("keyId", signed.KeyId)) { Facts = [("signed by", signed.KeyId), ("version", number.ToString())] };
            });
    }

    /// <summary>What an image says, once the boot loader's key has verified it.</summary>
    /// <param name="path">The image.</param>
    /// <param name="key">File with the public key.</param>
    /// <returns>What it says, or a fault of reading a file or of <see cref="McubootImage.Open"/>.</returns>
    public static Parsed<Outcome> Show(string path, string key)
    {
        if (!KeyFiles.ReadPublic(key).TryGet(out var pinned, out var fault)) return fault;
        if (!InputFile.Read(path, McubootImage.WireBytesMax).TryGet(out var bytes, out fault)) return fault;
        return McubootImage.Open(bytes, pinned).Then<Outcome>(image => new Outcome(
            $"mcuboot image, version {image.Version}, signed by {pinned.KeyId}",
            JsonObject.Of(
                ("version", image.Version.ToString()), ("svn", (long)image.SecurityCounter), ("headerBytes", image.HeaderBytes), ("bodyBytes", image.BodyBytes),
                ("sha256", Convert.ToHexStringLower(image.Sha256.Span))))
        {
            Facts = [("svn", image.SecurityCounter.ToString(CultureInfo.InvariantCulture)), ("sha256", Convert.ToHexStringLower(image.Sha256.Span))],
        });
    }
}
