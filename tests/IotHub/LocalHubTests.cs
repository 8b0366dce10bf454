using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.Tls;
using Serverless.Rest;
using Serverless.Rest.Tests;

namespace Serverless.IotHub.Tests;

/// <summary>The client against the local hub, over TLS.</summary>
public sealed class LocalHubTests : IAsyncLifetime
{
    private const string EveryCharacter = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.+%_#*?!(),=@$':";
    private static readonly Principal Operator = new("operator", new Guid(1, 0, 0, new byte[8]), new Guid(1, 1, 0, new byte[8]), [new RoleAssignment("IoT Hub Data Contributor", "iothub")], []);
    private static readonly Principal Nobody = new("nobody", new Guid(2, 0, 0, new byte[8]), new Guid(2, 1, 0, new byte[8]), [], []);
    private readonly string _folder = Directory.CreateTempSubdirectory("iothub-client-").FullName;
    private readonly List<IDisposable> _made = [];
    private LocalAuthority _authority = null!;
    private Tokens _tokens = null!;
    private IotHubService? _hub;

    [Fact]
    public async Task A_device_lives_through_the_registry()
    {
        var client = await Start();
        var made = Value(await client.CreateDevice(new HubDevice { DeviceId = "d", Authentication = new(HubCredential.SymmetricKeys) }, Cancel));
        Assert.Equal((HubDeviceStatus.Enabled, HubCredential.SymmetricKeys), (made.Status, made.Authentication.Kind));
        Assert.Equal("hub-device-exists", (await client.CreateDevice(made, Cancel)).Fault?.Code);

        var disabled = Value(await client.SetStatus("d", HubDeviceStatus.Disabled, "incident 7", made.GenerationId, Cancel));
        Assert.Equal((HubDeviceStatus.Disabled, "incident 7", made.GenerationId), (disabled.Status, disabled.StatusReason, disabled.GenerationId));
        Assert.Equal("hub-device-stale", (await client.UpdateDevice(made, Cancel)).Fault?.Code);
        Assert.Equal("hub-device-stale", (await client.DeleteDevice("d", made.ETag, Cancel))?.Code);
        Assert.Equal(disabled, Value(await client.GetDevice("d", Cancel)));
        Assert.Equal(new HubStatistics(1, 0, 1), Value(await client.GetStatistics(Cancel)));

        Assert.Null(await client.DeleteDevice("d", disabled.ETag, Cancel));
        Assert.Equal("hub-device-unknown", (await client.GetDevice("d", Cancel)).Fault?.Code);
        Assert.Equal("hub-device-unknown", (await client.DeleteDevice("d", null, Cancel))?.Code);
    }

    [Fact]
    public async Task Keys_survive_a_change_of_status_and_not_their_renewal()
    {
        var client = await Start();
        Value(await client.CreateDevice(new HubDevice { DeviceId = "d", Authentication = new(HubCredential.SymmetricKeys) }, Cancel));
        var first = await Keys("d");
        Value(await client.SetStatus("d", HubDeviceStatus.Disabled, null, null, Cancel));
        Assert.Equal(first, await Keys("d"));
        Value(await client.RenewKeys("d", null, Cancel));
        Assert.NotEqual(first, await Keys("d"));
    }

    [Fact]
    public async Task Every_allowed_character_of_an_id_arrives()
    {
        var client = await Start();
        // Each alone, and all in ids of the longest kind.
        var ids = EveryCharacter.Select(character => $"{character}").Where(id => id != ".").Append(EveryCharacter + EveryCharacter[..49]).Append("%2F").Append("%2e%2e").Append("..a").Append("a?b#c").ToArray();
        Assert.Equal(128, ids.Max(id => id.Length));
        foreach (var chunk in ids.Chunk(100)) Assert.True(Value(await client.Bulk([.. chunk.Select(id => new HubChange(HubChangeMode.Create, new HubDevice { DeviceId = id, Authentication = HubAuthentication.CertificateAuthority }))], Cancel)).Complete);
        foreach (var id in ids)
        {
            Assert.Equal(id, Value(await client.GetDevice(id, Cancel)).DeviceId);
            Assert.Equal(id, Value(await client.GetTwin(id, Cancel)).DeviceId);
        }

        foreach (var id in ids) Assert.Null(await client.DeleteDevice(id, null, Cancel));
        Assert.Equal(0, _hub!.DeviceCount);
    }

    [Fact]
    public async Task Bulk_changes_report_per_device_and_queries_page_through_all()
    {
        var client = await Start();
        var devices = Enumerable.Range(0, 25).Select(i => new HubDevice { DeviceId = $"d{i:D2}", Authentication = HubAuthentication.CertificateAuthority }).ToArray();
        var made = Value(await client.Bulk([.. devices.Select(device => new HubChange(HubChangeMode.Create, device) { Twin = new TwinPatch(new JsonObject { ["model"] = "pump" }, null) })], Cancel));
        Assert.True(made.Complete);

        var again = Value(await client.Bulk([new(HubChangeMode.Create, devices[0]), new(HubChangeMode.Update, devices[1] with { Status = HubDeviceStatus.Disabled }), new(HubChangeMode.Delete, devices[0] with { DeviceId = "none" })], Cancel));
        Assert.Equal(["d00 hub-device-exists", "none hub-device-unknown"], again.Failures.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => $"{item.Key} {item.Value.Code}"));
        Assert.Equal(HubDeviceStatus.Disabled, Value(await client.GetDevice("d01", Cancel)).Status);

