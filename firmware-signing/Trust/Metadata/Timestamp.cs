using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>Timestamp metadata: which snapshot is current (TUF 1.0.34 section 4.6).</summary>
/// <param name="Header">Version and expiry.</param>
/// <param name="Snapshot">The current snapshot.</param>
public sealed record Timestamp(Header Header, MetaFile Snapshot)
{
    /// <summary>Longest timestamp taken, bytes: it is fetched without knowing its length.</summary>
    public const int WireBytesMax = 16_384;

    /// <summary>Reads the signed part.</summary>
    /// <param name="signed">The object.</param>
    /// <returns>The timestamp, or <c>metadata-type</c>, <c>spec-version</c>, <c>expires-format</c>, <c>timestamp-meta</c> (it names
    /// something besides the snapshot), <c>hash-format</c>, <c>hash-unknown</c>, <c>field-*</c>.</returns>
    public static Parsed<Timestamp> Parse(JsonObject signed)
    {
        var fields = new Fields(signed, "timestamp");
        var header = Header.Read(fields, RoleName.Timestamp);
        var meta = new Fields(fields.Object("meta"), "timestamp.meta");
        if (fields.Object("meta").Count > 1) fields.Refuse("timestamp-meta", "meta");
        var entry = meta.Object("snapshot.json");
        if ((fields.Fault ?? meta.Fault) is { } early) return early;
        return MetaFile.Parse(entry, "timestamp.meta.snapshot").TryGet(out var snapshot, out var fault) ? new Timestamp(header, snapshot) : fault;
    }
}
