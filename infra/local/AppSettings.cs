using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Http;
using Serverless.Local.Identity;

namespace Serverless.Local;

/// <summary>What a function app is told of the cloud around it: the settings that infra/main.bicep gives it in Azure, with local addresses.</summary>
internal static class AppSettings
{
    /// <summary>The settings of an app: connections, identity, and the key of its own webhook where it has one.</summary>
    /// <param name="cloud">Started.</param>
    /// <param name="principal">The app's identity.</param>
    /// <param name="appFolder">The app as published.</param>
    /// <param name="temporary">A folder for its runtime's leftovers.</param>
    /// <param name="further">Settings that win over these.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<IReadOnlyDictionary<string, string>> Of(
        LocalCloud cloud, Principal principal, string appFolder, string temporary, IReadOnlyDictionary<string, string>? further, CancellationToken cancel)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            // A handler is killed, as in Azure, and leaves its runtime's sockets behind: here, where we clean up.
            ["TMPDIR"] = temporary,
            ["AZURE_CLIENT_ID"] = principal.ClientId.ToString(),
            ["AzureWebJobsStorage__blobServiceUri"] = cloud.Storage.BlobServiceUri.ToString(),
            ["AzureWebJobsStorage__queueServiceUri"] = cloud.Storage.QueueServiceUri.ToString(),
            ["AzureWebJobsStorage__tableServiceUri"] = cloud.Storage.TableServiceUri.ToString(),
            ["KeyVault__vaultUri"] = cloud.KeyVault.VaultUri.ToString(),
            ["EventHubs__fullyQualifiedNamespace"] = cloud.EventHubs.FullyQualifiedNamespace,
            ["Storage__blobServiceUri"] = cloud.Storage.BlobServiceUri.ToString(),
            ["Storage__tableServiceUri"] = cloud.Storage.TableServiceUri.ToString(),
            ["Audit__blobServiceUri"] = cloud.Storage.BlobServiceUri.ToString(),
            ["Firmware__blobServiceUri"] = cloud.Storage.BlobServiceUri.ToString(),
            ["Ota__blobServiceUri"] = cloud.Storage.BlobServiceUri.ToString(),
            ["Provisioning__host"] = cloud.Provisioning.ServiceUri.Authority,
            // In Azure a hub answers at its name. Here: name=host:port;name=host:port
            ["Admission__hubAddresses"] = HubAddresses(cloud),
            ["IotHubs__hosts"] = string.Join(',', cloud.IotHubs.Select(hub => hub.HostName)),
            ["IotHubs__addresses"] = HubAddresses(cloud),
            ["Entra__authority"] = new Uri(cloud.Identity.AuthorityHost, $"{LocalTenant.TenantId}/v2.0").ToString(),
            ["Entra__audience"] = Audiences.Api,
        };
        foreach (var (name, value) in cloud.Identity.GrantManagedIdentity(principal)) settings[name] = value;
        if (await WebhookKey(cloud, principal, appFolder, settings, cancel).ConfigureAwait(false) is { } key) settings["Webhook__key"] = key;
        foreach (var (name, value) in further ?? new Dictionary<string, string>()) settings[name] = value;
        return settings;
    }

    private static string HubAddresses(LocalCloud cloud) => string.Join(';', cloud.IotHubs.Select(hub => $"{hub.HostName}={hub.ServiceUri.Authority}"));

    // The one secret an app is told: it puts it into the URL that DPS calls. In Azure the setting is a Key Vault reference. Keys are made
    // here before the host's first start would make them, so that the app can know its own.
    private static async Task<string?> WebhookKey(
        LocalCloud cloud, Principal principal, string appFolder, IReadOnlyDictionary<string, string> settings, CancellationToken cancel)
    {
        var app = AppFolder.Read(appFolder, settings);
        if (app.Functions.All(function => function.Name != LocalCloud.WebhookFunction)) return null;
        var keys = await KeyRing.Load(cloud.BlobsAs(principal).GetBlobContainerClient(KeyRing.Container), principal.Name, app.Functions, cancel).ConfigureAwait(false);
        return keys.FunctionKeys[LocalCloud.WebhookFunction];
    }
}
