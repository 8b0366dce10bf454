using Azure.Core;
using Azure.Core.Pipeline;
using Serverless.Local.Identity;
using Serverless.Local.KeyVault;
using Serverless.Local.Tls;

namespace Serverless.KeyVault.Tests;

/// <summary>A local vault with its tenant: an officer who may do everything, a signer with the custom role on key <c>release</c>.</summary>
internal sealed class LocalVault : IAsyncDisposable
{
    public static readonly Principal Officer = Make(1, "officer", new RoleAssignment("Key Vault Crypto Officer", "keyvault"));
    public static readonly Principal Signer = Make(2, "signer", new RoleAssignment("Key signer (custom)", "keyvault/keys/release"));
    public static readonly Guid Tenant = Guid.Parse("00000000-0000-0000-0000-00000000000a");
    private readonly DirectoryInfo _folder = System.IO.Directory.CreateTempSubdirectory("keyvault-");

    private LocalVault(TimeProvider clock)
    {
        Tokens = new Tokens(Directory, Tenant, TimeProvider.System);
        Authority = new LocalAuthority(_folder.FullName, TimeProvider.System.GetUtcNow());
        Clock = clock;
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public TenantDirectory Directory { get; } = new([Officer, Signer]);

    public Tokens Tokens { get; }

    public LocalAuthority Authority { get; }

    public TimeProvider Clock { get; }

    public KeyVaultService Service { get; private set; } = null!;

    public static async Task<LocalVault> Start(KeyVaultOptions? options = null, TimeProvider? clock = null)
    {
        var vault = new LocalVault(clock ?? TimeProvider.System);
        // Keys may live in a test's own time; tokens stay in wall time.
        vault.Service = await KeyVaultService.Start(
            options ?? new KeyVaultOptions(), new Uri("https://localhost:1/"), vault.Authority, vault.Tokens, vault.Directory, vault.Clock, Cancel);
        return vault;
    }

    public KeyVaultClient Client(Principal? principal = null, TokenCredential? credential = null, Action<KeyVaultClientOptions>? adjust = null)
    {
        var options = Quick();
        options.Transport = new HttpClientTransport(new HttpClient(LocalTrust.Handler(Authority)));
        adjust?.Invoke(options);
        return new KeyVaultClient(Service.VaultUri, credential ?? new LocalCredential(Tokens, principal ?? Signer), Clock, options);
    }

    /// <summary>Options that wait milliseconds where a program waits seconds.</summary>
    public static KeyVaultClientOptions Quick()
    {
        var options = new KeyVaultClientOptions();
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        options.Retry.MaxDelay = TimeSpan.FromMilliseconds(5);
        return options;
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        Tokens.Dispose();
        Authority.Dispose();
        _folder.Delete(true);
    }

    private static Principal Make(int number, string name, params RoleAssignment[] roles) =>
        new(name, Guid.Parse($"00000000-0000-0000-0001-{number:d12}"), Guid.Parse($"00000000-0000-0000-0002-{number:d12}"), roles, []);
}
