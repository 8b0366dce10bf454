using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Keys;

namespace Serverless.FirmwareSigning.Signing;

/// <summary>A P-256 key from an encrypted PEM file: for offline root ceremonies and tests.</summary>
/// <remarks>The private key is in this process's memory while the object lives: run ceremonies on a machine without network.
/// Not thread-safe.</remarks>
public sealed class FileKey : IDigestSigner, IDisposable
{
    // OWASP 2023 asks for 600 000 rounds of PBKDF2-HMAC-SHA256; a ceremony happens a few times a year.
    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000);

    private readonly ECDsa _key;

    private FileKey(ECDsa key)
    {
        _key = key;
        Key = PublicKey.From(key);
    }

    /// <inheritdoc/>
    public PublicKey Key { get; }

    /// <summary>Makes a new key from the system's randomness.</summary>
    public static FileKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads an <c>ENCRYPTED PRIVATE KEY</c> (PKCS#8, RFC 5958).</summary>
    /// <param name="pem">The file's text.</param>
    /// <param name="passphrase">Its passphrase.</param>
    /// <returns>The key, or <c>key-file</c>: not such a file, another passphrase (the two cannot be told apart), or not P-256. An
    /// unencrypted key is refused too: a file that was ever written without a passphrase is no root key.</returns>
    public static Parsed<FileKey> Open(string pem, ReadOnlySpan<char> passphrase)
    {
        if (!PemEncoding.TryFind(pem, out var found) || pem[found.Label] != "ENCRYPTED PRIVATE KEY") return new Fault("key-file", "label");
        var key = ECDsa.Create();
        try
        {
            key.ImportFromEncryptedPem(pem, passphrase);
            return new FileKey(key);
        }
        catch (Exception refusal) when (refusal is CryptographicException or ArgumentException)
        {
            key.Dispose();
            return new Fault("key-file", "content");
        }
    }

    /// <summary>The encrypted PEM to keep.</summary>
    /// <param name="passphrase">Known to the holder alone.</param>
    public string Export(ReadOnlySpan<char> passphrase) => _key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, Encryption) + "\n";

    /// <inheritdoc/>
    public Task<Parsed<RawSignature>> Sign(ReadOnlyMemory<byte> sha256, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (sha256.Length != SHA256.HashSizeInBytes) throw new ArgumentException("A SHA-256 digest has 32 bytes.", nameof(sha256));
        var raw = _key.SignHash(sha256.Span, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return Task.FromResult<Parsed<RawSignature>>(new RawSignature(raw, Key.KeyId));
    }

    /// <summary>Drops the private key.</summary>
    public void Dispose() => _key.Dispose();
}
