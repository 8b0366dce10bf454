using System.Text.Json.Nodes;
using Serverless.Rest;
using Serverless.Rest.Tests;

namespace Serverless.IotHub.Tests;

/// <summary>Our requests against those of azure-iothub 1.16.6 (tests/vectors/iothub-sdk). The api-version is the same; the token is
/// Entra's where the recording may have a shared access signature. Not offered here, so not held against anything: 012 (a list without
/// pages; queries have them) and 024 (modules).</summary>
public sealed class HubParityTests : IDisposable
{
    private const string SomeKey = "c2l4dGVlbiBieXRlcyBvZiBrZXkh";
    private const string Stored = """{"deviceId":"rec-1","status":"enabled","etag":"AAAA","generationId":"1"}""";
    private const string StoredTwin = """{"deviceId":"rec-1","etag":"AAAAAAAAAAE=","version":1}""";

    private static readonly Difference SaysEnabled = new(
        "a device's status is always said; the SDK leaves it to the service's default", theirs => theirs.WithBody(body => body["status"] ??= "enabled"));

    private static readonly Difference NoNulls = new(
        "thumbprints of a device by keys are left out; the SDK writes nulls", theirs => theirs.WithBody(body => ((JsonObject)body["authentication"]!).Remove("x509Thumbprint")));

    private static readonly Difference Masked = new(
        "the recording's keys are stripped; ours are put in their place",
        theirs => theirs with { Body = theirs.Body.Replace("<stripped>", SomeKey, StringComparison.Ordinal) });

    private static readonly Difference LowerModes = new(
        "a bulk mode begins with a small letter as in the service's reference; the SDK mixes",
        theirs => theirs.WithBody(body =>
        {
            foreach (var item in body.AsArray()) item!["importMode"] = System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName((string)item["importMode"]!);
        }));

    private static readonly Difference ETagName = new(
        "a bulk item's version is called eTag as in the service's reference; the Node SDK writes etag",
        theirs => theirs.WithBody(body =>
        {
            var item = body[0]!.AsObject();
            if (item.Remove("etag", out var etag)) item["eTag"] = etag;
        }));

    private static readonly Difference NoCredentials = new(
        "a deletion says no credentials; the SDK sends empty keys along",
        theirs => theirs.WithBody(body =>
        {
            foreach (var item in body.AsArray()) item!.AsObject().Remove("authentication");
        }));

    private readonly FakeService _service = new();

    [Theory]
    [InlineData("001")]
    [InlineData("053")]
    public async Task Creating_a_device_with_keys(string number)
    {
        _service.Answer(200, Stored);
        Value(await Client().CreateDevice(new HubDevice { DeviceId = "rec-1", Authentication = new(HubCredential.SymmetricKeys) { Keys = new DeviceKeys(SomeKey, SomeKey) } }, Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests), Masked);
    }

    [Fact]
    public async Task Creating_a_device_whose_keys_the_hub_shall_make()
    {
        _service.Answer(409, "", ("iothub-errorcode", "DeviceAlreadyExists"));
        Assert.Equal("hub-device-exists", (await Client().CreateDevice(new HubDevice { DeviceId = "rec-1", Authentication = new(HubCredential.SymmetricKeys) }, Cancel)).Fault?.Code);
        Recorded("002").Matches(Assert.Single(_service.Requests), SaysEnabled);
    }

    [Fact]
    public async Task Creating_devices_of_a_certificate_authority_with_any_id()
    {
        _service.Answer(200, Stored).Answer(200, Stored).Answer(200, Stored);
        var client = Client();
        await client.CreateDevice(new HubDevice { DeviceId = "rec-2", Authentication = HubAuthentication.CertificateAuthority }, Cancel);
        await client.CreateDevice(new HubDevice { DeviceId = "svc_dev_1#%+", Authentication = HubAuthentication.CertificateAuthority }, Cancel);
        await client.GetDevice("svc_dev_1#%+", Cancel);
        Recorded("003").Matches(_service.Requests[0], SaysEnabled);
        Recorded("004").Matches(_service.Requests[1], SaysEnabled);
        Recorded("005").Matches(_service.Requests[2]);
    }

    [Theory]
    [InlineData("006", "rec-1")]
    [InlineData("007", "nope")]
    [InlineData("054", "rec-1")]
    [InlineData("055", "nope")]
    [InlineData("081", "dev-x1")]
    public async Task Reading_a_device(string number, string id)
    {
        _service.Answer(404, "", ("iothub-errorcode", "DeviceNotFound"));
        Assert.Equal("hub-device-unknown", (await Client().GetDevice(id, Cancel)).Fault?.Code);
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("008")]
    [InlineData("056")]
    public async Task Replacing_a_device_whatever_its_version(string number)
    {
        _service.Answer(200, Stored);
        Value(await Client().UpdateDevice(Disabled("quarantine inc-1"), Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests), Masked, NoNulls);
    }

