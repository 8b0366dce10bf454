using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Trust;

/// <summary>A metadata file as received: what was signed, and by whom it claims to be. Nothing in it is trusted yet.</summary>
public sealed class Envelope
{
    // { "signatures": [ { "keyid": HEX, "sig": HEX }, … ], "signed": { … } }   TUF 1.0.34 section 4.2
    private Envelope(JsonObject signed, ReadOnlyMemory<byte> signedBytes, IReadOnlyDictionary<string, byte[]> signatures, ReadOnlyMemory<byte> file)
    {
        Signed = signed;
        SignedBytes = signedBytes;
        Signatures = signatures;
        File = file;
    }

    /// <summary>Signatures a file may carry; each is at most hashed and compared, but memory is memory.</summary>
    public const int SignaturesMax = 256;

    /// <summary>The signed part, unknown members kept.</summary>
    public JsonObject Signed { get; }

    /// <summary>The canonical bytes of <see cref="Signed"/>: what signatures cover.</summary>
    public ReadOnlyMemory<byte> SignedBytes { get; }

    /// <summary>Signatures by keyid. One that is not hex stands as empty bytes: it verifies with no key.</summary>
    public IReadOnlyDictionary<string, byte[]> Signatures { get; }

    /// <summary>The file, byte for byte as received: what is stored, and what lengths and hashes refer to.</summary>
    public ReadOnlyMemory<byte> File { get; }

    /// <summary>Reads a metadata file of any role.</summary>
    /// <param name="file">The bytes, already bounded in length. Kept, not copied: the caller gives them away.</param>
    /// <returns>The envelope, or <c>json-*</c>, <c>field-missing</c>, <c>field-type</c>, <c>field-range</c>,
    /// <c>signature-twice</c> (a keyid signs twice: TUF 1.0.34 section 4.2 forbids it).</returns>
    public static Parsed<Envelope> Read(ReadOnlyMemory<byte> file)
    {
        if (!JsonReading.Read(file.Span).TryGet(out var value, out var fault)) return fault;
        if (value is not JsonObject top) return new Fault("field-type", "");
        var fields = new Fields(top, "");
        var signed = fields.Object("signed");
        var list = fields.List("signatures", SignaturesMax);
        if (fields.Fault is not null) return fields.Fault;
        var signatures = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var item in list)
        {
            if (item is not JsonObject one) return new Fault("field-type", "signatures.*");
            if (one.Find("keyid") is not JsonText keyId) return new Fault("field-missing", "signatures.*.keyid");
            if (one.Find("sig") is not JsonText sig) return new Fault("field-missing", "signatures.*.sig");
            if (!signatures.TryAdd(keyId.Text, Hex.TryDecode(sig.Text) ?? [])) return new Fault("signature-twice", "signatures.*.keyid");
        }
        return new Envelope(signed, CanonicalJson.Encode(signed), signatures, file);
    }
}
