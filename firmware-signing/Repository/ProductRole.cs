using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>The next version of a product's role, as a function of the published one: what a release, a withdrawal or a renewal asks
/// people to sign. Pure; the same input gives the same bytes, wherever it is worked out.</summary>
/// <remarks>Members nobody here knows are kept (FORMAT.md 2.3).</remarks>
public static class ProductRole
{
    /// <summary>Longest role published, bytes: room for signatures below the 5 000 000 that devices take.</summary>
    public const int WireBytesMax = 4_500_000;

    /// <summary>With an image more, and what belongs to it.</summary>
    /// <param name="published">Signed part of the published role, or <see langword="null"/> before the first.</param>
    /// <param name="version">Above the published one.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="targets">Target names and their entries: the image's, and its envelopes'.</param>
    /// <returns>The role, or <c>release-exists</c> (a name is taken), <c>product-full</c> (over <see cref="WireBytesMax"/>).</returns>
    public static Parsed<JsonObject> With(JsonObject? published, long version, DateTimeOffset expires, params IReadOnlyList<(string Name, TargetFile File)> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        var files = FilesOf(published);
        foreach (var (name, file) in targets)
        {
            if (files.Find(name) is not null) return new Fault("release-exists", "version");
            files = files.With(name, file.ToJson());
        }
        var next = Next(published, version, expires).With("targets", files);
        return JsonWriting.Encode(next).Length > WireBytesMax ? new Fault("product-full", "product") : next;
    }

    /// <summary>With an image and its envelopes less.</summary>
    /// <param name="published">Signed part of the published role.</param>
    /// <param name="version">Above the published one.</param>
    /// <param name="expires">UTC.</param>
    /// <param name="targets">Target names, at least one.</param>
    /// <returns>The role, or <c>release-state-conflict</c> (one is not listed).</returns>
    public static Parsed<JsonObject> Without(JsonObject? published, long version, DateTimeOffset expires, params IReadOnlyList<string> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        var files = FilesOf(published);
        foreach (var target in targets)
        {
            if (files.Find(target) is null) return new Fault("release-state-conflict", "version");
            files = files.Without(target);
        }
        return Next(published, version, expires).With("targets", files);
    }

    /// <summary>With the same images and a later end.</summary>
    /// <param name="published">Signed part of the published role.</param>
    /// <param name="version">Above the published one.</param>
    /// <param name="expires">UTC.</param>
    public static JsonObject Renewed(JsonObject published, long version, DateTimeOffset expires) => Next(published, version, expires);

    /// <summary>Whether a role differs from the published one in nothing but version and expiry.</summary>
    /// <param name="next">A signed part.</param>
    /// <param name="published">The published signed part.</param>
    public static bool IsRenewalOf(JsonObject next, JsonObject published)
    {
        ArgumentNullException.ThrowIfNull(next);
        ArgumentNullException.ThrowIfNull(published);
        return CanonicalJson.Encode(Bare(next)).AsSpan().SequenceEqual(CanonicalJson.Encode(Bare(published)));
    }

    /// <summary>SHA-256 of the canonical form, lower-case hex: how an approval names what it signs.</summary>
    /// <param name="signed">A signed part.</param>
    public static string DigestOf(JsonObject signed) => Convert.ToHexStringLower(SHA256.HashData(CanonicalJson.Encode(signed)));

    private static JsonObject Bare(JsonObject role) => role.Without("version").Without("expires");

    private static JsonObject FilesOf(JsonObject? published) => published?.Find("targets") as JsonObject ?? JsonObject.Empty;

    private static JsonObject Next(JsonObject? published, long version, DateTimeOffset expires) => published is null
        ? Draft.Targets(version, expires, new Dictionary<string, TargetFile>(), [])
        : published.With("version", version).With("expires", Header.Write(expires));
}
