using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Storage;
using Serverless.Local.Tests.Storage;
using Serverless.Local.Tls;

[assembly: AssemblyFixture(typeof(StorageFixture))]

namespace Serverless.Local.Tests.Storage;

/// <summary>One Azurite for all tests that need one, started by the first of them.</summary>
public sealed class StorageFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = System.IO.Directory.CreateTempSubdirectory("serverless-test-");
    private readonly Lazy<Task<Azurite>> _azurite;

    public StorageFixture()
    {
        Authority = new LocalAuthority(_folder.FullName, TimeProvider.System.GetUtcNow());
        Directory = LocalTenant.Directory();
        Tokens = new Tokens(Directory, LocalTenant.TenantId, TimeProvider.System);
        _azurite = new Lazy<Task<Azurite>>(() => Azurite.Start(new AzuriteOptions(), Authority, Tokens, Directory, CancellationToken.None));
    }

    public LocalAuthority Authority { get; }

    public TenantDirectory Directory { get; }

    public Tokens Tokens { get; }

    /// <summary>Storage, or the test is skipped if this machine has no Node at all. An old Node or a failing npm is a failure.</summary>
    public async Task<Azurite> Storage()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing: storage cannot be started on this machine");
        return await _azurite.Value;
    }

    public LocalCredential Credential(Principal principal) => new(Tokens, principal);

    public async ValueTask DisposeAsync()
    {
        if (_azurite.IsValueCreated) await (await _azurite.Value).DisposeAsync();
        Tokens.Dispose();
        Authority.Dispose();
        _folder.Delete(true);
    }
}
