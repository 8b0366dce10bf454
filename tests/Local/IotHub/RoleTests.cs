using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Who may call the service API.</summary>
public sealed class RoleTests
{
    private const string NewDevice = """{"deviceId":"new","authentication":{"type":"certificateAuthority"}}""";

    private static readonly (string Verb, string Path, string? Body, string Action)[] Operations =
    [
        ("GET", "/devices/dev-1", null, "devices/read"),
        ("GET", "/devices", null, "devices/read"),
        ("GET", "/statistics/devices", null, "statistics/read"),
        ("GET", "/twins/dev-1", null, "twins/read"),
        ("POST", "/devices/query", """{"query":"SELECT * FROM devices"}""", "twins/read"),
        ("PUT", "/devices/new", NewDevice, "devices/write"),
        ("POST", "/devices", "[]", "devices/write, devices/delete"),
        ("DELETE", "/devices/dev-1", null, "devices/delete"),
        ("PATCH", "/twins/dev-1", "{}", "twins/write"),
        ("PUT", "/twins/dev-1", "{}", "twins/write"),
        ("POST", "/twins/dev-1/methods", """{"methodName":"m"}""", "directMethods"),
        ("POST", "/messages/deviceBound", "x", "cloudToDeviceMessages"),
        ("DELETE", "/devices/dev-1/commands", null, "cloudToDeviceMessages"),
    ];

    [Fact]
    public async Task The_telemetry_apps_identity_cannot_touch_the_registry()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");

        foreach (var (verb, path, body, _) in Operations)
        {
            (await hub.Call(verb, path, body, HubFixture.TelemetryApp)).IsError(401, "IotHubUnauthorized"); // caller-role
            (await hub.Call(verb, path, body, HubFixture.Elsewhere)).IsError(401, "IotHubUnauthorized"); // a role on another hub is none
        }

        Assert.Equal((1, DeviceStatus.Enabled), (hub.Service.DeviceCount, hub.Service.Find("dev-1")!.Status));
    }

    [Fact]
    public async Task Each_role_may_do_what_its_data_actions_say_and_no_more()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");

        foreach (var (verb, path, body, action) in Operations.Where(operation => operation.Path != "/devices/dev-1" || operation.Verb != "DELETE"))
        {
            var reader = await hub.Call(verb, path, body, HubFixture.Reader);
            Assert.Equal((verb, path, action.EndsWith("/read", StringComparison.Ordinal)), (verb, path, reader.ErrorCode != "IotHubUnauthorized"));
            var registry = await hub.Call(verb, path, body, HubFixture.RegistryOnly);
            Assert.Equal((verb, path, action.StartsWith("devices/", StringComparison.Ordinal)), (verb, path, registry.ErrorCode != "IotHubUnauthorized"));
        }
    }

    [Fact]
    public async Task A_policys_token_may_do_what_its_permissions_say()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        async Task<bool> May(string policy, string verb, string path, string? body = null) =>
            (await hub.Call(verb, path, body, null, ("Authorization", hub.Service.SignPolicyToken(policy, TimeSpan.FromMinutes(5))))).Status == 200;

        foreach (var (policy, read, write, twin) in new[] { ("iothubowner", true, true, true), ("registryRead", true, false, false), ("registryReadWrite", true, true, false), ("service", false, false, true), ("device", false, false, false) })
        {
            Assert.Equal((policy, read), (policy, await May(policy, "GET", "/devices/dev-1")));
            Assert.Equal((policy, write), (policy, await May(policy, "PUT", "/devices/" + policy, NewDevice.Replace("\"new\"", $"\"{policy}\"", StringComparison.Ordinal))));
            Assert.Equal((policy, twin), (policy, await May(policy, "GET", "/twins/dev-1")));
        }
    }

    [Fact]
    public async Task Without_a_good_token_nothing_is_answered()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var now = TimeProvider.System.GetUtcNow();
        var key = Convert.ToBase64String(new byte[32]);
        var good = hub.Tokens.Issue(HubFixture.Operator, Audiences.IotHub).Token;
        var parts = good.Split('.');
        var none = Convert.ToBase64String("""{"alg":"none","typ":"JWT"}"""u8).TrimEnd('=') + "." + parts[1] + ".";
        using var wall = new OtherTenant();

        foreach (var (token, why) in new[]
        {
            ("", "none"), ("Bearer", "empty"), ("Bearer x", "garbage"), ("Basic eDp5", "another scheme"), ($"Bearer {none}", "alg none"),
            ($"Bearer {parts[0]}.{parts[1]}.{parts[2][..^4]}AAAA", "a broken signature"),
            ("Bearer " + hub.Tokens.Issue(HubFixture.Operator, Audiences.EventHubs).Token, "another audience"),
            ("Bearer " + wall.Tokens.Issue(HubFixture.Operator, Audiences.IotHub).Token, "another issuer's key"),
            (HubFixture.Sign("hub-a.azure-devices.net", key, now.AddHours(1), "iothubowner"), "a wrong policy key"),
            (HubFixture.Sign("hub-a.azure-devices.net", key, now.AddHours(1), null), "no policy"),
            (hub.Service.SignPolicyToken("iothubowner", TimeSpan.FromMinutes(-1)), "an expired policy token"),
            (hub.Service.SignPolicyToken("iothubowner", TimeSpan.FromMinutes(1), "hub-b.azure-devices.net"), "another hub's resource"),
            (hub.Service.SignPolicyToken("iothubowner", TimeSpan.FromMinutes(1), "hub-a.azure-devices.net/devices/dev-1"), "a device's resource"),
        })
        {
            var answer = await hub.Call("GET", "/devices/dev-1", null, null, ("Authorization", token));
            Assert.Equal((why, 401, "IotHubUnauthorizedAccess"), (why, answer.Status, answer.ErrorCode)); // token-missing and the rest
        }
    }

    // The same principals, another signing key.
    private sealed class OtherTenant : IDisposable
    {
        public Tokens Tokens { get; } = new(new TenantDirectory([HubFixture.Operator]), new Guid("11111111-2222-3333-4444-555555555555"), TimeProvider.System);

        public void Dispose() => Tokens.Dispose();
    }
}
