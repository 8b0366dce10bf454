using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>Which vault signs.</summary>
/// <remarks>Trusted: whoever edits it chooses whose keys sign. Devices accept none but those that the offline roles name.</remarks>
internal sealed record VaultPlace : ISettings<VaultPlace>
{
    /// <inheritdoc/>
    public static string Section => "KeyVault";

    /// <summary><c>KeyVault__vaultUri</c>, required: the vault's origin.</summary>
    public required Uri Vault { get; init; }

    /// <inheritdoc/>
    public static VaultPlace Read(SettingsReader read) => new() { Vault = read.Url("vaultUri", "origin of the key vault") };
}

/// <summary>Which account holds table <c>releases</c>.</summary>
/// <remarks>Not trusted: at worst releases are held up or forgotten.</remarks>
internal sealed record TablePlace : ISettings<TablePlace>
{
    /// <inheritdoc/>
    public static string Section => "Storage";

    /// <summary><c>Storage__tableServiceUri</c>, required: the account's table endpoint.</summary>
    public required Uri Tables { get; init; }

    /// <inheritdoc/>
    public static TablePlace Read(SettingsReader read) => new() { Tables = read.Url("tableServiceUri", "table endpoint of the storage account") };
}

/// <summary>Which account holds container <c>firmware</c>.</summary>
/// <remarks>Not trusted: everything in it is hashed.</remarks>
internal sealed record ImagePlace : ISettings<ImagePlace>
{
    /// <inheritdoc/>
    public static string Section => "Firmware";

    /// <summary><c>Firmware__blobServiceUri</c>, required: the account's blob endpoint.</summary>
    public required Uri Blobs { get; init; }

    /// <inheritdoc/>
    public static ImagePlace Read(SettingsReader read) => new() { Blobs = read.Url("blobServiceUri", "blob endpoint of the account with images awaiting a release") };
}

/// <summary>Which account holds container <c>ota</c>, which everybody reads.</summary>
/// <remarks>Not trusted by devices: at worst there is no update.</remarks>
internal sealed record OtaPlace : ISettings<OtaPlace>
{
    /// <inheritdoc/>
    public static string Section => "Ota";

    /// <summary><c>Ota__blobServiceUri</c>, required: the account's blob endpoint.</summary>
    public required Uri Blobs { get; init; }

    /// <inheritdoc/>
    public static OtaPlace Read(SettingsReader read) => new() { Blobs = read.Url("blobServiceUri", "blob endpoint of the account with the OTA repository") };
}
