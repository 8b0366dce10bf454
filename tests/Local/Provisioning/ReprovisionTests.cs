using System.Text.Json.Nodes;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning;
using Serverless.Local.Provisioning.Enrollments;
using Serverless.Local.Provisioning.Registrations;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>What a second registration does: nothing, a move with the twin, a move without it, or a refusal to move.</summary>
public sealed class ReprovisionTests
{
    private static readonly JsonObject Twin = new() { ["initialTwin"] = JsonNode.Parse("""{"tags":{"ring":"new"},"properties":{"desired":{"rate":1}}}""") };

    [Fact]
    public async Task A_device_that_comes_back_to_its_hub_keeps_its_identity_twin_and_session()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1", (JsonObject)Twin.DeepClone());
        var first = await dps.Admit("pump-1", leaf);
        var before = dps.Hub(first.HubHostName).Find("pump-1")!;
        dps.Hub(first.HubHostName).PatchTwin("pump-1", desired: new JsonObject { ["rate"] = 7 });

        Assert.Equal(first, await dps.Admit("pump-1", leaf));

        Assert.Equal(before, dps.Hub(first.HubHostName).Find("pump-1"));
        Assert.Equal("""{"rate":7}""", dps.Hub(first.HubHostName).TwinOf("pump-1")!.Value.Desired.ToJsonString());
        Assert.Equal("reprovisionedToInitialAssignment", await Substatus(dps));
    }

    [Theory]
    [InlineData(true, "deviceDataMigrated", """{"ring":"old"}""", """{"rate":7}""", """{"firmware":"1.2"}""")]
    [InlineData(false, "deviceDataReset", """{"ring":"new"}""", """{"rate":1}""", "{}")]
    public async Task A_device_given_another_hub_leaves_the_first_with_or_without_its_twin(bool migrate, string substatus, string tags, string desired, string reported)
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await Move(dps, update: true, migrate);

        var second = await dps.Admit("pump-1", leaf);

        Assert.Equal(HubB, second.HubHostName);
        Assert.Equal([HubB], dps.Homes("pump-1"));
        Assert.Equal(substatus, await Substatus(dps));
        var twin = dps.Hub(HubB).TwinOf("pump-1")!.Value;
        Assert.Equal((tags, desired, reported), (twin.Tags.ToJsonString(), twin.Desired.ToJsonString(), twin.Reported.ToJsonString()));
        Assert.Equal(DeviceStatus.Enabled, dps.Hub(HubB).Find("pump-1")!.Status);
    }

    [Fact]
    public async Task A_device_that_may_not_move_stays()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await Move(dps, update: false, migrate: false);

        Assert.Equal(HubA, (await dps.Admit("pump-1", leaf)).HubHostName);

        Assert.Equal([HubA], dps.Homes("pump-1"));
    }

    [Fact]
    public async Task A_webhook_is_offered_only_the_current_hub_of_a_device_that_may_not_move()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        using var leaf = await dps.Enroll("pump-1", Reprovision(false, false, Custom(webhook.Url)));
        await dps.Admit("pump-1", leaf);
        webhook.Answer = (_, http) => ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostName"] = HubB });

        Assert.Equal(400207, (await dps.Register("pump-1", leaf)).Refused!.ErrorCode);

        Assert.Equal($"""["{HubA}"]""", webhook.Calls.Last().Body["linkedHubs"]!.ToJsonString());
        Assert.Equal([HubA], dps.Homes("pump-1"));
        Assert.Equal((HubA, "pump-1"), dps.Service.Find("PUMP-1")); // a refusal takes nothing away
    }

    [Theory]
    [InlineData(false, false, """{"ring":"old"}""")] // ignored where the device keeps its data
    [InlineData(true, true, """{"ring":"old"}""")]
    [InlineData(true, false, """{"ring":"hook"}""")]
    public async Task The_webhooks_twin_counts_only_for_a_new_hub_without_migration(bool moves, bool migrate, string tags)
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        var hub = HubA;
        webhook.Answer = (_, http) => ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostName"] = hub, ["initialTwin"] = JsonNode.Parse("""{"tags":{"ring":"hook"}}""") });
        using var leaf = await dps.Enroll("pump-1", Reprovision(true, migrate, Custom(webhook.Url)));
        await dps.Admit("pump-1", leaf);
        dps.Hub(HubA).PatchTwin("pump-1", tags: new JsonObject { ["ring"] = "old" });
        if (moves) hub = HubB;

        await dps.Admit("pump-1", leaf);

        Assert.Equal(tags, dps.Hub(hub).TwinOf("pump-1")!.Value.Tags.ToJsonString());
    }

    [Theory]
    [InlineData(DisabledIdentities.Stay, DeviceStatus.Disabled)]
    [InlineData(DisabledIdentities.Enable, DeviceStatus.Enabled)]
    public async Task A_disabled_identity_is_treated_as_asked_for(DisabledIdentities option, DeviceStatus expected)
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { DisabledIdentities = option });
        using var leaf = await dps.Enroll("pump-1");
        var home = (await dps.Admit("pump-1", leaf)).HubHostName;
        dps.Hub(home).SetStatus("pump-1", DeviceStatus.Disabled, "incident 7");

        await dps.Admit("pump-1", leaf);

        Assert.Equal(expected, dps.Hub(home).Find("pump-1")!.Status);
    }

    [Fact]
    public async Task A_deleted_identity_is_made_again_and_a_move_makes_an_enabled_one()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await Move(dps, update: true, migrate: true);
        dps.Hub(HubA).SetStatus("pump-1", DeviceStatus.Disabled);

        await dps.Admit("pump-1", leaf); // the hole that a webhook has to close: a disabled device that may move is free again
        Assert.Equal((HubB, DeviceStatus.Enabled), (dps.Homes("pump-1").Single(), dps.Hub(HubB).Find("pump-1")!.Status));

        dps.Hub(HubB).Delete("pump-1");
        await dps.Admit("pump-1", leaf);
        Assert.Equal("""{"ring":"new"}""", dps.Hub(HubB).TwinOf("pump-1")!.Value.Tags.ToJsonString());
    }

    [Fact]
    public async Task A_record_that_is_gone_makes_the_next_registration_a_first_one()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1");
        await dps.Admit("pump-1", leaf);

        Assert.Equal(204, (await dps.Call("DELETE", "/registrations/pump-1")).Status);
        Assert.Null(dps.Service.Find("pump-1"));
        await dps.Admit("pump-1", leaf);

        Assert.Equal("initialAssignment", await Substatus(dps));
    }

    [Fact]
    public async Task A_full_hub_refuses_and_leaves_the_device_where_it_was()
    {
        await using var dps = await ProvisioningFixture.Start(hub: options => options.HostName == HubB ? options with { DevicesMax = 0 } : options);
        using var leaf = await Move(dps, update: true, migrate: true);

        Assert.Equal(("failed", 400209), ((await dps.Register("pump-1", leaf)).Refused!.Stage, (await dps.Register("pump-1", leaf)).Refused!.ErrorCode)); // "hub-refused"

        Assert.Equal([HubA], dps.Homes("pump-1"));
        Assert.Equal(2, dps.Count("hubs.refused", "hub-full"));
    }

    [Fact]
    public async Task No_device_is_given_to_a_hub_that_is_no_longer_linked()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1", Static(HubB));
        dps.Service.Unlink(HubB);

        Assert.Equal(("failed", 400208), ((await dps.Register("pump-1", leaf)).Refused!.Stage, (await dps.Register("pump-1", leaf)).Refused!.ErrorCode));
        Assert.Equal(2, dps.Count("registrations.failed", "hub-none"));
        using var any = await dps.Enroll("pump-2");
        Assert.Equal(HubA, (await dps.Admit("pump-2", any)).HubHostName);
    }

    [Fact]
    public async Task A_hub_unlinked_while_the_webhook_thinks_is_not_given_to_the_device()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) =>
        {
            dps.Service.Unlink(HubB);
            return ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostName"] = HubB });
        };
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));

        Assert.Equal(400209, (await dps.Register("pump-1", leaf)).Refused!.ErrorCode);
        Assert.Equal(1, dps.Count("hubs.refused", "hub-unlinked"));
    }

    [Fact]
    public void Hashing_spreads_devices_evenly_and_a_lost_hub_moves_only_its_own()
    {
        string[] three = [HubA, HubB, "hub-c.azure-devices.net"];
        var ids = Enumerable.Range(0, 3000).Select(i => $"dev-{i}").ToArray();

        Assert.All(three, hub => Assert.InRange(ids.Count(id => Allocation.Hashed(id, three) == hub), 900, 1100));
        Assert.All(ids.Where(id => Allocation.Hashed(id, three) != three[2]), id => Assert.Equal(Allocation.Hashed(id, three), Allocation.Hashed(id, three[..2])));
        Assert.Equal(Allocation.Hashed("DEV-1", three), Allocation.Hashed("dev-1", three.Reverse().ToArray()));
    }

    [Fact]
    public void A_plan_follows_from_where_the_device_lives_and_its_policy()
    {
        var (a, b) = (new Assignment(HubA, "d"), new Assignment(HubB, "d"));

        Assert.Equal(new AllocationPlan(HubA, "initialAssignment", TwinSource.Initial), Allocation.Plan(a, null, new ReprovisionPolicy(true, true)));
        Assert.Equal(new AllocationPlan(HubA, "reprovisionedToInitialAssignment", TwinSource.Kept), Allocation.Plan(a, a, new ReprovisionPolicy(true, false)));
        Assert.Equal(new AllocationPlan(HubB, "deviceDataMigrated", TwinSource.Migrated), Allocation.Plan(b, a, new ReprovisionPolicy(true, true)));
        Assert.Equal(new AllocationPlan(HubB, "deviceDataReset", TwinSource.Initial), Allocation.Plan(b, a, new ReprovisionPolicy(true, false)));
    }

    private static async Task<string?> Substatus(ProvisioningFixture dps) => (string?)(await dps.Call("GET", "/registrations/pump-1")).Json["substatus"];

    // A device that lives in hub A with a changed twin, and whose enrolment now says hub B.
    private static async Task<System.Security.Cryptography.X509Certificates.X509Certificate2> Move(ProvisioningFixture dps, bool update, bool migrate)
    {
        JsonObject More(string hub)
        {
            var more = Reprovision(update, migrate, Static(hub));
            more["initialTwin"] = Twin["initialTwin"]!.DeepClone();
            return more;
        }

        var leaf = await dps.Enroll("pump-1", More(HubA));
        await dps.Admit("pump-1", leaf);
        dps.Hub(HubA).PatchTwin("pump-1", tags: new JsonObject { ["ring"] = "old" }, desired: new JsonObject { ["rate"] = 7 });
        dps.Hub(HubA).Report("pump-1", new JsonObject { ["firmware"] = "1.2" });
        await dps.Put("/enrollments/pump-1", Individual("pump-1", leaf, more: More(HubB)));
        return leaf;
    }
}
