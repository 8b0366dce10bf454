using System.Text.Json.Nodes;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The device API over HTTPS.</summary>
public sealed class DeviceHttpTests
{
    [Fact]
    public async Task A_registration_is_202_with_an_operation_then_200_with_the_documented_state()
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { RetryAfter = TimeSpan.FromSeconds(3) });
        using var leaf = await dps.Enroll("pump-1");
        var device = new HttpDevice(dps, "pump-1") { Leaf = leaf };

        var begun = await device.Register();
        Assert.Equal((202, "assigning", "3"), (begun.Status, (string?)begun.Json["status"], begun.RetryAfter));
        Assert.Matches(@"^5\.[0-9a-f]{16}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", (string)begun.Json["operationId"]!);
        var done = await device.Finish();

        Assert.Equal((200, "assigned"), (done.Status, (string?)done.Json["status"]));
        var state = (JsonObject)done.Json["registrationState"]!;
        foreach (var member in new[] { "registrationId", "createdDateTimeUtc", "assignedHub", "deviceId", "status", "substatus", "lastUpdatedDateTimeUtc", "etag", "x509" }) Assert.NotNull(state[member]);
        Assert.Null(state["payload"]);
        Assert.Equal(state.ToJsonString(), (await device.Look()).Json.ToJsonString());
    }

    [Fact]
    public async Task What_the_request_says_wrong_is_said_in_the_documented_shape()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1");
        using var other = await dps.Enroll("pump-2");
        var device = new HttpDevice(dps, "pump-1") { Leaf = leaf };

        (await device.Send("PUT", $"/{dps.Service.IdScope}/registrations/pump-1/register", "{}", "")).IsError(400004); // argument-invalid: no api-version
        (await new HttpDevice(dps, "pump-1") { Leaf = leaf, Scope = "0ne00000000" }.Register()).IsError(404204); // "scope-unknown"
        (await new HttpDevice(dps, "pump.") { Leaf = leaf }.Register()).IsError(400004); // "registration-id"
        (await device.Register("not json")).IsError(400004);
        (await device.Register("""{"registrationId":7}""")).IsError(400004);
        (await device.Register("""{"registrationId":"pump-2"}""")).IsError(400004); // "registration-mismatch"
        (await device.Register("{\"payload\":\"" + new string('x', 97 * 1024) + "\"}")).IsError(413001); // "body-size"
        (await device.Poll("5.0.nobody")).IsError(404203); // "operation-not-found"
        (await device.Look()).IsError(404202); // "registration-not-found"
        Assert.Equal(1, dps.Count("registrations.refused", "registration-mismatch"));
        Assert.Equal((1, 1, 1), (dps.Count("requests.refused", "scope-unknown"), dps.Count("requests.refused", "registration-id"), dps.Count("requests.refused", "body-size")));
        Assert.Equal((1, 1), (dps.Count("polls.refused", "operation-not-found"), dps.Count("lookups.refused", "registration-not-found")));
        Assert.Equal(0, dps.Hubs.Sum(hub => hub.DeviceCount));
        Assert.Equal(405, (await device.Send("DELETE", $"/{dps.Service.IdScope}/registrations/pump-1/register", null)).Status);
    }

    [Fact]
    public async Task An_operation_belongs_to_its_device()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1");
        using var other = await dps.Enroll("pump-2");
        var operation = (string)(await new HttpDevice(dps, "pump-1") { Leaf = leaf }.Register()).Json["operationId"]!;
        await new HttpDevice(dps, "pump-2") { Leaf = other }.Assigned();

        (await new HttpDevice(dps, "pump-2") { Leaf = other }.Poll(operation)).IsError(404203);
        (await new HttpDevice(dps, "pump-1") { Leaf = other }.Poll(operation)).IsError(401002);
        (await new HttpDevice(dps, "pump-1") { Leaf = other }.Look()).IsError(401002);
        (await new HttpDevice(dps, "pump-1").Poll(operation)).IsError(401002); // credentials-missing
    }

    [Fact]
    public async Task An_earlier_operation_can_still_be_polled_after_four_more_no_longer()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1");
        var device = new HttpDevice(dps, "pump-1") { Leaf = leaf };
        async Task<string> Register()
        {
            var before = dps.Service.Counters["registrations.assigned"];
            var operation = (string)(await device.Register()).Json["operationId"]!;
            await IotHub.Eventually.Holds(() => dps.Service.Counters["registrations.assigned"] == before + 1);
            return operation;
        }

        var first = await Register();
        for (var i = 0; i < 3; i++) Assert.NotEqual(first, await Register());
        Assert.Equal(200, (await device.Poll(first)).Status);
        await Register();
        (await device.Poll(first)).IsError(404203);
    }

    [Fact]
    public async Task The_payload_reaches_nobody_but_the_webhook()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));

        var answer = await new HttpDevice(dps, "pump-1") { Leaf = leaf }.Register("""{"registrationId":"PUMP-1","payload":{"a":1},"tpm":{"endorsementKey":"x"}}""");

        Assert.Equal(202, answer.Status);
        await IotHub.Eventually.Holds(() => !webhook.Calls.IsEmpty);
        Assert.Equal("""{"a":1}""", webhook.Calls.Single().Body["deviceRuntimeContext"]!["payload"]!.ToJsonString());
    }
}
