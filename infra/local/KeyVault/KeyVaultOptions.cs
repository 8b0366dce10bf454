namespace Serverless.Local.KeyVault;

/// <summary>How strict the local vault is, and whether it remembers.</summary>
/// <remarks>Trusted: whoever sets <see cref="Folder"/> and can read it has every private key of the vault.</remarks>
public sealed record KeyVaultOptions
{
    /// <summary>Port on 127.0.0.1; 0 for a free one. Default 0.</summary>
    public int Port { get; init; }

    /// <summary>Folder that keeps the keys between runs, unencrypted, readable by its owner alone; <see langword="null"/> for memory only.
    /// A folder that keeps published metadata must keep the keys with it: the metadata names them.</summary>
    public string? Folder { get; init; }

    /// <summary>Operations in any 10 s, then 429 with <c>Retry-After</c>. Default: a vault's own 4000 for EC keys in software.</summary>
    public int OperationsPer10s { get; init; } = 4000;
}

/// <summary>A key to make, by trusted code of this process.</summary>
/// <param name="Curve"><c>P-256</c>, <c>P-384</c> or <c>P-521</c>.</param>
/// <param name="NotBefore">Until when it refuses to sign, or none.</param>
/// <param name="Expires">From when it refuses to sign, or none.</param>
/// <param name="Enabled">Off: refuses everything.</param>
/// <param name="Operations"><c>key_ops</c>; sign and verify by default.</param>
public sealed record KeySpec(
    string Curve = "P-256", DateTimeOffset? NotBefore = null, DateTimeOffset? Expires = null, bool Enabled = true, IReadOnlyList<string>? Operations = null);

/// <summary>What the vault was asked, without secrets: for tests that hold clients against each other.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Target">Path and query, as sent.</param>
/// <param name="Headers">Headers as sent; of Authorization only the scheme.</param>
/// <param name="Body">The body, as text.</param>
/// <param name="Status">What was answered.</param>
public sealed record VaultRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body, int Status);
