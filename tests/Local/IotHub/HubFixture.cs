using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MQTTnet;
using MQTTnet.Formatter;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.IotHub;

/// <summary>A hub on free ports, with a recorder for its events and an authority for its devices.</summary>
public sealed class HubFixture : IAsyncDisposable
{
    public static readonly Principal Operator = Named("operator", 1, "IoT Hub Data Contributor", "iothub");
    public static readonly Principal TelemetryApp = Named("telemetry", 2, "Azure Event Hubs Data Receiver", "eventhubs/telemetry");
    public static readonly Principal Reader = Named("reader", 3, "IoT Hub Data Reader", "iothub");
    public static readonly Principal RegistryOnly = Named("registry", 4, "IoT Hub Registry Contributor", "iothub");
    public static readonly Principal Elsewhere = Named("elsewhere", 5, "IoT Hub Data Contributor", "iothub-b");

    private readonly List<IMqttClient> _clients = [];

    private HubFixture(IotHubService service, RecordingRoute route)
    {
        (Service, Route) = (service, route);
        Http = new HttpClient(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, shown, _, _) => IssuedByAuthority(shown) } })
        {
            BaseAddress = new Uri($"https://localhost:{service.HttpsPort}"),
        };
    }

    public IotHubService Service { get; }

    public RecordingRoute Route { get; }

    public LocalAuthority Authority { get; } = HubTenant.Authority;

    public LocalAuthority DeviceAuthority { get; } = HubTenant.DeviceAuthority;

    public Tokens Tokens { get; } = HubTenant.Tokens;

    public HttpClient Http { get; }

    public static async Task<HubFixture> Start(Func<IotHubOptions, IotHubOptions>? with = null, TimeProvider? wall = null)
    {
        var time = wall ?? TimeProvider.System;
        var route = new RecordingRoute();
        var options = new IotHubOptions { HostName = "hub-a.azure-devices.net", DeviceAuthorities = [HubTenant.DeviceAuthority.Certificate] };
        var service = await IotHubService.Start(
            with?.Invoke(options) ?? options, route, HubTenant.Authority, HubTenant.Tokens, HubTenant.Directory, time, time, TestContext.Current.CancellationToken);
        return new HubFixture(service, route);
    }

    /// <summary>Sessions ended for this reason.</summary>
    public long Cuts(string fault) => Service.Counters["sessions.cut." + fault];

    /// <summary>CONNECTs refused for this reason.</summary>
    public long Refusals(string fault) => Service.Counters["connects.refused." + fault];

    /// <summary>Registers a device with a pinned certificate of its own.</summary>
    public X509Certificate2 CreatePinned(string deviceId)
    {
        var certificate = Authority.IssueDevice("any subject");
        Assert.Null(Service.Create(new DeviceSpec(deviceId, DeviceCredentials.Pinned(certificate.GetCertHashString(HashAlgorithmName.SHA256)))).Fault);
        return certificate;
    }

    public MqttClientOptionsBuilder Options(string deviceId, X509Certificate2? certificate) => new MqttClientOptionsBuilder()
        .WithProtocolVersion(MqttProtocolVersion.V311)
        .WithTcpServer("127.0.0.1", Service.MqttPort)
        .WithClientId(deviceId)
        .WithCredentials($"{Service.HostName}/{deviceId}/?api-version=2021-04-12", (byte[]?)null)
        .WithCleanSession()
        .WithTimeout(TimeSpan.FromSeconds(10))
        .WithTlsOptions(tls => tls
            .UseTls()
            .WithTargetHost(Service.HostName)
            .WithCertificateValidationHandler(shown => IssuedByAuthority(shown.Certificate))
            .WithClientCertificates(certificate is null ? [] : [certificate]));

    /// <summary>Connects and reports the CONNACK's code.</summary>
    public async Task<(IMqttClient Client, MqttClientConnectResultCode Code)> Connect(MqttClientOptionsBuilder options)
    {
        var client = new MqttClientFactory().CreateMqttClient();
        lock (_clients) _clients.Add(client);
        var result = await client.ConnectAsync(options.Build(), TestContext.Current.CancellationToken);
        return (client, result.ResultCode);
    }

    /// <summary>Connects a device that must get in.</summary>
    public async Task<IMqttClient> ConnectDevice(string deviceId, X509Certificate2? certificate)
    {
        var (client, code) = await Connect(Options(deviceId, certificate));
        Assert.Equal(MqttClientConnectResultCode.Success, code);
        return client;
    }

    /// <summary>Calls the service API.</summary>
    /// <param name="verb">HTTP verb.</param>
    /// <param name="path">Path, without api-version.</param>
    /// <param name="body">JSON text, or null.</param>
    /// <param name="caller">Whose token; the operator's by default.</param>
    /// <param name="headers">More headers, as name and value.</param>
    public async Task<HubAnswer> Call(string verb, string path, string? body = null, Principal? caller = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "api-version=2021-04-12");
        if (body is not null) request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        if (headers.All(header => header.Name != "Authorization"))
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + Tokens.Issue(caller ?? Operator, Audiences.IotHub).Token);
        }

        foreach (var (name, value) in headers) Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(",", values) : null;
        return new HubAnswer(
            (int)response.StatusCode, text.Length == 0 ? null : System.Text.Json.Nodes.JsonNode.Parse(text),
            Header("iothub-errorcode"), Header("ETag"), Header("x-ms-continuation"), Header("Retry-After"));
    }

    /// <summary>A shared access token, written here from the documentation so that the hub's own signing is checked by another.</summary>
    public static string Sign(string resource, string key, DateTimeOffset until, string? policy)
    {
        var (sr, se) = (Uri.EscapeDataString(resource), until.ToUnixTimeSeconds());
        using var mac = new HMACSHA256(Convert.FromBase64String(key));
        var signature = Convert.ToBase64String(mac.ComputeHash(System.Text.Encoding.UTF8.GetBytes($"{sr}\n{se}")));
        return $"SharedAccessSignature sr={sr}&sig={Uri.EscapeDataString(signature)}&se={se}{(policy is null ? "" : "&skn=" + policy)}";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        Http.Dispose();
        await Service.DisposeAsync();
    }

    private static Principal Named(string name, byte number, string role, string scope) =>
        new(name, new Guid(number, 0, 0, new byte[8]), new Guid(number, 1, 0, new byte[8]), [new RoleAssignment(role, scope)], []);

    public bool IssuedByAuthority(X509Certificate? shown)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Authority.Certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return shown is X509Certificate2 certificate && chain.Build(certificate);
    }
}

