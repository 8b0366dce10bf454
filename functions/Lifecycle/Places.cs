using System.Collections.Immutable;
using System.Globalization;
using Serverless.Hosting;
using Serverless.IotHub;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle;

/// <summary>Where devices register, and how much of its quota is this app's. Section <c>Provisioning</c>.</summary>
/// <remarks>Trusted: whoever edits it decides where devices are shut out.</remarks>
internal sealed record DpsPlace : ISettings<DpsPlace>
{
    /// <inheritdoc/>
    public static string Section => "Provisioning";

    /// <summary><c>Provisioning__host</c>, required: the service's host name.</summary>
    public required string Host { get; init; }

    /// <summary><c>Provisioning__operationsPerMinute</c>: 1 to 1,000, default 200.</summary>
    public required int OperationsPerMinute { get; init; }

    /// <inheritdoc/>
    public static DpsPlace Read(SettingsReader read) => new()
    {
        Host = read.HostName("host", "host name of the provisioning service"),
        OperationsPerMinute = read.Int32("operationsPerMinute", "operations a minute", 1, 1000, 200),
    };
}

/// <summary>Where devices connect, and how much of the quotas is this app's. Section <c>IotHubs</c>.</summary>
/// <remarks>Trusted: whoever edits it decides where devices are cut off; a hub that is left out keeps its devices.</remarks>
internal sealed record HubPlace : ISettings<HubPlace>
{
    /// <inheritdoc/>
    public static string Section => "IotHubs";

    /// <summary><c>IotHubs__hosts</c>, required: host names of all linked hubs, with commas between; 1 to 50.</summary>
    public required ImmutableArray<string> Hosts { get; init; }

    /// <summary><c>IotHubs__addresses</c>: where hubs answer that have an address other than their name, as <c>name=host:port</c> separated by
    /// <c>;</c>. Default empty. For the local cloud.</summary>
    public required ImmutableDictionary<string, string> Addresses { get; init; }

    /// <summary><c>IotHubs__part</c>: part of each hub's S1 quotas, 0.01 to 1, default 0.4; <c>IotHubs__units</c>: units of each hub, default 1.</summary>
    public required HubShare Share { get; init; }

    /// <summary><c>IotHubs__personalTags</c>: twin tags that hold personal data, with commas between; default <c>owner</c>; <c>-</c> for none.</summary>
    public required ImmutableArray<string> PersonalTags { get; init; }

    /// <inheritdoc/>
    public static HubPlace Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var hosts = read.Text("hosts", "host names of all linked hubs, with commas between", 8 * 1024).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (hosts.Length is < 1 or > 50 || hosts.Any(host => !Uri.TryCreate($"https://{host}/", UriKind.Absolute, out var uri) || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0))
        {
            throw new SettingException("IotHubs__hosts", "malformed", "1 to 50 host names with commas between");
        }

        var personal = read.Text("personalTags", "twin tags that hold personal data, with commas between, or -", 1024, "owner");
        return new HubPlace
        {
            Hosts = [.. hosts],
            Addresses = read.Text("addresses", "addresses of hubs", 8192, otherwise: " ").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(pair => pair.Split('=', 2)).Where(pair => pair.Length == 2)
                .ToImmutableDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase),
            Share = HubShare.OfS1(read.Double("part", "part of an S1 unit's quotas", 0.01, 1, 0.4), read.Int32("units", "units of each hub", 1, 200, 1)),
            PersonalTags = personal == "-" ? [] : [.. personal.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)],
        };
    }
}

/// <summary>Where table <c>devices</c> is. Section <c>Storage</c>. Trusted: whoever can write there decides who may connect.</summary>
internal sealed record TablePlace : ISettings<TablePlace>
{
    /// <inheritdoc/>
    public static string Section => "Storage";

    /// <summary><c>Storage__tableServiceUri</c>, required.</summary>
    public required Uri Tables { get; init; }

    /// <inheritdoc/>
    public static TablePlace Read(SettingsReader read) => new() { Tables = read.Url("tableServiceUri", "table endpoint of the storage account") };
}

