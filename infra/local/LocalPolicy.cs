using System.Text.Json.Nodes;
using Azure.Storage.Blobs.Models;
using Serverless.Local.Identity;

namespace Serverless.Local;

/// <summary>The enrolment policy of the local cloud: the simulated fleet's models, and its hubs.</summary>
public static class LocalPolicy
{
    /// <summary>Puts the document where the Enrollment app looks for it, over what stands there.</summary>
    /// <param name="cloud">Started.</param>
    /// <param name="draining">Host names of hubs that take no new devices and give theirs away.</param>
    /// <param name="cancel">Cancels.</param>
    public static Task Publish(LocalCloud cloud, IReadOnlyCollection<string> draining, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        var document = new JsonObject
        {
            ["version"] = 1,
            ["models"] = new JsonArray(Model("env-sensor", "stable"), Model("gateway", "canary"), Model("pump", "stable")),
            ["hubs"] = new JsonArray([.. cloud.IotHubs.Select(hub => (JsonNode)new JsonObject { ["host"] = hub.HostName, ["weight"] = 1, ["draining"] = draining.Contains(hub.HostName) })]),
            ["registrations"] = new JsonObject { ["devicePerMinute"] = 60, ["groupPerMinute"] = 10_000 }, // device time is fast here, the app's is not
        };
        var blob = cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("profiles").GetBlobClient("policies/enrollment.json");
        return blob.UploadAsync(BinaryData.FromString(document.ToJsonString()), new BlobUploadOptions(), cancel);
    }

    private static JsonObject Model(string name, string ring) => new()
    {
        ["model"] = name,
        ["profile"] = name + "@1",
        ["ring"] = ring,
        ["keys"] = new JsonArray("P-256", "P-384", "RSA-3072"),
        ["validityDaysMax"] = 3650, // what the local authority issues
        ["tpm"] = false,
        ["symmetricKeys"] = false,
    };
}
