using System.Buffers;
using System.Security.Cryptography;
using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>SHA-256 of a public key's SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), as 64 lower-case hex characters; of a TPM, of its
/// endorsement key.</summary>
/// <remarks>Of the key and not of the certificate: a copied key is found whatever certificate is made out for it.</remarks>
public sealed record KeyThumbprint
{
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    private KeyThumbprint(string text) => Text = text;

    /// <summary>64 lower-case hex characters.</summary>
    public string Text { get; }

    /// <summary>The thumbprint of a key.</summary>
    /// <param name="subjectPublicKeyInfo">DER.</param>
    public static KeyThumbprint Of(ReadOnlySpan<byte> subjectPublicKeyInfo) => new(Convert.ToHexStringLower(SHA256.HashData(subjectPublicKeyInfo)));

    /// <summary>Reads a thumbprint from untrusted text; one key has one spelling.</summary>
    /// <param name="text">The thumbprint.</param>
    /// <param name="where">Path of the field, for the fault.</param>
    /// <returns>The thumbprint, or <c>thumbprint-form</c>.</returns>
    public static Parsed<KeyThumbprint> Parse(string? text, string where = "thumbprint") =>
        text is not { Length: 64 } || text.AsSpan().ContainsAnyExcept(LowerHex) ? new Fault("thumbprint-form", where) : new KeyThumbprint(text);

    /// <summary>A thumbprint that is trusted to be one, such as a stored one.</summary>
    /// <param name="text">The thumbprint.</param>
    /// <exception cref="InvalidOperationException">It is none.</exception>
    public static KeyThumbprint From(string text) =>
        Parse(text).TryGet(out var thumbprint, out var fault) ? thumbprint : throw new InvalidOperationException($"a stored thumbprint is none: {fault}");

    /// <inheritdoc/>
    public override string ToString() => Text;
}