        var (seen, pages, continuation) = (new List<string>(), 0, (string?)null);
        do
        {
            var page = Value(await client.QueryTwins("SELECT * FROM devices WHERE tags.model = 'pump'", 10, continuation, Cancel));
            seen.AddRange(page.Items.Select(twin => twin.DeviceId));
            continuation = page.Continuation;
            pages++;
        }
        while (continuation is not null);
        Assert.Equal((25, 3), (seen.Distinct().Count(), pages));
    }

    [Fact]
    public async Task Twins_are_merged_replaced_and_guarded()
    {
        var client = await Start();
        Value(await client.CreateDevice(new HubDevice { DeviceId = "d", Authentication = HubAuthentication.CertificateAuthority }, Cancel));
        var first = Value(await client.PatchTwin("d", new TwinPatch(new JsonObject { ["a"] = 1, ["b"] = 2 }, new JsonObject { ["interval"] = 5 }), null, Cancel));
        var second = Value(await client.PatchTwin("d", new TwinPatch(new JsonObject { ["a"] = null }, null), first.ETag, Cancel));
        Assert.Equal("""{"b":2}""", second.Tags.GetRawText());
        Assert.Equal("hub-device-stale", (await client.PatchTwin("d", new TwinPatch([], null), first.ETag, Cancel)).Fault?.Code);
        var replaced = Value(await client.ReplaceTwin("d", new TwinPatch(new JsonObject { ["c"] = 3 }, null), second.ETag, Cancel));
        Assert.Equal("""{"c":3}""", replaced.Tags.GetRawText());
        Assert.False(replaced.Desired.TryGetProperty("interval", out _));
        Assert.Equal("hub-device-offline", (await client.CallMethod("d", new MethodCall("reset"), Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Who_may_not_is_told_by_an_outage_that_nothing_landed()
    {
        var client = await Start(Nobody);
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => client.CreateDevice(new HubDevice { DeviceId = "d", Authentication = HubAuthentication.CertificateAuthority }, Cancel));
        Assert.Equal(("unauthorized", false), (outage.Reason, outage.MayHaveLanded));
        Assert.NotEqual("", outage.TrackingId);
    }

    [Fact]
    public async Task An_authority_that_is_not_trusted_gets_nothing()
    {
        await Start();
        using var stranger = new IotHubClient($"localhost:{_hub!.HttpsPort}", new StaticCredential(), TimeProvider.System, new() { Calls = new() { RetryBound = TimeSpan.Zero } });
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => stranger.GetDevice("d", Cancel));
        Assert.Equal(("unreachable", false), (outage.Reason, outage.MayHaveLanded));
    }

    [Fact]
    public async Task A_hub_that_meters_never_sees_more_than_the_share()
    {
        // Two apps with half a unit each against a hub that refuses what is over its quota.
        await Start(throttles: HubThrottles.S1);
        var clients = new[] { Client(Operator, HubShare.OfS1(0.5)), Client(Operator, HubShare.OfS1(0.5)) };
        await Task.WhenAll(clients.SelectMany(client => Enumerable.Range(0, 50).Select(i => client.GetDevice($"d{i}", Cancel))));
        Assert.Equal((0, 0), (clients[0].FreeRegistry, clients[1].FreeRegistry));
        Assert.Equal(0, _hub!.Counters["throttled.registry"]);
    }

    public ValueTask InitializeAsync()
    {
        _authority = new LocalAuthority(_folder, TimeProvider.System.GetUtcNow());
        _tokens = new Tokens(new TenantDirectory([Operator, Nobody]), new Guid("11111111-2222-3333-4444-555555555555"), TimeProvider.System);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var made in _made) made.Dispose();
        if (_hub is not null) await _hub.DisposeAsync();
        _tokens.Dispose();
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static T Value<T>(Faults.Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());

    private async Task<IotHubClient> Start(Principal? caller = null, HubThrottles throttles = HubThrottles.Off)
    {
        var options = new IotHubOptions { HostName = "hub-a.azure-devices.net", Throttles = throttles };
        _hub = await IotHubService.Start(options, new NoRoute(), _authority, _tokens, new TenantDirectory([Operator, Nobody]), TimeProvider.System, TimeProvider.System, Cancel);
        return Client(caller ?? Operator, new HubShare(10_000, 10_000, 10_000, 10_000, 10_000));
    }

    private IotHubClient Client(Principal caller, HubShare share)
    {
        var client = new IotHubClient(
            $"localhost:{_hub!.HttpsPort}", new StaticCredential(() => _tokens.Issue(caller, Audiences.IotHub).Token), TimeProvider.System,
            new() { Share = share, Calls = new() { TrustRoot = _authority.Certificate } });
        _made.Add(client);
        return client;
    }

    // Read past the client, which gives no key out.
    private async Task<string> Keys(string deviceId)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(_authority.Certificate);
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = new() { CertificateChainPolicy = trust } });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{_hub!.HttpsPort}/devices/{deviceId}?api-version=2021-04-12");
        request.Headers.Add("Authorization", "Bearer " + _tokens.Issue(Operator, Audiences.IotHub).Token);
        using var response = await http.SendAsync(request, Cancel);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["authentication"]!["symmetricKey"]!.ToJsonString();
    }

    private sealed class NoRoute : IEventRoute
    {
        public void Append(string hub, EventDraft draft)
        {
        }
    }
}