    [Theory]
    [InlineData("009", "010")]
    [InlineData("057", "058")]
    public async Task Disabling_a_device_and_leaving_the_rest_of_it_alone(string get, string put)
    {
        var recorded = Recorded(put);
        var body = JsonNode.Parse(recorded.Body)!;
        var (etag, _) = ((string)body["etag"]!, body["status"] = "enabled");
        body["statusReason"] = "before";
        _service.Answer(200, body.ToJsonString()).Answer(200, recorded.Body);

        Value(await Client().SetStatus("rec-1", HubDeviceStatus.Disabled, "r", "638000", Cancel));

        Recorded(get).Matches(_service.Requests[0]);
        recorded.Matches(_service.Requests[1], new Difference(
            "the version that was read is the one that is replaced; the SDK overwrites whatever is there", theirs => theirs.WithHeader("If-Match", $"\"{etag}\"")));
    }

    [Theory]
    [InlineData("011")]
    [InlineData("059")]
    public async Task Replacing_a_device_by_its_version(string number)
    {
        _service.Answer(412, "", ("iothub-errorcode", "PreconditionFailed"));
        var device = new HubDevice { DeviceId = "rec-1", ETag = "zzz", Status = HubDeviceStatus.Disabled, Authentication = new(HubCredential.SymmetricKeys) };
        Assert.Equal("hub-device-stale", (await Client().UpdateDevice(device, Cancel)).Fault?.Code);
        Recorded(number).Matches(
            Assert.Single(_service.Requests),
            new Difference("the version is the condition; the SDK sends it in the body, where it guards nothing", theirs => theirs.WithHeader("If-Match", "\"zzz\"").WithBody(body => body.AsObject().Remove("etag"))));
    }

    [Fact]
    public async Task Statistics()
    {
        _service.Answer(200, """{"totalDeviceCount":3,"enabledDeviceCount":2,"disabledDeviceCount":1}""");
        Assert.Equal(new HubStatistics(3, 2, 1), Value(await Client().GetStatistics(Cancel)));
        Recorded("013").Matches(Assert.Single(_service.Requests));
    }

    [Fact]
    public async Task Bulk_changes()
    {
        for (var i = 0; i < 5; i++) _service.Answer(200, """{"isSuccessful":true,"errors":[],"warnings":[]}""");
        var client = Client();
        static HubDevice Device(string id, HubDeviceStatus status, string? reason = null, string? etag = null) =>
            new() { DeviceId = id, Status = status, StatusReason = reason, ETag = etag, Authentication = new(HubCredential.SymmetricKeys) };

        await client.Bulk([new(HubChangeMode.Create, Device("b1", HubDeviceStatus.Enabled)), new(HubChangeMode.Create, Device("b2", HubDeviceStatus.Disabled))], Cancel);
        await client.Bulk([new(HubChangeMode.Update, Device("b1", HubDeviceStatus.Disabled, "q")), new(HubChangeMode.Update, Device("b2", HubDeviceStatus.Disabled))], Cancel);
        await client.Bulk([new(HubChangeMode.UpdateIfMatchETag, Device("b1", HubDeviceStatus.Disabled, etag: "abc"))], Cancel);
        await client.Bulk([new(HubChangeMode.Delete, Device("b1", HubDeviceStatus.Enabled)), new(HubChangeMode.Delete, Device("b2", HubDeviceStatus.Enabled))], Cancel);
        await client.Bulk([new(HubChangeMode.DeleteIfMatchETag, Device("b1", HubDeviceStatus.Enabled, etag: "abc"))], Cancel);

        Recorded("014").Matches(_service.Requests[0]);
        Recorded("015").Matches(_service.Requests[1], LowerModes);
        Recorded("016").Matches(_service.Requests[2], LowerModes, ETagName);
        Recorded("017").Matches(_service.Requests[3], LowerModes, NoCredentials);
        Recorded("018").Matches(_service.Requests[4], LowerModes, NoCredentials, ETagName);
    }

