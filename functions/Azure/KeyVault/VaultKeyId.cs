using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>One version of one key, <c>https://{vault}/keys/{name}/{version}</c>. A key without a version has no such id on purpose:
/// "the current version" changes under whoever pinned a public key.</summary>
/// <param name="Vault">The vault's origin, ending in a slash.</param>
/// <param name="Name">1 to 127 of letters, digits and <c>-</c>; compared without case, as the vault does.</param>
/// <param name="Version">32 lower-case hex characters.</param>
public sealed record VaultKeyId(Uri Vault, string Name, string Version)
{
    private static readonly SearchValues<char> NameAlphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether the text may name a key.</summary>
    /// <param name="name">Hostile text.</param>
    public static bool IsName([NotNullWhen(true)] string? name) => name is { Length: > 0 and <= 127 } && !name.AsSpan().ContainsAnyExcept(NameAlphabet);

    /// <summary>Whether the text may be a version.</summary>
    /// <param name="version">Hostile text.</param>
    public static bool IsVersion([NotNullWhen(true)] string? version) => version is { Length: 32 } && !version.AsSpan().ContainsAnyExcept(LowerHex);

    /// <summary>Reads an id from hostile text: a setting, a command line, a vault's answer.</summary>
    /// <param name="text">The whole URL.</param>
    /// <returns>The id, or <c>key-id</c>.</returns>
    public static Parsed<VaultKeyId> Parse(string? text)
    {
        if (text is not { Length: > 0 and <= 512 } || !Uri.TryCreate(text, UriKind.Absolute, out var url)) return new Fault("key-id", "kid");
        if (url.Scheme != Uri.UriSchemeHttps || url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0) return new Fault("key-id", "kid");
        return url.AbsolutePath.Split('/') is ["", "keys", var name, var version] && IsName(name) && IsVersion(version)
            ? new VaultKeyId(new Uri(url.GetLeftPart(UriPartial.Authority) + "/"), name, version)
            : new Fault("key-id", "kid");
    }

    /// <summary>Whether both name the same key version of the same vault.</summary>
    /// <param name="other">Another id.</param>
    public bool Equals(VaultKeyId? other) =>
        other is not null && Vault == other.Vault && string.Equals(Name, other.Name, StringComparison.OrdinalIgnoreCase) && Version == other.Version;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Vault, StringComparer.OrdinalIgnoreCase.GetHashCode(Name), Version);

    /// <summary>The URL.</summary>
    public override string ToString() => $"{Vault}keys/{Name}/{Version}";
}
