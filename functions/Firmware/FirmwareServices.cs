using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.Repository;
using Serverless.Hosting;
using Serverless.KeyVault;

namespace Serverless.Firmware;

/// <summary>The app's services: what each port is in Azure.</summary>
internal static class FirmwareServices
{
    /// <summary>Registers everything. Nothing connects before the first call.</summary>
    public static void Add(IServiceCollection services)
    {
        services.AddSingleton(all => all.GetRequiredService<ManagedIdentity>().Credential());
        services.AddSingleton<ISigningKeys>(all => new VaultKeys(
            new KeyVaultClient(all.GetRequiredService<VaultPlace>().Vault, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>()),
            all.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IReleases>(all => new TableReleases(
            new TableServiceClient(all.GetRequiredService<TablePlace>().Tables, all.GetRequiredService<TokenCredential>()).GetTableClient("releases")));
        services.AddSingleton<IImages>(all => new BlobImages(Container(all, all.GetRequiredService<ImagePlace>().Blobs, "firmware")));
        services.AddSingleton<ITargetShelf>(all => new BlobTargetShelf(Container(all, all.GetRequiredService<OtaPlace>().Blobs, "ota")));
        services.AddSingleton<IRepositoryFiles>(all => new BlobRepositoryFiles(Container(all, all.GetRequiredService<OtaPlace>().Blobs, "ota")));
        services.AddSingleton(PublishPolicy.Default);
        AddDesk(services);
    }

    /// <summary>Registers what is the same with any store.</summary>
    public static void AddDesk(IServiceCollection services)
    {
        services.AddSingleton<OtaRepository>();
        services.AddSingleton<Proposing>();
        services.AddSingleton<Checking>();
        services.AddSingleton<Submitting>();
        services.AddSingleton<PublishWork>();
        services.AddSingleton<Approving>();
        services.AddSingleton<Changing>();
        services.AddSingleton<Ceremonies>();
        services.AddSingleton<Refreshing>();
        services.AddSingleton<Views>();
    }

    /// <summary>Maps every function.</summary>
    public static void Map(FunctionApp app)
    {
        app.Http(routes =>
        {
            SubmitRelease.Map(routes);
            ShowRelease.Map(routes);
            ApproveRelease.Map(routes);
            WithdrawRelease.Map(routes);
            RenewProduct.Map(routes);
            PublishMetadata.Map(routes);
        });
        AdvanceReleases.Map(app);
        RefreshMetadata.Map(app);
    }

    private static BlobContainerClient Container(IServiceProvider all, Uri blobs, string name) =>
        new BlobServiceClient(blobs, all.GetRequiredService<TokenCredential>()).GetBlobContainerClient(name);
}
