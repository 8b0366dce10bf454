using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Ceremony;

/// <summary>A file on its way from holder to holder: the metadata's own format, with the signatures so far.</summary>
/// <param name="Signed">What is signed.</param>
/// <param name="Signatures">Verified DER signature by keyid.</param>
internal sealed record SigningFile(JsonObject Signed, IReadOnlyDictionary<string, byte[]> Signatures)
{
    /// <summary>Nothing signed yet.</summary>
    /// <param name="signed">The signed part.</param>
    public static SigningFile Of(JsonObject signed) => new(signed, new Dictionary<string, byte[]>(StringComparer.Ordinal));

    /// <summary>The role: <c>root</c> or <c>targets</c>.</summary>
    public string Type => (Signed.Find("_type") as JsonText)?.Text ?? "";

    /// <summary>Its version.</summary>
    public long Version => (Signed.Find("version") as JsonInteger)?.Number ?? 0;

    /// <summary>The file.</summary>
    public byte[] Encode() => SignedFile.Assemble(Signed, Signatures);

    /// <summary>Reads a file of any stage.</summary>
    /// <param name="file">From another holder: hostile.</param>
    /// <returns>The file, or a fault of <see cref="Envelope.Read"/>, or <c>metadata-type</c> (neither root nor targets).</returns>
    public static Parsed<SigningFile> Read(byte[] file)
    {
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        var read = new SigningFile(envelope.Signed, envelope.Signatures);
        return read.Type is RoleName.Root or RoleName.Targets ? read : new Fault("metadata-type", "_type");
    }

    /// <summary>Adds a signature.</summary>
    /// <param name="signer">A holder's key.</param>
    /// <param name="judge">Which keys count.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The file with it, or <c>ceremony-key-foreign</c> (a key that cannot count for this role), or a fault of <see cref="SignedFile.Sign"/>.</returns>
    public async Task<Parsed<SigningFile>> Sign(IDigestSigner signer, SigningJudge judge, CancellationToken cancel)
    {
        if (!judge.Counts(signer.Key.KeyId)) return new Fault("ceremony-key-foreign", "--key");
        var signed = await SignedFile.Sign(Signed, signer, cancel).ConfigureAwait(false);
        return signed.Then<SigningFile>(der => this with { Signatures = new Dictionary<string, byte[]>(Signatures, StringComparer.Ordinal) { [signer.Key.KeyId] = der } });
    }
}

/// <summary>Which signatures a root or targets file needs. A root needs those of the root before it and its own.</summary>
internal sealed class SigningJudge
{
    private readonly IReadOnlyList<(string Whose, RoleKeys Role, IReadOnlyDictionary<string, PublicKey> Keys)> _needs;

    private SigningJudge(IReadOnlyList<(string, RoleKeys, IReadOnlyDictionary<string, PublicKey>)> needs) => _needs = needs;

    /// <summary>Judges a file under a trusted root.</summary>
    /// <param name="file">The file.</param>
    /// <param name="trusted">The root before it, or the root that names the targets keys; <see langword="null"/> for the very first root.</param>
    /// <returns>The judge, or <c>root-version</c> (not the next root), or a parse fault.</returns>
    public static Parsed<SigningJudge> For(SigningFile file, Root? trusted)
    {
        if (file.Type == RoleName.Targets)
        {
            if (!Targets.Parse(file.Signed).TryGet(out _, out var refused)) return refused;
            return trusted is null ? new Fault("root-version", "--root") : new SigningJudge([("targets", trusted.Roles[RoleName.Targets], trusted.Keys)]);
        }

        if (!Root.Parse(file.Signed).TryGet(out var next, out var fault)) return fault;
        if (next.Header.Version != (trusted?.Header.Version ?? 0) + 1) return new Fault("root-version", "root.version");
        List<(string, RoleKeys, IReadOnlyDictionary<string, PublicKey>)> needs = [("this root", next.Roles[RoleName.Root], next.Keys)];
        if (trusted is not null) needs.Insert(0, ("the root before", trusted.Roles[RoleName.Root], trusted.Keys));
        return new SigningJudge(needs);
    }

    /// <summary>Whether a key's signature helps.</summary>
    /// <param name="keyId">Keyid.</param>
    public bool Counts(string keyId) => _needs.Any(need => need.Role.KeyIds.Contains(keyId, StringComparer.Ordinal));

    /// <summary>How far each need is: whose keys, how many signed, how many must.</summary>
    /// <param name="file">The file.</param>
    public IReadOnlyList<(string Whose, int Have, int Need)> Progress(SigningFile file)
    {
        var bytes = CanonicalJson.Encode(file.Signed);
        return [.. _needs.Select(need => (
            need.Whose,
            need.Role.KeyIds.Where(id => need.Keys.TryGetValue(id, out var key) && file.Signatures.TryGetValue(id, out var der) && key.Verifies(bytes, der))
                .Select(id => need.Keys[id].Material).Distinct(StringComparer.Ordinal).Count(),
            need.Role.Threshold))];
    }

    /// <summary>Whether devices would take it.</summary>
    /// <param name="file">The file.</param>
    public bool IsComplete(SigningFile file) => Progress(file).All(need => need.Have >= need.Need);
}
