using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.Provisioning;
using Serverless.Local.Tests.IotHub;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>A DPS with two linked hubs on free ports, a verified device CA, and callers of each kind.</summary>
public sealed class ProvisioningFixture : IAsyncDisposable
{
    public const string HubA = "hub-a.azure-devices.net";
    public const string HubB = "hub-b.azure-devices.net";
    public const string Root = "devices";

    public static readonly Principal Contributor = Named("dps-contributor", 20, "Device Provisioning Service Data Contributor", "dps");
    public static readonly Principal Reader = Named("dps-reader", 21, "Device Provisioning Service Data Reader", "dps");
    public static readonly Principal Operator = Named("dps-operator", 22, "DPS enrolment operator (custom)", "dps");
    public static readonly Principal Elsewhere = Named("dps-elsewhere", 23, "Device Provisioning Service Data Contributor", "dps-2");

    private ProvisioningFixture(ProvisioningService service, IReadOnlyList<IotHubService> hubs, RecordingRoute route)
    {
        (Service, Hubs, Route) = (service, hubs, route);
        Http = new HttpClient(LocalTrust.Handler(Authority)) { BaseAddress = service.ServiceUri };
    }

    public static IReadOnlyList<Principal> Principals => [Contributor, Reader, Operator, Elsewhere];

    public ProvisioningService Service { get; }

    public IReadOnlyList<IotHubService> Hubs { get; }

    public RecordingRoute Route { get; }

    /// <summary>Signs servers; no device chain may end in it.</summary>
    public static LocalAuthority Authority => HubTenant.Authority;

    /// <summary>Signs devices; verified as <see cref="Root"/>.</summary>
    public static LocalAuthority DeviceCa => HubTenant.DeviceAuthority;

    public HttpClient Http { get; }

    public ProvisioningAddress Address => new(ProvisioningOptions.GlobalHostName, Service.MqttPort, Service.IdScope, Authority.Certificate);

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<ProvisioningFixture> Start(
        Func<ProvisioningOptions, ProvisioningOptions>? with = null, TimeProvider? wall = null, Func<IotHubOptions, IotHubOptions>? hub = null, params string[] hubNames)
    {
        var time = wall ?? TimeProvider.System;
        var route = new RecordingRoute();
        var hubs = new List<IotHubService>();
        foreach (var name in hubNames.Length == 0 ? [HubA, HubB] : hubNames)
        {
            var settings = new IotHubOptions { HostName = name, DeviceAuthorities = [DeviceCa.Certificate] };
            hubs.Add(await IotHubService.Start(
                hub?.Invoke(settings) ?? settings, route, Authority, HubTenant.Tokens, HubTenant.Directory, time, time, Cancel));
        }

        var options = new ProvisioningOptions { RetryAfter = TimeSpan.Zero };
        var service = await ProvisioningService.Start(with?.Invoke(options) ?? options, hubs, Authority, HubTenant.Tokens, HubTenant.Directory, time, time, Cancel);
        var fixture = new ProvisioningFixture(service, hubs, route);
        fixture.Verify(Root, DeviceCa);
        return fixture;
    }

    public IotHubService Hub(string hostName) => Hubs.Single(hub => hub.HostName == hostName);

    /// <summary>How often something ended for this reason.</summary>
    public long Count(string what, string fault) => Service.Counters[$"{what}.{fault}"];

    /// <summary>The hubs that know a device.</summary>
    public string[] Homes(string deviceId) => [.. Hubs.Where(hub => hub.Find(deviceId) is not null).Select(hub => hub.HostName)];

    public void Verify(string name, LocalAuthority authority)
    {
        Assert.True(Service.AddAuthority(name, authority.Certificate).TryGet(out var code, out _));
        using var proof = authority.Prove(code);
        Assert.Null(Service.ProveAuthority(name, proof));
    }

    /// <summary>Registers a device over MQTT.</summary>
    public Task<RegistrationOutcome> Register(string id, X509Certificate2? leaf, IReadOnlyList<X509Certificate2>? intermediates = null, JsonNode? payload = null) =>
        DeviceProvisioning.Register(Address, new DeviceIdentityShown(id, leaf, intermediates, payload), TimeProvider.System, Cancel);

    /// <summary>Registers a device that must be admitted.</summary>
    public async Task<DeviceAssignment> Admit(string id, X509Certificate2 leaf, IReadOnlyList<X509Certificate2>? intermediates = null, JsonNode? payload = null)
    {
        var outcome = await Register(id, leaf, intermediates, payload);
        Assert.Null(outcome.Refused);
        return outcome.Assigned!;
    }

    /// <summary>Enrols one device by its certificate.</summary>
    public async Task<X509Certificate2> Enroll(string id, JsonObject? more = null, bool enabled = true)
    {
        var leaf = DeviceCa.IssueDevice(id);
        await Put($"/enrollments/{id}", Individual(id, leaf, enabled, more));
        return leaf;
    }

    public static JsonObject Individual(string id, X509Certificate2 leaf, bool enabled = true, JsonObject? more = null) => Merged(
        new JsonObject
        {
            ["registrationId"] = id,
            ["attestation"] = new JsonObject
            {
                ["type"] = "x509",
                ["x509"] = new JsonObject { ["clientCertificates"] = new JsonObject { ["primary"] = new JsonObject { ["certificate"] = leaf.ExportCertificatePem() } } },
            },
            ["provisioningStatus"] = enabled ? "enabled" : "disabled",
        },
        more);

