using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.Provisioning;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Tests.IotHub;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Microsoft's own Node SDKs, unmodified, against DPS and the hubs it gives devices to: tests/Local/node, pinned by its lock file.</summary>
public sealed class NodeSdkTests
{
    private static readonly string GroupKey = Convert.ToBase64String(SHA256.HashData("group"u8));

    // The SDK polls as often as it is told to, and a device may poll five times in ten seconds.
    private static ProvisioningOptions Patient(ProvisioningOptions options) => options with { RetryAfter = TimeSpan.FromSeconds(2) };

    [Theory]
    [InlineData("mqtt", "individual certificate")]
    [InlineData("http", "individual certificate")]
    [InlineData("mqtt", "chain of a group")]
    [InlineData("http", "chain of a group")]
    [InlineData("mqtt", "derived key")]
    [InlineData("http", "derived key")]
    public async Task The_device_sdk_registers_and_then_sends_telemetry_to_the_hub_it_was_given(string transport, string proof)
    {
        await using var dps = await ProvisioningFixture.Start(Patient);
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (asked, http) => ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostName"] = HubB, ["payload"] = asked["deviceRuntimeContext"]!["payload"]!.DeepClone() });
        var settings = await Settings(dps, proof, Custom(webhook.Url));
        settings["transport"] = transport;

        await using var device = await NodeProcess.Start(Ports(dps), Authority.PemPath, "registrant.cjs", settings);

        var given = await device.Says("assigned");
        Assert.Equal((HubB, "node-1", """{"model":"pump"}"""), ((string?)given["hub"], (string?)given["deviceId"], given["payload"]!.ToJsonString()));
        await device.Says("sent");
        var sent = Assert.Single(dps.Route.Telemetry);
        Assert.Equal("""{"temperature":21.5}""", System.Text.Encoding.UTF8.GetString(sent.Body.Span));
        Assert.Equal("node-1", sent.Annotations!["iothub-connection-device-id"]);
    }

    [Theory]
    [InlineData("mqtt", "another device's name", "UnauthorizedError", null)]
    [InlineData("http", "another device's name", "UnauthorizedError", null)]
    [InlineData("mqtt", "no leave of the webhook", "ProvisioningRegistrationFailedError", 400207)]
    [InlineData("http", "no leave of the webhook", "ProvisioningRegistrationFailedError", 400207)]
    public async Task The_device_sdk_understands_refusals(string transport, string reason, string error, int? code)
    {
        await using var dps = await ProvisioningFixture.Start(Patient);
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) =>
        {
            http.Response.StatusCode = 403;
            return Task.CompletedTask;
        };
        var settings = await Settings(dps, "individual certificate", Custom(webhook.Url));
        settings["transport"] = transport;
        if (reason == "another device's name")
        {
            settings["registrationId"] = "node-2";
            using var victim = await dps.Enroll("node-2");
        }

        await using var device = await NodeProcess.Start(Ports(dps), Authority.PemPath, "registrant.cjs", settings);

        var refused = await device.Says("refused");
        Assert.Equal((error, code), ((string?)refused["error"], (int?)refused["code"]));
        Assert.Equal(0, dps.Hubs.Sum(hub => hub.DeviceCount));
    }

    [Theory]
    [InlineData("Entra token")]
    [InlineData("shared access policy")]
    public async Task The_service_sdk_enrols_lists_changes_in_bulk_and_deletes(string caller)
    {
        await using var dps = await ProvisioningFixture.Start(Patient);
        var settings = caller == "Entra token"
            ? new JsonObject { ["host"] = dps.Service.HostName, ["token"] = HubTenant.Tokens.Issue(Contributor, Audiences.Provisioning).Token }
            : new JsonObject { ["connectionString"] = dps.Service.ConnectionString() };
        settings["cert"] = DeviceCa.Certificate.ExportCertificatePem();
        settings["symmetricKey"] = GroupKey;

        await using var service = await NodeProcess.Start(Ports(dps), Authority.PemPath, "enroller.cjs", settings);

        Assert.Equal(("disabled", DeviceCa.Certificate.Subject), Pair(await service.Says("made"), "status", "subject"));
        Assert.Equal(("enabled", "true"), Pair(await service.Says("updated"), "status", "changed"));
        Assert.Equal("InvalidEtagError", (string?)(await service.Says("stale"))["error"]);
        Assert.Equal(("node-g", "true"), Pair(await service.Says("grouped"), "id", "read"));
        Assert.Equal("""{"event":"bulk","ok":false,"failed":["node-x"]}""", (await service.Says("bulk")).ToJsonString());
        Assert.Equal([.. Enumerable.Range(0, 9).Select(i => $"node-{i}"), "node-x"], (await service.Says("listed"))["ids"]!.AsArray().Select(id => (string)id!));
        Assert.True((bool)(await service.Says("secrets"))["same"]!);
        Assert.Equal(404, (int?)(await service.Says("missing"))["status"]);
    }

    private static async Task<JsonObject> Settings(ProvisioningFixture dps, string proof, JsonObject more)
    {
        var settings = new JsonObject { ["host"] = ProvisioningOptions.GlobalHostName, ["idScope"] = dps.Service.IdScope, ["registrationId"] = "node-1" };
        if (proof == "derived key")
        {
            await dps.Put("/enrollmentGroups/keys", Keys(EnrollmentBodyKind.Group, "keys", GroupKey, GroupKey, more: more));
            settings["symmetricKey"] = DerivedKey.Of(GroupKey, "node-1");
            return settings;
        }

        using var line = DeviceCa.Subordinate("Line 1 CA");
        using var leaf = proof == "chain of a group" ? line.IssueDevice("node-1") : await dps.Enroll("node-1", more);
        if (proof == "chain of a group") await dps.Put("/enrollmentGroups/line-1", Signers("line-1", line.Certificate, more: more));
        using var key = leaf.GetECDsaPrivateKey()!;
        settings["cert"] = leaf.ExportCertificatePem() + (proof == "chain of a group" ? "\n" + line.Certificate.ExportCertificatePem() : "");
        settings["key"] = key.ExportPkcs8PrivateKeyPem();
        return settings;
    }

    private static JsonObject Ports(ProvisioningFixture dps)
    {
        var ports = new JsonObject();
        foreach (var name in new[] { dps.Service.HostName, ProvisioningOptions.GlobalHostName }) (ports[$"{name}:8883"], ports[$"{name}:443"]) = (dps.Service.MqttPort, dps.Service.HttpsPort);
        foreach (var hub in dps.Hubs) foreach (var (name, port) in NodeProcess.PortsOf(hub)) ports[name] = port!.DeepClone();
        return ports;
    }

    private static (string?, string?) Pair(JsonObject said, string first, string second) => (said[first]?.ToString(), said[second]?.ToString());
}
