using Serverless.Local.Identity;
using Serverless.Local.Tests.IotHub;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Who may call the service API.</summary>
public sealed class ServiceCallerTests
{
    private const string Body = """{"attestation":{"type":"symmetricKey"}}""";
    private const string Query = """{"query":"*"}""";

    private static readonly (string Verb, string Path, string? Body, string Action)[] Operations =
    [
        ("PUT", "/enrollments/new", Body, "enrollments/write"),
        ("GET", "/enrollments/dev-1", null, "enrollments/read"),
        ("POST", "/enrollments/query", Query, "enrollments/read"),
        ("POST", "/enrollments", """{"mode":"create","enrollments":[]}""", "enrollments/write, enrollments/delete"),
        ("POST", "/enrollments/dev-1/attestationmechanism", null, "attestationmechanism/details/action"),
        ("DELETE", "/enrollments/nobody", null, "enrollments/delete"),
        ("PUT", "/enrollmentGroups/new", Body, "enrollmentGroups/write"),
        ("GET", "/enrollmentGroups/g-1", null, "enrollmentGroups/read"),
        ("POST", "/enrollmentGroups/query", Query, "enrollmentGroups/read"),
        ("POST", "/enrollmentGroups", """{"mode":"create","enrollmentGroups":[]}""", "enrollmentGroups/write, enrollmentGroups/delete"),
        ("POST", "/enrollmentGroups/g-1/attestationmechanism", null, "attestationmechanism/details/action"),
        ("DELETE", "/enrollmentGroups/nobody", null, "enrollmentGroups/delete"),
        ("GET", "/registrations/dev-1", null, "registrationStates/read"),
        ("POST", "/registrations/g-1/query", Query, "registrationStates/read"),
        ("DELETE", "/registrations/nobody", null, "registrationStates/delete"),
    ];

    [Fact]
    public async Task Each_role_may_do_what_its_data_actions_say_and_no_more()
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollments/dev-1", (System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse(Body)!);
        foreach (var (verb, path, body, action) in Operations)
        {
            async Task<bool> May(Principal caller) => (await dps.Call(verb, path, body, caller)).Body is not { } answer || (int?)(answer as System.Text.Json.Nodes.JsonObject)?["errorCode"] != 401003;
            Assert.Equal((path, true), (path, await May(Contributor)));
            Assert.Equal((verb, path, action.EndsWith("/read", StringComparison.Ordinal)), (verb, path, await May(Reader)));
            // The custom role: no secret, and no group is deleted, as that hands its devices to another.
            Assert.Equal((verb, path, !action.Contains("details", StringComparison.Ordinal) && !action.Contains("enrollmentGroups/delete", StringComparison.Ordinal)), (verb, path, await May(Operator)));
            Assert.Equal((path, false), (path, await May(Elsewhere)));
            Assert.Equal((path, false), (path, await May(HubFixture.Operator)));
        }

        Assert.True(dps.Count("rest.refused", "caller-role") > 0);
    }

    [Fact]
    public async Task The_owner_policy_may_call_and_forged_or_old_tokens_may_not()
    {
        await using var dps = await ProvisioningFixture.Start();
        async Task<int> Status(string authorization) => (await dps.Call("POST", "/enrollments/query", Query, null, ("Authorization", authorization))).Status;
        var until = TimeProvider.System.GetUtcNow().AddMinutes(5);
        var key = dps.Service.ConnectionString().Split("SharedAccessKey=")[1];

        Assert.Equal(200, await Status(dps.Service.SignPolicyToken(TimeSpan.FromMinutes(5))));
        Assert.Equal(200, await Status(HubFixture.Sign(dps.Service.HostName, key, until, "provisioningserviceowner")));
        Assert.Equal(401, await Status(HubFixture.Sign(dps.Service.HostName, Convert.ToBase64String(new byte[32]), until, "provisioningserviceowner")));
        Assert.Equal(401, await Status(HubFixture.Sign("other.azure-devices-provisioning.net", key, until, "provisioningserviceowner")));
        Assert.Equal(401, await Status(HubFixture.Sign(dps.Service.HostName, key, until, "iothubowner")));
        Assert.Equal(401, await Status(dps.Service.SignPolicyToken(TimeSpan.FromSeconds(-1))));
        Assert.Equal(401, await Status("Bearer " + HubTenant.Tokens.Issue(Contributor, Audiences.IotHub).Token)); // another service's token
        Assert.Equal(401, await Status("Basic x"));
        (await dps.Call("GET", "/enrollments/dev-1", null, null, ("Authorization", "x"))).IsError(401002); // token-missing
    }

    [Fact]
    public void The_pipelines_apps_reach_no_key_and_only_what_they_need()
    {
        var tenant = LocalTenant.Directory();
        bool May(Principal who, string action) => tenant.Allows(who.ClientId, "Microsoft.Devices/provisioningServices/" + action, "dps");

        foreach (var app in new[] { LocalTenant.Enrollment, LocalTenant.Lifecycle })
        {
            Assert.True(May(app, "enrollments/write") && May(app, "enrollmentGroups/read") && May(app, "registrationStates/read") && May(app, "registrationStates/delete"));
            Assert.False(May(app, "attestationmechanism/details/action") || May(app, "enrollmentGroups/delete"));
        }

        foreach (var app in new[] { LocalTenant.Telemetry, LocalTenant.Firmware, LocalTenant.Response }) Assert.False(May(app, "enrollments/read"));
        Assert.False(tenant.Allows(LocalTenant.Enrollment.ClientId, "Microsoft.Devices/IotHubs/devices/write", "iothub/hub-a"));
        Assert.True(tenant.Allows(LocalTenant.Enrollment.ClientId, "Microsoft.Devices/IotHubs/devices/read", "iothub/hub-b"));
        Assert.True(tenant.Allows(LocalTenant.Lifecycle.ClientId, "Microsoft.Devices/IotHubs/directMethods/invoke/action", "iothub/hub-b"));
    }
}
