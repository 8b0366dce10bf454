using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>What timestamp says of the snapshot, and snapshot of each targets role (TUF 1.0.34 sections 4.4 and 4.6).</summary>
/// <param name="Version">The version to fetch.</param>
/// <param name="Length">Exact length in bytes, when stated.</param>
/// <param name="Hashes">Digests, when stated.</param>
public sealed record MetaFile(long Version, long? Length, Hashes? Hashes)
{
    /// <summary>Reads one entry.</summary>
    /// <param name="json">The object.</param>
    /// <param name="path">Its path.</param>
    /// <returns>The entry, or <c>field-*</c>, <c>hash-format</c>, <c>hash-unknown</c> (digests stated, none of which we know).</returns>
    public static Parsed<MetaFile> Parse(JsonObject json, string path)
    {
        var fields = new Fields(json, path);
        var version = fields.Integer("version", 1);
        long? length = fields.Has("length") ? fields.Integer("length", 1) : null;
        Hashes? hashes = null;
        if (fields.Has("hashes"))
        {
            if (!Hashes.Parse(fields.Object("hashes"), fields.PathOf("hashes")).TryGet(out hashes, out var fault)) fields.Refuse(fault);
            else if (!hashes.AreUsable) fields.Refuse("hash-unknown", "hashes");
        }
        return fields.Fault is null ? new MetaFile(version, length, hashes) : fields.Fault;
    }

    /// <summary>Whether these bytes may be the file meant.</summary>
    /// <param name="file">The bytes.</param>
    /// <param name="role">For the fault's path; one of our own words.</param>
    /// <returns>Nothing, or <c>metadata-length</c>, <c>metadata-hash</c>.</returns>
    public Fault? Refuses(ReadOnlySpan<byte> file, string role) =>
        Length is { } length && length != file.Length ? new Fault("metadata-length", role)
        : Hashes is { } hashes && !hashes.Match(file) ? new Fault("metadata-hash", role)
        : null;

    /// <summary>The entry for a file we publish.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="file">Its bytes.</param>
    public static MetaFile Of(long version, ReadOnlySpan<byte> file) => new(version, file.Length, Hashes.Of(file));

    /// <summary>As published.</summary>
    public JsonObject ToJson()
    {
        List<(string, JsonValue)> members = [("version", Version)];
        if (Length is { } length) members.Add(("length", length));
        if (Hashes is not null) members.Add(("hashes", Hashes.ToJson()));
        return JsonObject.Of(members);
    }
}