    /// <summary>A group of everything a CA has signed, by its certificate.</summary>
    public static JsonObject Signers(string id, X509Certificate2 signer, bool enabled = true, JsonObject? more = null) => Merged(
        new JsonObject
        {
            ["enrollmentGroupId"] = id,
            ["attestation"] = new JsonObject
            {
                ["type"] = "x509",
                ["x509"] = new JsonObject { ["signingCertificates"] = new JsonObject { ["primary"] = new JsonObject { ["certificate"] = signer.ExportCertificatePem() } } },
            },
            ["provisioningStatus"] = enabled ? "enabled" : "disabled",
        },
        more);

    /// <summary>A group by the name of a registered CA.</summary>
    public static JsonObject References(string id, string authority = Root, bool enabled = true, JsonObject? more = null) => Merged(
        new JsonObject
        {
            ["enrollmentGroupId"] = id,
            ["attestation"] = new JsonObject { ["type"] = "x509", ["x509"] = new JsonObject { ["caReferences"] = new JsonObject { ["primary"] = authority } } },
            ["provisioningStatus"] = enabled ? "enabled" : "disabled",
        },
        more);

    public static JsonObject Keys(EnrollmentBodyKind kind, string id, string primary, string secondary, bool enabled = true, JsonObject? more = null) => Merged(
        new JsonObject
        {
            [kind == EnrollmentBodyKind.Group ? "enrollmentGroupId" : "registrationId"] = id,
            ["attestation"] = new JsonObject { ["type"] = "symmetricKey", ["symmetricKey"] = new JsonObject { ["primaryKey"] = primary, ["secondaryKey"] = secondary } },
            ["provisioningStatus"] = enabled ? "enabled" : "disabled",
        },
        more);

    public static JsonObject Custom(Uri webhook, params string[] hubs) => new()
    {
        ["allocationPolicy"] = "custom",
        ["customAllocationDefinition"] = new JsonObject { ["webhookUrl"] = webhook.ToString(), ["apiVersion"] = "2021-10-01" },
        ["iotHubs"] = new JsonArray([.. hubs.Select(hub => (JsonNode)hub)]),
    };

    public static JsonObject Static(string hub) => new() { ["allocationPolicy"] = "static", ["iotHubs"] = new JsonArray(hub) };

    public static JsonObject Reprovision(bool update, bool migrate, JsonObject more) => Merged(
        new JsonObject { ["reprovisionPolicy"] = new JsonObject { ["updateHubAssignment"] = update, ["migrateDeviceData"] = migrate } }, more);

    /// <summary>Stores what must be accepted.</summary>
    public async Task<ServiceAnswer> Put(string path, JsonObject body)
    {
        var answer = await Call("PUT", path, body.ToJsonString());
        Assert.Equal((200, path), (answer.Status, path));
        return answer;
    }

    /// <summary>Calls the service API.</summary>
    /// <param name="verb">HTTP verb.</param>
    /// <param name="path">Path, without api-version.</param>
    /// <param name="body">JSON text, or null.</param>
    /// <param name="caller">Whose token; the contributor's by default.</param>
    /// <param name="headers">More headers, as name and value.</param>
    public async Task<ServiceAnswer> Call(string verb, string path, string? body = null, Principal? caller = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "api-version=2021-10-01");
        if (body is not null) request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        if (headers.All(header => header.Name != "Authorization"))
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + HubTenant.Tokens.Issue(caller ?? Contributor, Audiences.Provisioning).Token);
        }

        foreach (var (name, value) in headers) Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        using var response = await Http.SendAsync(request, Cancel);
        return await ServiceAnswer.Read(response);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Service.DisposeAsync();
        foreach (var hub in Hubs) await hub.DisposeAsync();
    }

    private static JsonObject Merged(JsonObject body, JsonObject? more)
    {
        foreach (var (name, value) in more ?? []) body[name] = value?.DeepClone();
        return body;
    }

    private static Principal Named(string name, byte number, string role, string scope) =>
        new(name, new Guid(number, 0, 0, new byte[8]), new Guid(number, 1, 0, new byte[8]), [new RoleAssignment(role, scope)], []);
}

/// <summary>Which member names an enrolment.</summary>
public enum EnrollmentBodyKind
{
    Individual,
    Group,
}

/// <summary>An answer of the service or device API.</summary>
public sealed record ServiceAnswer(int Status, JsonNode? Body, string? ErrorHeader, string? ETag, string? Continuation, string? ItemType, string? RetryAfter)
{
    /// <summary>The body, which must be there.</summary>
    public JsonNode Json => Body ?? throw new InvalidOperationException("no body");

    /// <summary>Of an entry: its version, as the service spells it in the body.</summary>
    public string Version => (string)Json["etag"]!;

    public static async Task<ServiceAnswer> Read(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(",", values) : null;
        return new ServiceAnswer(
            (int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text),
            Header("x-ms-error-code"), Header("ETag"), Header("x-ms-continuation"), Header("x-ms-item-type"), Header("Retry-After"));
    }

    /// <summary>Fails unless the answer is this error in the documented shape.</summary>
    public void IsError(int code)
    {
        Assert.Equal((code / 1000, code), (Status, (int?)Json["errorCode"]));
        Assert.Equal(code.ToString(System.Globalization.CultureInfo.InvariantCulture), ErrorHeader);
        Assert.True(Guid.TryParse((string?)Json["trackingId"], out _));
        Assert.NotEqual("", (string?)Json["message"]);
        Assert.EndsWith("Z", (string?)Json["timestampUtc"], StringComparison.Ordinal);
    }
}
