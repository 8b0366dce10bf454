using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Azure.Core;
using Serverless.Enrollment.Tests.Admission;
using Serverless.Local;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Tls;

namespace Serverless.Enrollment.Tests;

/// <summary>The published app in the local cloud: real tokens, real tables, DPS with its webhook.</summary>
public sealed class LocalCloudTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Devices_come_to_life_through_the_published_app()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing: storage cannot be started on this machine");
        await using var cloud = await LocalCloud.Start(new LocalCloudOptions(), TimeProvider.System, Cancel);
        await LocalPolicy.Publish(cloud, [], Cancel);
        var app = await cloud.StartApp("enrollment", null, Cancel);
        using var http = new HttpClient(LocalTrust.Handler(cloud.Authority)) { BaseAddress = app.Address };
        var ops = await Token(cloud, LocalTenant.Ops);

        // Enrolment needs the role, and is answered the same twice.
        using var leaf = cloud.Authority.IssueDevice("pump-1");
        var asked = Device("pump-1", leaf);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(http, HttpMethod.Post, "api/devices", null, asked)).Status);
        Assert.Equal((HttpStatusCode.Forbidden, "role-missing"), Code(await Send(http, HttpMethod.Post, "api/devices", await Token(cloud, LocalTenant.ReleaseEngineer), asked)));
        var first = await Send(http, HttpMethod.Post, "api/devices", ops, asked);
        Assert.True(first.Status == HttpStatusCode.Created, first.Body);
        Assert.Equal(first.Body, (await Send(http, HttpMethod.Post, "api/devices", ops, asked)).Body);
        asked["owner"] = "globex";
        Assert.Equal((HttpStatusCode.Conflict, "device-conflict"), Code(await Send(http, HttpMethod.Post, "api/devices", ops, asked)));
        Assert.Equal((HttpStatusCode.Conflict, "key-taken"), Code(await Send(http, HttpMethod.Post, "api/devices", ops, Device("pump-2", Copied(cloud, "pump-2", leaf)))));

        // DPS asks the webhook, which admits; everybody says the same.
        var assigned = Assigned(await Register(cloud, "pump-1", leaf));
        Assert.Contains(cloud.IotHubs, hub => hub.HostName == assigned.HubHostName);
        Assert.Equal("pump", assigned.Payload?["model"]?.GetValue<string>());
        var view = JsonNode.Parse((await Send(http, HttpMethod.Get, "api/devices/pump-1", ops)).Body)!;
        Assert.Equal(("active", assigned.HubHostName), (view["device"]!["state"]!.GetValue<string>(), view["iotHub"]!["hub"]!.GetValue<string>()));
        Assert.Empty(view["disagreements"]!.AsArray());
        Assert.Equal(["enroll", "admit"], view["history"]!.AsArray().Select(entry => entry!["act"]!.GetValue<string>()));
        Assert.Equal(assigned.HubHostName, Assigned(await Register(cloud, "pump-1", leaf)).HubHostName);

        // Strangers stay out: nobody enrolled, and a webhook that nobody asked with the key.
        Assert.NotNull((await Register(cloud, "pump-9", cloud.Authority.IssueDevice("pump-9"))).Refused);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(http, HttpMethod.Post, "api/allocate", null, AllocationRequestTests.Individual())).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(http, HttpMethod.Post, "api/allocate", ops, AllocationRequestTests.Individual())).Status);

        await Group(cloud, http, ops);
        await Rotation(cloud, http, ops, leaf);
        await Batch(http, ops);

        var page = JsonNode.Parse((await Send(http, HttpMethod.Get, "api/devices?state=active&model=pump&take=1", ops)).Body)!;
        Assert.InRange(page["devices"]!.AsArray().Count, 0, 1);
        Assert.Equal((HttpStatusCode.BadRequest, "query-state"), Code(await Send(http, HttpMethod.Get, "api/devices?state=alive", ops)));
        Assert.Equal((HttpStatusCode.BadRequest, "query-take"), Code(await Send(http, HttpMethod.Get, "api/devices?take=201", ops)));
        Assert.Equal((HttpStatusCode.BadRequest, "query-member"), Code(await Send(http, HttpMethod.Get, "api/devices?colour=red", ops)));
        Assert.Equal((HttpStatusCode.BadRequest, "query-group"), Code(await Send(http, HttpMethod.Get, "api/devices?group=A", ops)));
        Assert.Equal((HttpStatusCode.NotFound, "device-unknown"), Code(await Send(http, HttpMethod.Get, "api/devices/nobody", ops)));
    }

    /// <summary>An authority below ours admits one device and no second one.</summary>
    private static async Task Group(LocalCloud cloud, HttpClient http, string ops)
    {
        using var line = cloud.Authority.Subordinate("line-1");
        var group = new JsonObject { ["groupId"] = "line-1", ["owner"] = "acme", ["models"] = new JsonArray("gateway", "pump"), ["devicesMax"] = 1, ["certificates"] = line.Certificate.ExportCertificatePem() };
        var made = await Send(http, HttpMethod.Post, "api/enrollment-groups", ops, group);
        Assert.True(made.Status == HttpStatusCode.Created, made.Body);
        using var one = line.IssueDevice("gate-1");
        using var two = line.IssueDevice("gate-2");
        Assert.NotNull((await Register(cloud, "gate-1", one, line, new JsonObject())).Refused); // of which model?
        var says = new JsonObject { ["model"] = "gateway", ["certificate"] = Convert.ToBase64String(one.RawData) };
        Assigned(await Register(cloud, "gate-1", one, line, says));
        Assigned(await Register(cloud, "gate-1", one, line, says));
        Assert.NotNull((await Register(cloud, "gate-2", two, line, new JsonObject { ["model"] = "gateway" })).Refused);
        var view = JsonNode.Parse((await Send(http, HttpMethod.Get, "api/devices/gate-1", ops)).Body)!;
        Assert.Equal(("line-1", "gateway"), (view["device"]!["group"]!.GetValue<string>(), view["device"]!["model"]!.GetValue<string>()));
        Assert.Empty(view["disagreements"]!.AsArray());
    }

    private static async Task Rotation(LocalCloud cloud, HttpClient http, string ops, X509Certificate2 leaf)
    {
        using var next = cloud.Authority.IssueDevice("pump-1");
        var added = await Send(http, HttpMethod.Post, "api/devices/pump-1/certificates", ops, new JsonObject { ["certificateChain"] = next.ExportCertificatePem() });
        Assert.True(added.Status == HttpStatusCode.OK, added.Body);
        Assigned(await Register(cloud, "pump-1", leaf)); // both are good now
        Assigned(await Register(cloud, "pump-1", next));
        var old = Devices.KeyThumbprint.Of(leaf.PublicKey.ExportSubjectPublicKeyInfo());
        var removed = await Send(http, HttpMethod.Delete, $"api/devices/pump-1/certificates/{old}", ops);
        Assert.True(removed.Status == HttpStatusCode.OK, removed.Body);
        Assert.NotNull((await Register(cloud, "pump-1", leaf)).Refused);
        Assigned(await Register(cloud, "pump-1", next));
    }

    private static async Task Batch(HttpClient http, string ops)
    {
        var csv = new StringBuilder("registrationId,model,owner,certificateChain\n");
        for (var row = 0; row < 12; row++) csv.Append(System.Globalization.CultureInfo.InvariantCulture, $"bulk-{row},pump,acme,{Convert.ToBase64String((Pki.Leaf($"bulk-{row}") with { From = DateTimeOffset.UnixEpoch.AddYears(50), To = DateTimeOffset.UnixEpoch.AddYears(59) }).Make().RawData)}\n");
        csv.Append("bulk-12,pump,acme,nonsense\n");
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/device-batches") { Content = new StringContent(csv.ToString(), Encoding.UTF8, "text/csv") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ops);
        using var answer = await http.SendAsync(request, Cancel);
        var body = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, body);
        var id = JsonNode.Parse(body)!["id"]!.GetValue<string>();
        Assert.Equal($"/api/device-batches/{id}", answer.Headers.Location?.OriginalString);
        JsonNode batch;
        do // the timer's doing; the test ends it if it never comes
        {
            await Task.Delay(250, Cancel);
            batch = JsonNode.Parse((await Send(http, HttpMethod.Get, $"api/device-batches/{id}", ops)).Body)!;
        }
        while (batch["state"]!.GetValue<string>() != "finished");
        Assert.Equal((13, 12, 1), (batch["done"]!.GetValue<int>(), batch["accepted"]!.GetValue<int>(), batch["refused"]!.GetValue<int>()));
        var results = (await Send(http, HttpMethod.Get, $"api/device-batches/{id}/results", ops)).Body.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("chain-malformed", JsonNode.Parse(results[12])!["fault"]!.GetValue<string>());
    }

    private static JsonObject Device(string id, X509Certificate2 leaf) => new() { ["registrationId"] = id, ["model"] = "pump", ["owner"] = "acme", ["certificateChain"] = leaf.ExportCertificatePem() };

    /// <summary>Another device's certificate for a key that is one's already.</summary>
    private static X509Certificate2 Copied(LocalCloud cloud, string id, X509Certificate2 leaf) => cloud.Authority.IssueDevice(id, key: leaf.GetECDsaPrivateKey());

    private static Task<RegistrationOutcome> Register(LocalCloud cloud, string id, X509Certificate2 leaf, LocalAuthority? below = null, JsonNode? payload = null) =>
        DeviceProvisioning.Register(cloud.ProvisioningAddress, new DeviceIdentityShown(id, leaf, below?.Intermediates, payload?.DeepClone()), TimeProvider.System, Cancel);

    private static DeviceAssignment Assigned(RegistrationOutcome outcome)
    {
        Assert.True(outcome.Assigned is not null, $"{outcome.Refused?.Stage} {outcome.Refused?.ErrorCode} {outcome.Refused?.Message}");
        return outcome.Assigned;
    }

    private static async Task<string> Token(LocalCloud cloud, Principal principal) =>
        (await cloud.Credential(principal).GetTokenAsync(new TokenRequestContext([Audiences.Api + "/.default"]), Cancel)).Token;

    private static (HttpStatusCode, string?) Code((HttpStatusCode Status, string Body) answer) => (answer.Status, JsonNode.Parse(answer.Body)?["code"]?.GetValue<string>());

    private static async Task<(HttpStatusCode Status, string Body)> Send(HttpClient http, HttpMethod method, string path, string? token, JsonObject? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await http.SendAsync(request, Cancel);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }
}
