using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Suit;

/// <summary>What an MCU is, as its manifests name it.</summary>
/// <param name="Vendor">The vendor's domain; its UUID version 5 is the vendor id.</param>
/// <param name="Hardware">Hardware id; its UUID version 5 under the vendor's is the class id.</param>
/// <param name="Component">Component id, 1 to 32 bytes in UTF-8.</param>
public sealed record SuitClass(string Vendor, string Hardware, string Component)
{
    /// <summary>The manifest of an image for this class: a function of its arguments, so that whoever signs it and whoever judges it work
    /// out the same bytes.</summary>
    /// <param name="svn">Security version: the sequence number (FORMAT.md 8.3).</param>
    /// <param name="sha256">The image's digest, 32 bytes.</param>
    /// <param name="bytes">The image's length.</param>
    /// <param name="uri">Where the MCU fetches the image, or empty when the gateway brings it.</param>
    public SuitManifest ManifestOf(int svn, ReadOnlyMemory<byte> sha256, long bytes, string uri = "")
    {
        var vendor = NameUuid.Of(NameUuid.Dns, Vendor);
        return new SuitManifest(svn, Encoding.UTF8.GetBytes(Component), vendor, NameUuid.Of(vendor, Hardware), sha256, bytes, uri);
    }
}

/// <summary>An envelope as a TUF target beside its image (FORMAT.md 8.3). Pure.</summary>
public static class SuitTarget
{
    /// <summary>Member of an envelope's <c>custom</c>: which image it is of.</summary>
    public const string Member = "suit_of";

    /// <summary>The envelope's target name.</summary>
    /// <param name="image">The image's target name.</param>
    /// <param name="hardware">Hardware id.</param>
    public static string NameOf(string image, string hardware) => $"{image}.{hardware}.suit";

    /// <summary>The envelope's entry. It has no release record: an updater that is offered it as an image refuses it.</summary>
    /// <param name="image">The image's target name.</param>
    /// <param name="hardware">Hardware id.</param>
    /// <param name="envelope">The envelope.</param>
    public static TargetFile EntryOf(string image, string hardware, ReadOnlySpan<byte> envelope) =>
        new(envelope.Length, Hashes.Of(envelope), JsonObject.Of((Member, JsonObject.Of(("image", image), ("hardware", hardware)))));

    /// <summary>Whether an envelope is this image's: what a gateway asks before it hands both to an MCU, and an approver before signing.</summary>
    /// <param name="image">The image's target name.</param>
    /// <param name="file">Its trusted entry.</param>
    /// <param name="mcu">What the MCU is.</param>
    /// <param name="entry">The envelope's trusted entry.</param>
    /// <param name="envelope">The envelope; hostile bytes.</param>
    /// <param name="key">The key the MCU has pinned.</param>
    /// <returns>The manifest, or <c>suit-link</c> (the two entries do not name each other, or the bytes are not the entry's),
    /// <c>suit-manifest</c> (authentic, and of another image, class or security version), a fault of <see cref="Release.Parse"/> or of
    /// <see cref="SuitEnvelope.Open"/>.</returns>
    public static Parsed<SuitManifest> Judge(string image, TargetFile file, SuitClass mcu, TargetFile entry, ReadOnlyMemory<byte> envelope, PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(mcu);
        ArgumentNullException.ThrowIfNull(entry);
        if (file.Custom is not { } custom) return new Fault("suit-link", "custom");
        if (!Release.Parse(custom).TryGet(out var release, out var fault)) return fault;
        if (release.Suit.GetValueOrDefault(mcu.Hardware) != NameOf(image, mcu.Hardware)) return new Fault("suit-link", "custom.suit");
        if (entry.Custom?.Find(Member) is not JsonObject of || of.Find("image") is not JsonText { Text: var said } || said != image
            || of.Find("hardware") is not JsonText { Text: var hardware } || hardware != mcu.Hardware)
        {
            return new Fault("suit-link", "custom.suit_of");
        }
        if (envelope.Length != entry.Length || !entry.Hashes.Match(envelope.Span)) return new Fault("suit-link", "envelope");
        if (!SuitEnvelope.Open(envelope, key).TryGet(out var opened, out fault)) return fault;
        return file.Hashes.Sha256 is { } sha256 && opened.Manifest.Equals(mcu.ManifestOf(release.Svn, sha256, file.Length))
            ? opened.Manifest
            : new Fault("suit-manifest", "manifest");
    }
}
