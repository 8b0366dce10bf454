using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Releases;

/// <summary>Whether the SUIT envelopes that a release brings are its image's. The approver signs only their digests: what cannot be opened
/// here could be an envelope of anything.</summary>
internal static class EnvelopeReview
{
    /// <summary>The envelopes of a role.</summary>
    /// <param name="targets">The role.</param>
    /// <returns>Target name of the image, by that of an envelope that it names.</returns>
    public static IReadOnlyDictionary<string, string> Named(Targets targets)
    {
        var images = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (image, file) in targets.Files)
        {
            if (file.Custom is not { } custom || !Release.Parse(custom).TryGet(out var record, out _)) continue;
            foreach (var envelope in record.Suit.Values) images[envelope] = image;
        }
        return images;
    }

    /// <summary>Judges the envelopes of a release.</summary>
    /// <param name="release">As the pipeline shows it; not trusted.</param>
    /// <param name="targets">What will be signed.</param>
    /// <param name="policy">The product's policy, from the publication, or <see langword="null"/>.</param>
    /// <returns>The manifests by target name, or <c>proposal-suit</c> (not exactly the envelopes that the product's policy asks for; or there is no
    /// publication to learn their key from), or a fault of <see cref="SuitTarget.Judge"/>.</returns>
    public static Parsed<IReadOnlyDictionary<string, SuitManifest>> Judge(ReleaseBody release, Targets targets, ProductPolicy? policy)
    {
        var opened = new Dictionary<string, SuitManifest>(StringComparer.Ordinal);
        var image = targets.Files[release.Image!.Target];
        if (!Release.Parse(image.Custom!).TryGet(out var record, out var fault)) return fault;
        var wanted = policy?.Suit is null ? [] : record.Hardware;
        if (!wanted.ToHashSet(StringComparer.Ordinal).SetEquals(record.Suit.Keys)) return new Fault("proposal-suit", "custom.suit");
        foreach (var hardware in wanted)
        {
            var name = record.Suit[hardware];
            var content = release.Proposal!.Envelopes?.FirstOrDefault(one => one.Target == name)?.Content;
            var bytes = new byte[content?.Length ?? 0];
            if (content is null || !Convert.TryFromBase64String(content, bytes, out var length) || !targets.Files.TryGetValue(name, out var entry))
                return new Fault("proposal-suit", "proposal.envelopes");
            var mcu = new SuitClass(policy!.Suit!.Vendor, hardware, policy.Suit.Component);
            if (!SuitTarget.Judge(release.Image.Target, image, mcu, entry, bytes.AsMemory(0, length), policy.Keys[policy.Pipeline]).TryGet(out var manifest, out fault)) return fault;
            opened.Add(name, manifest);
        }
        return opened;
    }
}
