using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Trust.Metadata;

/// <summary>The digests a file must have. Algorithms we do not know are ignored; if none is left the file cannot be verified.</summary>
/// <param name="Sha256">32 bytes, or <see langword="null"/>.</param>
/// <param name="Sha512">64 bytes, or <see langword="null"/>.</param>
public sealed record Hashes(byte[]? Sha256, byte[]? Sha512)
{
    /// <summary>Whether there is a digest we can check. MD5 and SHA-1 alone are as good as nothing (FORMAT.md 4.6).</summary>
    public bool AreUsable => Sha256 is not null || Sha512 is not null;

    /// <summary>The digest whose hex prefixes the file's name in a consistent snapshot: SHA-256 when it is there.</summary>
    public string Prefix => Convert.ToHexStringLower(Sha256 ?? Sha512 ?? throw new InvalidOperationException("No usable digest: ask AreUsable first."));

    /// <summary>The digests we publish.</summary>
    /// <param name="content">The file.</param>
    public static Hashes Of(ReadOnlySpan<byte> content) => new(SHA256.HashData(content), null);

    /// <summary>Reads a <c>hashes</c> object.</summary>
    /// <param name="json">The object.</param>
    /// <param name="path">Its path.</param>
    /// <returns>The digests, or <c>hash-format</c>, <c>field-range</c> (no member).</returns>
    public static Parsed<Hashes> Parse(JsonObject json, string path)
    {
        ArgumentNullException.ThrowIfNull(json);
        if (json.Count is 0 or > 16) return new Fault("field-range", path);
        byte[]? sha256 = null, sha512 = null;
        for (var i = 0; i < json.Count; i++)
        {
            if (json.At(i) is not JsonText hex) return new Fault("hash-format", $"{path}.*");
            if (json.Names[i] == "sha256" && !TryRead(hex.Text, 32, out sha256)) return new Fault("hash-format", $"{path}.sha256");
            if (json.Names[i] == "sha512" && !TryRead(hex.Text, 64, out sha512)) return new Fault("hash-format", $"{path}.sha512");
        }
        return new Hashes(sha256, sha512);
    }

    /// <summary>Whether the content has every known digest.</summary>
    /// <param name="content">The file.</param>
    /// <returns>False also when there is no usable digest.</returns>
    public bool Match(ReadOnlySpan<byte> content)
    {
        if (!AreUsable) return false;
        Span<byte> digest = stackalloc byte[64];
        if (Sha256 is not null && !digest[..SHA256.HashData(content, digest)].SequenceEqual(Sha256)) return false;
        return Sha512 is null || digest[..SHA512.HashData(content, digest)].SequenceEqual(Sha512);
    }

    /// <summary>As published.</summary>
    public JsonObject ToJson()
    {
        List<(string, JsonValue)> members = [];
        if (Sha256 is not null) members.Add(("sha256", Convert.ToHexStringLower(Sha256)));
        if (Sha512 is not null) members.Add(("sha512", Convert.ToHexStringLower(Sha512)));
        return JsonObject.Of(members);
    }

    /// <summary>By content.</summary>
    /// <param name="other">The other digests.</param>
    public bool Equals(Hashes? other) => other is not null && Same(Sha256, other.Sha256) && Same(Sha512, other.Sha512);

    /// <summary>By content.</summary>
    public override int GetHashCode()
    {
        var code = default(HashCode);
        code.AddBytes(Sha256);
        code.AddBytes(Sha512);
        return code.ToHashCode();
    }

    private static bool Same(byte[]? a, byte[]? b) => a is null ? b is null : b is not null && a.AsSpan().SequenceEqual(b);

    private static bool TryRead(string hex, int bytes, out byte[]? digest)
    {
        digest = new byte[bytes];
        return Hex.TryDecode(hex, digest);
    }
}
