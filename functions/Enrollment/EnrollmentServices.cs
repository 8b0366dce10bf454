using System.Security.Cryptography;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Devices;
using Serverless.Devices.Tables;
using Serverless.Enrollment.AddCertificate;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Allocate;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.EnrollGroup;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Enrollment.RunBatches;
using Serverless.Enrollment.ShowDevice;
using Serverless.Enrollment.SubmitBatch;
using Serverless.Hosting;
using Serverless.Provisioning;

namespace Serverless.Enrollment;

/// <summary>The app's services: what each port is in Azure.</summary>
internal static class EnrollmentServices
{
    /// <summary>Registers them. Nothing connects before the first call.</summary>
    public static void Add(IServiceCollection services)
    {
        services.AddSingleton(all => all.GetRequiredService<ManagedIdentity>().Credential());
        services.AddSingleton(all => new BlobServiceClient(all.GetRequiredService<StoragePlace>().Blobs, all.GetRequiredService<TokenCredential>()));
        services.AddSingleton(all => new TableServiceClient(all.GetRequiredService<StoragePlace>().Tables, all.GetRequiredService<TokenCredential>()).GetTableClient("devices"));
        services.AddSingleton<IDeviceLedger>(all => new TableLedger(
            all.GetRequiredService<TableClient>(),
            new BlobServiceClient(all.GetRequiredService<AuditPlace>().Blobs, all.GetRequiredService<TokenCredential>()).GetBlobContainerClient("audit"),
            all.GetRequiredService<TimeProvider>(),
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))));
        services.AddSingleton<IDeviceGroups>(all => new TableGroups(all.GetRequiredService<TableClient>()));
        services.AddSingleton<IPolicyDocument>(all => new BlobPolicy(all.GetRequiredService<BlobServiceClient>().GetBlobContainerClient("profiles")));
        services.AddSingleton<IBatches>(all => new BlobBatches(all.GetRequiredService<BlobServiceClient>().GetBlobContainerClient("enrollment")));
        services.AddSingleton(all => new ProvisioningClient(
            all.GetRequiredService<ProvisioningPlace>().Host, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>(),
            new ProvisioningClientOptions { OperationsPerMinute = all.GetRequiredService<ProvisioningPlace>().OperationsPerMinute }));
        services.AddSingleton<IProvisioning>(all => new ProvisioningService(all.GetRequiredService<ProvisioningClient>()));
        services.AddSingleton<IHubs>(all => new Hubs(all.GetRequiredService<AdmissionSettings>().HubAddresses, all.GetRequiredService<TokenCredential>(), all.GetRequiredService<TimeProvider>()));
        AddRules(services);
    }

    /// <summary>Registers what stands on the ports, whatever they are.</summary>
    public static void AddRules(IServiceCollection services)
    {
        services.AddSingleton(all => new PolicyShelf(
            all.GetRequiredService<IPolicyDocument>(), all.GetRequiredService<AdmissionSettings>().PolicyPollInterval, all.GetRequiredService<TimeProvider>(), all.GetRequiredService<ILogger<PolicyShelf>>()));
        services.AddSingleton(all => new EnrollmentEntries(all.GetRequiredService<WebhookPlace>().Url));
        services.AddSingleton<RegistrationRates>();
        services.AddSingleton<Enroller>();
        services.AddSingleton<Allocator>();
        services.AddSingleton<DeviceDesk>();
        services.AddSingleton<Rotation>();
        services.AddSingleton<GroupEnroller>();
        services.AddSingleton<BatchDesk>();
        // Batches take turns with single requests at DPS's quota instead of keeping them waiting.
        services.AddSingleton(all => new BatchRunner(
            all.GetRequiredService<IBatches>(), all.GetRequiredKeyedService<Enroller>("batches"), all.GetRequiredService<TimeProvider>(), all.GetRequiredService<ILogger<BatchRunner>>()));
        services.AddKeyedSingleton("batches", (all, _) => new Enroller(
            all.GetRequiredService<IDeviceLedger>(), all.GetRequiredService<IProvisioning>().For("batches"), all.GetRequiredService<PolicyShelf>(),
            all.GetRequiredService<EnrollmentEntries>(), all.GetRequiredService<TimeProvider>(), all.GetRequiredService<ILogger<Enroller>>()));
    }
}