    [Theory]
    [InlineData("019")]
    [InlineData("060")]
    public async Task Reading_a_twin(string number)
    {
        _service.Answer(200, StoredTwin);
        Assert.Equal("AAAAAAAAAAE=", Value(await Client().GetTwin("rec-1", Cancel)).ETag);
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("020")]
    [InlineData("061")]
    public async Task Merging_into_a_twin_by_its_version_and_deleting_a_tag(string number)
    {
        _service.Answer(200, StoredTwin);
        var patch = new TwinPatch(new JsonObject { ["q"] = "yes", ["old"] = null }, new JsonObject { ["mode"] = "quarantine" });
        Value(await Client().PatchTwin("rec-1", patch, "AAAAAAAAAAE=", Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Fact]
    public async Task Merging_into_a_twin_whatever_its_version()
    {
        _service.Answer(200, StoredTwin).Answer(200, StoredTwin).Answer(200, StoredTwin);
        Value(await Client().PatchTwin("rec-1", new TwinPatch(new JsonObject { ["q"] = "no" }, null), null, Cancel));
        Value(await Client().GetTwin("rec-1", Cancel));
        Value(await Client().PatchTwin("rec-1", new TwinPatch(null, new JsonObject { ["z"] = 1 }), "AAAAAAAAAAE=", Cancel));
        Recorded("021").Matches(_service.Requests[0]);
        Recorded("062").Matches(_service.Requests[0]);
        Recorded("022").Matches(_service.Requests[1]);
        Recorded("023").Matches(_service.Requests[2]);
    }

    [Fact]
    public async Task Queries_and_their_next_pages()
    {
        _service.Answer(200, "[]", ("x-ms-continuation", "tok-2")).Answer(200, "[]").Answer(200, "[]", ("x-ms-continuation", "tok-2")).Answer(200, "[]");
        var client = Client();
        const string Tagged = "SELECT * FROM devices WHERE tags.q = 'yes'";
        var page = Value(await client.QueryTwins(Tagged, 50, null, Cancel));
        await client.QueryTwins(Tagged, 50, page.Continuation, Cancel);
        page = Value(await client.QueryTwins("SELECT * FROM devices", 50, null, Cancel));
        await client.QueryTwins("SELECT * FROM devices", 50, page.Continuation, Cancel);

        Recorded("025").Matches(_service.Requests[0]);
        Recorded("063").Matches(_service.Requests[0]);
        Recorded("026").Matches(_service.Requests[1], new Difference(
            "a next page is asked for with its token; the SDK's promise overload forgets it", theirs => theirs.WithHeader("x-ms-continuation", "tok-2")));
        Recorded("083").Matches(_service.Requests[2]);
        Recorded("084").Matches(_service.Requests[3]);
    }

    [Theory]
    [InlineData("027", "rec-1", "quarantine", "a", 5)]
    [InlineData("064", "rec-1", "quarantine", "a", 5)]
    [InlineData("080", "dev-x1", "ping", "n", 0)]
    public async Task Calling_a_method(string number, string id, string name, string argument, int connectSeconds)
    {
        _service.Answer(404, "", ("iothub-errorcode", "DeviceNotOnline"));
        var call = new MethodCall(name, new JsonObject { [argument] = 1 }) { ResponseTimeout = TimeSpan.FromSeconds(10), ConnectTimeout = TimeSpan.FromSeconds(connectSeconds) };
        Assert.Equal("hub-device-offline", (await Client().CallMethod(id, call, Cancel)).Fault?.Code);
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("028", "rec-1")]
    [InlineData("029", "rec-2")]
    [InlineData("065", "rec-1")]
    public async Task Deleting_a_device_whatever_its_version(string number, string id)
    {
        _service.Answer(204);
        Assert.Null(await Client().DeleteDevice(id, null, Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Fact]
    public void Every_recording_but_two_is_held_against_something()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Serverless.sln"))) folder = Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar))!;
        var asserted = File.ReadAllText(Path.Combine(folder, "tests", "IotHub", "HubParityTests.cs"));
        var numbers = Directory.GetFiles(Path.Combine(folder, "tests", "vectors", "iothub-sdk"), "*.http").Select(file => Path.GetFileName(file)[..3]).Except(["012", "024"]);
        Assert.All(numbers, number => Assert.Contains($"\"{number}\"", asserted, StringComparison.Ordinal));
    }

    public void Dispose() => _service.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Recording Recorded(string number) => Recording.Read("iothub-sdk", number);

    private static HubDevice Disabled(string reason) => new()
    {
        DeviceId = "rec-1",
        Status = HubDeviceStatus.Disabled,
        StatusReason = reason,
        Authentication = new(HubCredential.SymmetricKeys) { Keys = new DeviceKeys(SomeKey, SomeKey) },
    };

    private static T Value<T>(Faults.Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());

    private IotHubClient Client() => new("hub1.azure-devices.net", new StaticCredential(), _service.Clock, new() { Calls = _service.Options });
}
