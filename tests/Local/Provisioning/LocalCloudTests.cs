using System.Net.Http.Headers;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Provisioning;
using Serverless.Local.Tls;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The composed cloud: two hubs behind one DPS, one event hub behind both.</summary>
public sealed class LocalCloudTests
{
    [Fact]
    public async Task Devices_of_a_group_come_to_life_in_either_hub_and_their_telemetry_meets_in_one_event_hub()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing: the cloud's storage cannot be started on this machine");
        await using var cloud = await LocalCloud.Start(new LocalCloudOptions { Provisioning = new ProvisioningOptions { RetryAfter = TimeSpan.Zero } }, TimeProvider.System, Cancel);
        Assert.Equal(cloud.IotHubs.Select(hub => hub.HostName), cloud.Provisioning.LinkedHubs);
        Assert.Same(cloud.IotHubs[0], cloud.IotHub);
        using var line = cloud.Authority.Subordinate("Line 1 CA");
        using var http = new HttpClient(LocalTrust.Handler(cloud.Authority)) { BaseAddress = cloud.Provisioning.ServiceUri };
        http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer " + cloud.Tokens.Issue(LocalTenant.Enrollment, Audiences.Provisioning).Token);
        using var group = new StringContent(Signers("line-1", line.Certificate).ToJsonString(), new MediaTypeHeaderValue("application/json"));
        using var stored = await http.PutAsync("/enrollmentGroups/line-1?api-version=2021-10-01", group, Cancel);
        Assert.True(stored.IsSuccessStatusCode);
        var before = cloud.EventHubs.AppendedByHub["telemetry"];

        var homes = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            using var leaf = line.IssueDevice($"sensor-{i}");
            var outcome = await DeviceProvisioning.Register(cloud.ProvisioningAddress, new DeviceIdentityShown($"sensor-{i}", leaf, line.Intermediates), TimeProvider.System, Cancel);
            homes.Add(outcome.Assigned!.HubHostName);
            var script = new DeviceScript(i, outcome.Assigned.DeviceId, "env-sensor", Misbehaviour.None, TimeSpan.FromSeconds(1));
            await using var device = new SimulatedDevice(script, leaf, cloud.AddressOf(outcome.Assigned.HubHostName), TimeProvider.System);
            await device.Connect(Cancel);
            await device.Send("{}"u8.ToArray(), Cancel);
        }

        Assert.Equal(2, homes.Distinct().Count());
        Assert.All(cloud.IotHubs, hub => Assert.Equal(homes.Count(home => home == hub.HostName), (int)hub.Counters["telemetry.accepted"]));
        // Beside the messages, each device brought its hub events.
        Assert.True(cloud.EventHubs.AppendedByHub["telemetry"] - before >= 24);
    }
}