/// <summary>An answer of the service API.</summary>
public sealed record HubAnswer(int Status, System.Text.Json.Nodes.JsonNode? Body, string? ErrorCode, string? ETag, string? Continuation, string? RetryAfter)
{
    /// <summary>The body, which must be there.</summary>
    public System.Text.Json.Nodes.JsonNode Json => Body ?? throw new InvalidOperationException("no body");

    /// <summary>Fails unless the answer is this error in the documented shape.</summary>
    public void IsError(int status, string name)
    {
        Assert.Equal((status, name), (Status, ErrorCode));
        Assert.StartsWith($"ErrorCode:{name};", (string?)Json["Message"], StringComparison.Ordinal);
        Assert.StartsWith("Tracking ID:", (string?)Json["ExceptionMessage"], StringComparison.Ordinal);
    }
}

/// <summary>Keeps what is routed, in order.</summary>
public sealed class RecordingRoute : IEventRoute
{
    private readonly ConcurrentQueue<(string Hub, EventDraft Draft)> _events = new();

    /// <summary>Whether telemetry is refused, as by an event hub that is down.</summary>
    public bool Fails { get; set; }

    public IReadOnlyList<EventDraft> Events => [.. _events.Select(item => item.Draft)];

    public IReadOnlyList<EventDraft> Telemetry => [.. Events.Where(draft => Source(draft) == "Telemetry")];

    public static string Source(EventDraft draft) => (string)draft.Annotations!["iothub-message-source"]!;

    public static string OpType(EventDraft draft) => (string)draft.ApplicationProperties!["opType"]!;

    public void Append(string hub, EventDraft draft)
    {
        if (Fails && Source(draft) == "Telemetry") throw new TimeoutException("the event hub does not answer");
        if (hub != "telemetry") throw new KeyNotFoundException(hub);
        _events.Enqueue((hub, draft));
    }

    /// <summary>Waits until a condition over the events holds; a test that fails here says what came instead.</summary>
    public async Task<IReadOnlyList<EventDraft>> Until(Func<IReadOnlyList<EventDraft>, bool> condition) =>
        await Eventually.Get(() => Events, condition, events => string.Join(", ", events.Select(Source)));
}

/// <summary>Polls for what other threads bring about.</summary>
public static class Eventually
{
    public static async Task<T> Get<T>(Func<T> read, Func<T, bool> condition, Func<T, string>? describe = null)
    {
        for (var i = 0; i < 1000; i++)
        {
            var value = read();
            if (condition(value)) return value;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Fail("did not come about within 10 s: " + (describe ?? (value => value?.ToString() ?? "null"))(read()));
        throw new System.Diagnostics.UnreachableException();
    }

    public static Task Holds(Func<bool> condition) => Get(condition, holds => holds);
}
