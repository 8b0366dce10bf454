using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>What a vault's 401 asks for: <c>WWW-Authenticate: Bearer authorization="https://login…/{tenant}", resource="https://vault.azure.net"</c>.</summary>
/// <param name="Scope">The scope a token is wanted for.</param>
/// <param name="TenantId">The vault's tenant, or none.</param>
/// <param name="Claims">Claims the next token must satisfy (continuous access evaluation), JSON; or none.</param>
internal sealed record Challenge(string Scope, string? TenantId, string? Claims)
{
    private const int CharsMax = 8 * 1024;

    /// <summary>Reads a challenge and checks that it is this vault's business to make it.</summary>
    /// <param name="header">The header's value, from whoever answered.</param>
    /// <param name="vault">Whom we asked.</param>
    /// <param name="known">The challenge met before: a claims challenge does not repeat the resource.</param>
    /// <returns>The challenge, or <c>challenge-malformed</c>, <c>challenge-resource</c> (it asks for a token of another service: a
    /// host that answers in a vault's place would collect tokens it can use elsewhere).</returns>
    public static Parsed<Challenge> Parse(string? header, Uri vault, Challenge? known)
    {
        if (header is not { Length: > 0 and <= CharsMax } || !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return new Fault("challenge-malformed", "scheme");
        var parameters = Parameters(header.AsSpan("Bearer ".Length));
        if (parameters is null) return new Fault("challenge-malformed", "parameters");
        var claims = parameters.GetValueOrDefault("error") == "insufficient_claims" ? Decode(parameters.GetValueOrDefault("claims")) : null;
        if (claims is not null && known is not null) return known with { Claims = claims };

        // Older vaults say resource="…", newer ones may say scope="…/.default".
        var resource = parameters.GetValueOrDefault("resource") ?? parameters.GetValueOrDefault("scope");
        if (resource?.EndsWith("/.default", StringComparison.Ordinal) == true) resource = resource[..^"/.default".Length];
        if (!Uri.TryCreate(resource, UriKind.Absolute, out var asked)) return new Fault("challenge-malformed", "resource");
        if (!IsOf(asked, vault)) return new Fault("challenge-resource", "resource");
        return new Challenge(asked.GetLeftPart(UriPartial.Authority) + "/.default", Tenant(parameters), claims);
    }

    // The resource must be the vault's own domain: x.vault.azure.net may ask for vault.azure.net and nothing else. Microsoft's clients
    // take any suffix, "net" included. A vault on this machine's loopback may ask for the public cloud's vault tokens: they stay here.
    private static bool IsOf(Uri resource, Uri vault)
    {
        if (resource.Scheme != Uri.UriSchemeHttps || resource.PathAndQuery != "/" || !resource.IsDefaultPort || resource.UserInfo.Length > 0) return false;
        if (vault.IsLoopback) return resource.Host == "vault.azure.net";
        var dot = vault.Host.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && resource.Host.Contains('.', StringComparison.Ordinal) && string.Equals(vault.Host[(dot + 1)..], resource.Host, StringComparison.OrdinalIgnoreCase);
    }

    // Only the tenant is taken: where to sign in stays the credential's own setting.
    private static string? Tenant(Dictionary<string, string> parameters) =>
        Uri.TryCreate(parameters.GetValueOrDefault("authorization") ?? parameters.GetValueOrDefault("authorization_uri"), UriKind.Absolute, out var authority)
        && Guid.TryParseExact(authority.AbsolutePath.Trim('/').Split('/')[0], "D", out var tenant) ? tenant.ToString() : null;

    private static string? Decode(string? base64)
    {
        if (base64 is null) return null;
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? System.Text.Encoding.UTF8.GetString(bytes.AsSpan(0, length)) : null;
    }

    // auth-param = token BWS "=" BWS ( token / quoted-string ), separated by commas (RFC 9110 section 11.4). A name twice is malformed:
    // two readers could take different ones.
    private static Dictionary<string, string>? Parameters(ReadOnlySpan<char> rest)
    {
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (!(rest = rest.TrimStart(" ,\t")).IsEmpty)
        {
            var equals = rest.IndexOf('=');
            if (equals <= 0) return null;
            var name = rest[..equals].TrimEnd().ToString();
            rest = rest[(equals + 1)..].TrimStart();
            var quoted = rest.StartsWith("\"");
            if (quoted) rest = rest[1..];
            var end = quoted ? rest.IndexOf('"') : rest.IndexOfAny(',', ' ');
            if (quoted && end < 0) return null;
            if (end < 0) end = rest.Length;
            if (!found.TryAdd(name, rest[..end].ToString())) return null;
            rest = rest[Math.Min(rest.Length, quoted ? end + 1 : end)..];
        }
        return found;
    }
}

/// <summary>Carries a challenge's fault out of the pipeline; the client turns it back into a value.</summary>
internal sealed class ChallengeRefusedException(Fault fault) : Exception($"the vault's challenge was refused: {fault}")
{
    public Fault Fault { get; } = fault;
}
