using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Serverless.Local.Identity;
using Serverless.Local.Tests.FunctionsHost;
using Serverless.Local.Tests.IotHub;
using Serverless.Local.Tests.Storage;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Custom allocation: the published request, and that nothing but 200 with a linked hub admits.</summary>
public sealed class CustomAllocationTests(StorageFixture storage)
{
    [Fact]
    public async Task The_webhook_is_asked_in_the_published_shape_and_decides_hub_twin_and_payload()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) => ScriptedWebhook.Give(http, JsonNode.Parse(
            """{"iotHubHostName":"hub-b.azure-devices.net","initialTwin":{"tags":{"ring":"canary"},"properties":{"desired":{"rate":9}}},"payload":{"hello":[1]}}""")!);
        var more = Custom(webhook.Url, HubA, HubB);
        more["initialTwin"] = JsonNode.Parse("""{"tags":{"ring":"none"}}""");
        using var leaf = await dps.Enroll("pump-1", more);

        var given = await dps.Admit("pump-1", leaf, payload: JsonNode.Parse("""{"model":"pump"}"""));

        Assert.Equal((HubB, """{"hello":[1]}"""), (given.HubHostName, given.Payload!.ToJsonString()));
        var (tags, desired, _) = dps.Hub(HubB).TwinOf("pump-1")!.Value;
        Assert.Equal(("""{"ring":"canary"}""", """{"rate":9}"""), (tags.ToJsonString(), desired.ToJsonString()));
        var (request, body) = Assert.Single(webhook.Calls);
        Assert.Equal(("POST", "/api/Allocate", "?code=the-key", "application/json; charset=utf-8", 0), (request.Method, request.Path, request.Query, request.ContentType, request.TransferEncodings));
        Assert.Equal(request.BytesRead, request.ContentLength);
        Assert.Equal(["individualEnrollment", "deviceRuntimeContext", "linkedHubs"], body.Select(pair => pair.Key));
        var enrollment = (JsonObject)body["individualEnrollment"]!;
        Assert.Equal(("pump-1", "custom", "enabled"), ((string?)enrollment["registrationId"], (string?)enrollment["allocationPolicy"], (string?)enrollment["provisioningStatus"]));
        Assert.Equal(webhook.Url.GetLeftPart(UriPartial.Path) + "?****", (string?)enrollment["customAllocationDefinition"]!["webhookUrl"]);
        Assert.DoesNotContain("the-key", body.ToJsonString(), StringComparison.Ordinal);
        var context = (JsonObject)body["deviceRuntimeContext"]!;
        Assert.Equal(["registrationId", "x509", "payload"], context.Select(pair => pair.Key));
        Assert.Equal("""{"model":"pump"}""", context["payload"]!.ToJsonString());
        Assert.Equal(leaf.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256), (string?)context["x509"]!["clientCertificates"]!["primary"]!["info"]!["sha256Thumbprint"]);
        Assert.Equal($"""["{HubA}","{HubB}"]""", body["linkedHubs"]!.ToJsonString());
    }

    [Fact]
    public async Task A_second_registration_says_where_the_device_lives_and_a_group_says_its_group()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        using var leaf = DeviceCa.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/all", References("all", more: Custom(webhook.Url)));

        await dps.Admit("sensor-1", leaf);
        await dps.Admit("sensor-1", leaf);

        var (first, second) = (webhook.Calls.First().Body, webhook.Calls.Last().Body);
        Assert.Equal(("all", null), ((string?)first["enrollmentGroup"]!["enrollmentGroupId"], (string?)first["deviceRuntimeContext"]!["currentIotHubHostName"]));
        Assert.Equal($"""["{HubA}","{HubB}"]""", first["linkedHubs"]!.ToJsonString()); // the enrolment names none: all
        Assert.Equal((HubA, "sensor-1"), ((string?)second["deviceRuntimeContext"]!["currentIotHubHostName"], (string?)second["deviceRuntimeContext"]!["currentDeviceId"]));
    }

    [Theory]
    [InlineData("webhook-status", "Custom allocation failed with status code: 403", 403, null)]
    [InlineData("webhook-status", "Custom allocation failed with status code: 500", 500, null)]
    [InlineData("webhook-status", "Custom allocation failed with status code: 202", 202, "{}")]
    [InlineData("webhook-status", "Custom allocation failed with status code: 302", 302, null)]
    [InlineData("webhook-answer", null, 200, "")]
    [InlineData("webhook-answer", null, 200, "hub-a.azure-devices.net")]
    [InlineData("webhook-answer", null, 200, "{}")]
    [InlineData("webhook-answer", null, 200, """{"iotHubHostName":7}""")]
    [InlineData("webhook-answer", null, 200, """{"iotHubHostName":"hub-a.azure-devices.net","initialTwin":[]}""")]
    [InlineData("webhook-answer", null, 200, """{"iotHubHostName":"hub-b.azure-devices.net","iotHubHostName":"hub-a.azure-devices.net"}""")]
    [InlineData("webhook-answer", null, 200, "too much")]
    [InlineData("webhook-hub", null, 200, """{"iotHubHostName":"hub-c.azure-devices.net"}""")]
    [InlineData("webhook-hub", null, 200, """{"iotHubHostName":"hub-a.azure-devices.net"}""")] // linked, but not offered
    public async Task The_device_is_refused_when_the_webhook_answers(string fault, string? message, int status, string? body)
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) =>
        {
            http.Response.StatusCode = status;
            if (status == 302) http.Response.Headers.Location = webhook.Url.ToString();
            return body is null ? Task.CompletedTask : http.Response.WriteAsync(body == "too much" ? new string(' ', 200_000) + "{}" : body);
        };
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url, HubB));

        var refused = (await dps.Register("pump-1", leaf)).Refused!;

        Assert.Equal(("failed", 400207), (refused.Stage, refused.ErrorCode));
        if (message is not null) Assert.Equal(message, refused.Message);
        Assert.Equal((fault, 1, 1), (fault, dps.Count("registrations.failed", fault), webhook.Calls.Count));
        Assert.Empty(dps.Homes("pump-1"));
        var record = (await dps.Call("GET", "/registrations/pump-1")).Json;
        Assert.Equal(("failed", 400207, null), ((string?)record["status"], (int?)record["errorCode"], (string?)record["assignedHub"]));
    }

    [Fact]
    public async Task The_other_spelling_of_the_answer_counts_too()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) => ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostname"] = "HUB-B.azure-devices.net" });
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));

        Assert.Equal(HubB, (await dps.Admit("pump-1", leaf)).HubHostName);
    }

    [Fact]
    public async Task A_webhook_that_does_not_answer_in_five_seconds_refuses_and_meanwhile_the_device_is_told_to_wait()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var dps = await ProvisioningFixture.Start(wall: wall);
        await using var webhook = await ScriptedWebhook.Start();
        webhook.Answer = (_, http) => Task.Delay(Timeout.Infinite, http.RequestAborted);
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));

        var registering = dps.Register("pump-1", leaf);
        await Eventually.Holds(() => !webhook.Calls.IsEmpty);
        wall.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal("assigning", (string?)(await dps.Call("GET", "/registrations/pump-1")).Json["status"]);
        wall.Advance(TimeSpan.FromSeconds(0.2));
        await Eventually.Holds(() => dps.Count("registrations.failed", "webhook-timeout") == 1);
        wall.Advance(TimeSpan.FromSeconds(30)); // the polling quota is wall time too

        Assert.Equal(("failed", 400207), ((await registering).Refused!.Stage, (await registering).Refused!.ErrorCode));
    }

    [Fact]
    public async Task A_webhook_that_cannot_be_reached_or_is_not_trusted_refuses()
    {
        await using var dps = await ProvisioningFixture.Start();
        Uri gone;
        await using (var webhook = await ScriptedWebhook.Start()) gone = webhook.Url;
        using var leaf = await dps.Enroll("pump-1", Custom(gone));

        Assert.Equal("failed", (await dps.Register("pump-1", leaf)).Refused!.Stage);

        Assert.Equal(1, dps.Count("registrations.failed", "webhook-unreachable"));
    }

    [Fact]
    public async Task No_webhook_is_asked_before_the_device_has_proven_itself()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));
        using var forged = Authority.IssueDevice("pump-1");

        Assert.Equal("401", (await dps.Register("pump-1", forged)).Refused!.Stage);
        await dps.Put("/enrollments/pump-1", Individual("pump-1", leaf, enabled: false, more: Custom(webhook.Url)));
        Assert.Equal("disabled", (await dps.Register("pump-1", leaf)).Refused!.Stage);

        Assert.Empty(webhook.Calls);
    }

    [Fact]
    public async Task Registering_again_while_the_webhook_thinks_joins_the_registration_under_way()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var webhook = await ScriptedWebhook.Start();
        var free = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        webhook.Answer = async (_, http) =>
        {
            await free.Task;
            await ScriptedWebhook.Give(http, new JsonObject { ["iotHubHostName"] = HubA });
        };
        using var leaf = await dps.Enroll("pump-1", Custom(webhook.Url));

        var first = dps.Register("pump-1", leaf);
        await Eventually.Holds(() => !webhook.Calls.IsEmpty);
        var second = dps.Register("pump-1", leaf);
        await Eventually.Holds(() => dps.Service.Counters["registrations.joined"] == 1);
        free.SetResult();

        Assert.Equal((await first).Assigned, (await second).Assigned);
        Assert.Single(webhook.Calls);
    }

    [Fact]
    public async Task A_function_behind_the_local_host_is_reached_with_its_key_and_not_without()
    {
        using var certificate = Authority.IssueServer();
        await using var app = new ProbeApp().Function("Allocate", ProbeApp.AnyHttp.Replace("anonymous", "function", StringComparison.Ordinal));
        app.Mode("Allocate", """output:{"statusCode":200,"body":{"iotHubHostName":"hub-b.azure-devices.net"}}""");
        await using var host = await app.Start(storage, principal: LocalTenant.Enrollment, change: options => options with { Certificate = certificate });
        await using var dps = await ProvisioningFixture.Start();
        var open = new Uri(host.Address, "api/Allocate");
        using var leaf = await dps.Enroll("pump-1", Custom(new Uri(open + "?code=" + Uri.EscapeDataString(host.FunctionKeys["Allocate"]))));
        using var keyless = await dps.Enroll("pump-2", Custom(open));

        Assert.Equal(HubB, (await dps.Admit("pump-1", leaf)).HubHostName);
        Assert.Equal("Custom allocation failed with status code: 401", (await dps.Register("pump-2", keyless)).Refused!.Message);

        var seen = Assert.Single(app.Requests("Allocate"));
        Assert.Contains("deviceRuntimeContext", seen.Body, StringComparison.Ordinal); // the body came through: it had its length
    }
}
