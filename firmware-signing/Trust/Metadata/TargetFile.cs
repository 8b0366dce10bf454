using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>What a targets role says of one file (TUF 1.0.34 section 4.5).</summary>
/// <param name="Length">Exact length, bytes.</param>
/// <param name="Hashes">Digests; ask <see cref="Hashes.AreUsable"/> before trusting the file to them.</param>
/// <param name="Custom">Our release record (FORMAT.md 5), or <see langword="null"/>.</param>
public sealed record TargetFile(long Length, Hashes Hashes, JsonObject? Custom)
{
    /// <summary>Reads one entry.</summary>
    /// <param name="json">The object.</param>
    /// <returns>The entry, or <c>field-*</c>, <c>hash-format</c>.</returns>
    public static Parsed<TargetFile> Parse(JsonObject json)
    {
        var fields = new Fields(json, "targets.targets.*");
        var length = fields.Integer("length", 0);
        var custom = fields.Has("custom") ? fields.Object("custom") : null;
        var hashesJson = fields.Object("hashes");
        if (fields.Fault is not null) return fields.Fault;
        return Hashes.Parse(hashesJson, "targets.targets.*.hashes").TryGet(out var hashes, out var fault) ? new TargetFile(length, hashes, custom) : fault;
    }

    /// <summary>As published.</summary>
    public JsonObject ToJson()
    {
        List<(string, JsonValue)> members = [("length", Length), ("hashes", Hashes.ToJson())];
        if (Custom is not null) members.Add(("custom", Custom));
        return JsonObject.Of(members);
    }
}
