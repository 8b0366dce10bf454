using System.Buffers;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Trust;

/// <summary>The release record a device decides by: the <c>custom</c> member of an image's target entry (FORMAT.md 5).</summary>
/// <param name="Product">What the image is for; 1 to 64 of <c>[a-z0-9-]</c>. Also the first part of the target's name.</param>
/// <param name="Hardware">Hardware ids it runs on, 1 to 64, none twice.</param>
/// <param name="Version">For people and reports; 1 to 64 of <c>[A-Za-z0-9._-]</c>, no leading dot. Devices do not order by it.</param>
/// <param name="Svn">Security version: what anti-rollback compares. 0 to 2^31-1.</param>
/// <param name="SlotBytes">Bytes the image's slot must have.</param>
/// <param name="Notes">Release notes, up to 4096 characters; may be empty.</param>
/// <param name="SbomSha256">SHA-256 of the software bill of materials.</param>
/// <param name="SupportUntil">Until when security updates are promised, UTC.</param>
public sealed record Release(
    string Product,
    IReadOnlyList<string> Hardware,
    string Version,
    int Svn,
    long SlotBytes,
    string Notes,
    string SbomSha256,
    DateTimeOffset SupportUntil)
{
    private static readonly Dictionary<string, string> NoEnvelopes = [];
    private static readonly SearchValues<char> IdAlphabet = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> NameAlphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Target name of the image's SUIT envelope, by hardware id (FORMAT.md 8.3); empty for images that need none.</summary>
    public IReadOnlyDictionary<string, string> Suit { get; init; } = NoEnvelopes;

    /// <summary>Whether the text may name a product or hardware.</summary>
    /// <param name="id">Hostile text.</param>
    public static bool IsId(string id) => id is { Length: > 0 and <= 64 } && !id.AsSpan().ContainsAnyExcept(IdAlphabet);

    /// <summary>Whether the text may be one segment of a target name: also a safe file name and blob name segment.</summary>
    /// <param name="segment">Hostile text.</param>
    public static bool IsSegment(string segment) =>
        segment is { Length: > 0 and <= 64 } && segment[0] != '.' && !segment.AsSpan().ContainsAnyExcept(NameAlphabet);

    /// <summary>The target's name, <c>product/version/file</c> (FORMAT.md 4.2).</summary>
    /// <param name="file">The image's file name; <see cref="IsSegment"/>.</param>
    public string TargetName(string file) => $"{Product}/{Version}/{file}";

    /// <summary>Reads the record.</summary>
    /// <param name="custom">The <c>custom</c> member, already under a trusted signature, yet written by a person.</param>
    /// <returns>The record, or <c>release-id</c>, <c>release-version</c>, <c>release-hardware</c>, <c>hash-format</c>,
    /// <c>expires-format</c>, <c>release-suit</c> (an envelope for other hardware, or outside the release), <c>field-*</c>.</returns>
    public static Parsed<Release> Parse(JsonObject custom)
    {
        var fields = new Fields(custom, "custom");
        var product = fields.Text("product", 64);
        var hardware = fields.Texts("hardware", 64);
        var version = fields.Text("version", 64);
        var svn = fields.Integer("svn", 0, int.MaxValue);
        var slotBytes = fields.Integer("slot_bytes", 1);
        var notes = custom?.Find("notes") is JsonText text ? text.Text : "";
        var sbom = fields.Text("sbom_sha256", 64);
        var until = fields.Text("support_until", 32);
        var envelopes = fields.Has("suit") ? fields.Object("suit") : JsonObject.Empty;
        if (fields.Fault is not null) return fields.Fault;
        if (!IsId(product)) return new Fault("release-id", "custom.product");
        if (!IsSegment(version)) return new Fault("release-version", "custom.version");
        if (hardware.Count == 0 || !hardware.All(IsId) || hardware.Distinct(StringComparer.Ordinal).Count() != hardware.Count)
            return new Fault("release-hardware", "custom.hardware");
        if (notes.Length > 4096) return new Fault("field-range", "custom.notes");
        if (Hex.TryDecode(sbom) is not { Length: 32 }) return new Fault("hash-format", "custom.sbom_sha256");
        if (!Header.TryInstant(until, out var supportUntil)) return new Fault("expires-format", "custom.support_until");
        var suit = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < envelopes.Count; i++)
        {
            if (!hardware.Contains(envelopes.Names[i], StringComparer.Ordinal) || envelopes.At(i) is not JsonText { Text: var name }
                || name.Split('/') is not [var ofProduct, var ofVersion, var file] || ofProduct != product || ofVersion != version || !IsSegment(file))
            {
                return new Fault("release-suit", "custom.suit");
            }
            suit.Add(envelopes.Names[i], name);
        }
        return new Release(product, hardware, version, (int)svn, slotBytes, notes, sbom, supportUntil) { Suit = suit };
    }

    /// <summary>As published.</summary>
    public JsonObject ToJson()
    {
        var plain = Plain();
        return Suit.Count == 0 ? plain : plain.With("suit", JsonObject.Of(Suit.Select(one => (one.Key, (JsonValue)one.Value))));
    }

    private JsonObject Plain() => JsonObject.Of(
        ("product", Product),
        ("hardware", new JsonArray([.. Hardware.Select(id => (JsonValue)id)])),
        ("version", Version),
        ("svn", Svn),
        ("slot_bytes", SlotBytes),
        ("notes", Notes),
        ("sbom_sha256", SbomSha256),
        ("support_until", Header.Write(SupportUntil)));
}
