using Serverless.Faults;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device.Update;

/// <summary>What this device is, burnt in at manufacture: a release cannot talk it into being something else.</summary>
/// <param name="Product">Product id.</param>
/// <param name="Hardware">Hardware id.</param>
public sealed record DeviceIdentity(string Product, string Hardware)
{
    /// <summary>Whether a release may be installed here (FORMAT.md 7.1). Signatures were checked before; this is what they cannot say.</summary>
    /// <param name="name">Target name, as found in the metadata.</param>
    /// <param name="file">Its entry.</param>
    /// <param name="slotBytes">Size of this device's slots.</param>
    /// <param name="minimumSvn">The stored minimum.</param>
    /// <returns>The release, or <c>update-record</c> (no release record), <c>update-product</c> and <c>update-hardware</c> (wrong
    /// software or hardware), <c>update-name</c> (the record is another target's), <c>update-svn</c> (authorised but older: an
    /// image with known holes), <c>update-slot</c> (too large, or empty), <c>hash-unknown</c>, or a fault of <see cref="Release.Parse"/>.</returns>
    public Parsed<Release> Judge(string name, TargetFile file, long slotBytes, int minimumSvn)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(file);
        if (file.Custom is null) return new Fault("update-record", "custom");
        if (!Release.Parse(file.Custom).TryGet(out var release, out var fault)) return fault;
        if (release.Product != Product) return new Fault("update-product", "custom.product");
        // The delegation covers the product's names only; the record must agree with the name it was found under.
        if (!name.StartsWith($"{release.Product}/{release.Version}/", StringComparison.Ordinal)) return new Fault("update-name", "target");
        if (!release.Hardware.Contains(Hardware, StringComparer.Ordinal)) return new Fault("update-hardware", "custom.hardware");
        if (release.Svn < minimumSvn) return new Fault("update-svn", "custom.svn");
        if (file.Length == 0 || file.Length > slotBytes || release.SlotBytes > slotBytes) return new Fault("update-slot", "custom.slot_bytes");
        return file.Hashes.AreUsable ? release : new Fault("hash-unknown", "targets.targets.*.hashes");
    }
}