/// <summary>Where container <c>audit</c> is. Section <c>Audit</c>. Trusted to keep what it is given: its policy keeps it from being changed.</summary>
internal sealed record AuditPlace : ISettings<AuditPlace>
{
    /// <inheritdoc/>
    public static string Section => "Audit";

    /// <summary><c>Audit__blobServiceUri</c>, required.</summary>
    public required Uri Blobs { get; init; }

    /// <inheritdoc/>
    public static AuditPlace Read(SettingsReader read) => new() { Blobs = read.Url("blobServiceUri", "blob endpoint of the account with the audit trail") };
}

/// <summary>Where alerts go. Section <c>EventHubs</c>. Not trusted: at worst nobody is told.</summary>
internal sealed record AlertPlace : ISettings<AlertPlace>
{
    /// <inheritdoc/>
    public static string Section => "EventHubs";

    /// <summary><c>EventHubs__fullyQualifiedNamespace</c>, required.</summary>
    public required string Namespace { get; init; }

    /// <inheritdoc/>
    public static AlertPlace Read(SettingsReader read) => new() { Namespace = read.HostName("fullyQualifiedNamespace", "Event Hubs namespace") };
}

/// <summary>Which vault signs statements of death. Section <c>KeyVault</c>. Trusted: whoever edits it chooses whose key signs.</summary>
internal sealed record VaultPlace : ISettings<VaultPlace>
{
    /// <inheritdoc/>
    public static string Section => "KeyVault";

    /// <summary><c>KeyVault__vaultUri</c>, required.</summary>
    public required Uri Vault { get; init; }

    /// <inheritdoc/>
    public static VaultPlace Read(SettingsReader read) => new() { Vault = read.Url("vaultUri", "origin of the key vault") };
}

/// <summary>What ends are allowed, and how early people are warned. Section <c>Lifecycle</c>.</summary>
/// <remarks>Trusted: whoever edits it decides how long a condemned device may live on.</remarks>
internal sealed record LifecycleSettings : ISettings<LifecycleSettings>
{
    /// <inheritdoc/>
    public static string Section => "Lifecycle";

    /// <summary><c>Lifecycle__graceMax</c>: 0 to 365 days, default 30 days.</summary>
    public TimeSpan GraceMax { get; init; } = TimeSpan.FromDays(30);

    /// <summary><c>Lifecycle__supportEnds</c>: <c>model=yyyy-MM-dd</c>, with commas between; default none.</summary>
    public ExpiryPolicy Expiry { get; init; } = new();

    /// <summary><c>Lifecycle__silentAfter</c>: not heard of for longer is out of reach; 1 to 365 days, default 30 days.</summary>
    public TimeSpan SilentAfter { get; init; } = TimeSpan.FromDays(30);

    /// <inheritdoc/>
    public static LifecycleSettings Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var ends = ImmutableSortedDictionary.CreateBuilder<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (var item in read.Text("supportEnds", "model=yyyy-MM-dd with commas between, or -", 16 * 1024, "-").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (item == "-") continue;
            if (item.Split('=') is not [{ Length: > 0 } model, var date] || !DateTimeOffset.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var end))
            {
                throw new SettingException("Lifecycle__supportEnds", "malformed", "model=yyyy-MM-dd with commas between");
            }

            ends[model] = end;
        }

        return new LifecycleSettings
        {
            GraceMax = read.Duration("graceMax", TimeSpan.Zero, TimeSpan.FromDays(365), TimeSpan.FromDays(30)),
            SilentAfter = read.Duration("silentAfter", TimeSpan.FromDays(1), TimeSpan.FromDays(365), TimeSpan.FromDays(30)),
            Expiry = new ExpiryPolicy
            {
                CertificateAgeMax = read.Duration("certificateAgeMax", TimeSpan.FromDays(1), TimeSpan.FromDays(3650), TimeSpan.FromDays(400)),
                SupportEnds = ends.ToImmutable(),
            },
        };
    }
}
