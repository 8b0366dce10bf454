using System.Text.Json.Nodes;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Tests.IotHub;

/// <summary>The registry over HTTPS.</summary>
public sealed class RegistryApiTests
{
    private const string Thumbprint = "0123456789abcdef0123456789ABCDEF01234567";

    [Fact]
    public async Task A_device_is_created_read_updated_and_deleted_under_its_etag()
    {
        await using var hub = await HubFixture.Start();

        var created = await hub.Call("PUT", "/devices/dev-1", $$$$"""{"deviceId":"dev-1","authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"{{{{Thumbprint}}}}"}}}""");
        Assert.Equal(200, created.Status);
        Assert.Equal($"\"{created.Json["etag"]}\"", created.ETag);
        Assert.Equal(("enabled", "Disconnected", "selfSigned"), ((string?)created.Json["status"], (string?)created.Json["connectionState"], (string?)created.Json["authentication"]!["type"]));
        Assert.Equal(Thumbprint.ToUpperInvariant(), (string?)created.Json["authentication"]!["x509Thumbprint"]!["primaryThumbprint"]);
        Assert.Null(created.Json["authentication"]!["symmetricKey"]!["primaryKey"]);
        (await hub.Call("PUT", "/devices/dev-1", created.Json.ToJsonString())).IsError(409, "DeviceAlreadyExists"); // device-exists

        var disable = created.Json.DeepClone();
        (disable["status"], disable["statusReason"]) = ("disabled", "incident 7");
        (await hub.Call("PUT", "/devices/dev-1", disable.ToJsonString(), null, ("If-Match", "\"stale\""))).IsError(412, "PreconditionFailed"); // etag-mismatch
        var disabled = await hub.Call("PUT", "/devices/dev-1", disable.ToJsonString(), null, ("If-Match", created.ETag!));
        Assert.Equal((200, "disabled", "incident 7"), (disabled.Status, (string?)disabled.Json["status"], (string?)disabled.Json["statusReason"]));
        Assert.Equal((string?)created.Json["generationId"], (string?)disabled.Json["generationId"]);
        Assert.NotEqual(created.ETag, disabled.ETag);
        Assert.Equal(200, (await hub.Call("PUT", "/devices/dev-1", disable.ToJsonString(), null, ("If-Match", disabled.ETag!.Trim('"')))).Status); // unquoted
        Assert.Equal(200, (await hub.Call("PUT", "/devices/dev-1", disable.ToJsonString(), null, ("If-Match", "\"*\""))).Status);

        (await hub.Call("DELETE", "/devices/dev-1", null, null, ("If-Match", disabled.ETag))).IsError(412, "PreconditionFailed");
        Assert.Equal(204, (await hub.Call("DELETE", "/devices/dev-1", null, null, ("If-Match", "*"))).Status);
        (await hub.Call("GET", "/devices/dev-1")).IsError(404, "DeviceNotFound"); // device-not-found
        (await hub.Call("PUT", "/devices/dev-1", disable.ToJsonString(), null, ("If-Match", "*"))).IsError(404, "DeviceNotFound");
        (await hub.Call("DELETE", "/devices/dev-1")).IsError(404, "DeviceNotFound");
    }

    [Fact]
    public async Task Keys_are_made_when_none_are_sent_and_an_update_without_them_makes_new_ones()
    {
        await using var hub = await HubFixture.Start();

        var made = await hub.Call("PUT", "/devices/dev-1", """{"deviceId":"dev-1"}""");
        string Key(HubAnswer answer) => (string)answer.Json["authentication"]!["symmetricKey"]!["primaryKey"]!;
        Assert.Equal(("sas", 32), ((string?)made.Json["authentication"]!["type"], Convert.FromBase64String(Key(made)).Length));
        Assert.Equal(Key(made), Key(await hub.Call("PUT", "/devices/dev-1", made.Json.ToJsonString(), null, ("If-Match", "*"))));
        Assert.NotEqual(Key(made), Key(await hub.Call("PUT", "/devices/dev-1", """{"deviceId":"dev-1"}""", null, ("If-Match", "*"))));
    }

    [Fact]
    public async Task An_id_with_every_allowed_character_is_one_path_segment()
    {
        await using var hub = await HubFixture.Start();
        const string Id = "Az09-.+%_#*?!(),:=@$'";
        var path = "/devices/" + Uri.EscapeDataString(Id);

        Assert.Equal(200, (await hub.Call("PUT", path, new JsonObject { ["deviceId"] = Id }.ToJsonString())).Status);

        Assert.Equal(Id, (string?)(await hub.Call("GET", path)).Json["deviceId"]);
        Assert.Equal(Id, (string?)(await hub.Call("GET", "/twins/" + Uri.EscapeDataString(Id))).Json["deviceId"]);
        (await hub.Call("GET", path.ToLowerInvariant())).IsError(404, "DeviceNotFound"); // ids have a case
        Assert.Equal(204, (await hub.Call("DELETE", path)).Status);
    }

    public static TheoryData<string, string> BadDevices() => new()
    {
        { "dev-1", "" },
        { "dev-1", "[]" },
        { "dev-1", "{" },
        { "dev-1", """{"deviceId":"dev-2"}""" },
        { "dev-1", """{"deviceId":5}""" },
        { "dev-1", """{"status":"paused"}""" },
        { "dev-1", """{"status":"1"}""" },
        { "dev-1", """{"status":"enabled","status":"disabled"}""" },
        { "dev-1", """{"authentication":5}""" },
        { "dev-1", """{"authentication":{"type":"password"}}""" },
        { "dev-1", """{"authentication":{"type":"selfSigned"}}""" },
        { "dev-1", """{"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"abc"}}}""" },
        { "dev-1", """{"authentication":{"type":"sas","symmetricKey":{"primaryKey":"c2hvcnQ="}}}""" },
        { "dev-1", $$"""{"statusReason":"{{new string('x', HubLimits.StatusReasonMax + 1)}}"}""" },
        { "a b", "{}" },
        { new string('a', 129), "{}" },
    };

    [Theory]
    [MemberData(nameof(BadDevices))]
    public async Task What_is_not_a_device_is_refused(string id, string body)
    {
        await using var hub = await HubFixture.Start();

        (await hub.Call("PUT", "/devices/" + Uri.EscapeDataString(id), body)).IsError(400, "ArgumentInvalid"); // argument-invalid, device-credentials, device-reason

        Assert.Equal(0, hub.Service.DeviceCount);
    }

    [Fact]
    public async Task A_hub_has_its_limit_of_identities()
    {
        await using var hub = await HubFixture.Start(options => options with { DevicesMax = 2 });
        Assert.Null(hub.Service.Create(new DeviceSpec("a", DeviceCredentials.CertificateAuthority), new DeviceSpec("b", DeviceCredentials.CertificateAuthority)).Fault);

        Assert.Equal("hub-full", hub.Service.Create(new DeviceSpec("c", DeviceCredentials.CertificateAuthority)).Fault?.Code);
        (await hub.Call("PUT", "/devices/c", "{}")).IsError(403, "IotHubQuotaExceeded");
        Assert.Null(hub.Service.Delete("a").Fault);
        Assert.Null(hub.Service.Create(new DeviceSpec("c", DeviceCredentials.CertificateAuthority)).Fault);
    }

    [Fact]
    public async Task Lists_and_totals_count_what_is_there()
    {
        await using var hub = await HubFixture.Start();
        Assert.Null(hub.Service.Create(Enumerable.Range(0, 5).Select(i => new DeviceSpec($"d{i}", DeviceCredentials.CertificateAuthority, i == 0 ? DeviceStatus.Disabled : DeviceStatus.Enabled))).Fault);

        Assert.Equal(["d0", "d1", "d2"], (await hub.Call("GET", "/devices/?top=3")).Json.AsArray().Select(device => (string?)device!["deviceId"]));
        Assert.Equal(5, (await hub.Call("GET", "/devices")).Json.AsArray().Count);
        Assert.Equal("""{"totalDeviceCount":5,"enabledDeviceCount":4,"disabledDeviceCount":1}""", (await hub.Call("GET", "/statistics/devices")).Json.ToJsonString());
        foreach (var top in new[] { "0", "1001", "x", "-1" }) (await hub.Call("GET", "/devices?top=" + top)).IsError(400, "ArgumentInvalid");
    }

    [Fact]
    public async Task A_bulk_call_does_each_mode_by_itself_and_says_what_failed()
    {
        await using var hub = await HubFixture.Start();
        async Task<string> Bulk(string elements)
        {
            var answer = await hub.Call("POST", "/devices", $"[{elements}]");
            Assert.Equal(200, answer.Status);
            Assert.Equal((bool)answer.Json["isSuccessful"]!, answer.Json["errors"]!.AsArray().Count == 0);
            return string.Join(" ", answer.Json["errors"]!.AsArray().Select(error => $"{error!["deviceId"]}:{error["errorCode"]}"));
        }

        Assert.Equal("", await Bulk("""{"id":"a","importMode":"create","tags":{"model":"pump"},"properties":{"desired":{"x":1}}},{"id":"b","importMode":"Create","status":"disabled"}"""));
        Assert.Equal("pump", (string?)(await hub.Call("GET", "/twins/a")).Json["tags"]!["model"]);
        Assert.Equal("a:409001 b/c:400004", await Bulk("""{"id":"a","importMode":"create"},{"id":"b/c","importMode":"create"},{"id":"c","importMode":"createOrUpdate"}"""));
        Assert.Equal("nobody:404001", await Bulk("""{"id":"a","importMode":"Update","status":"disabled"},{"id":"nobody","importMode":"update"}"""));
        Assert.Equal(DeviceStatus.Disabled, hub.Service.Find("a")!.Status);
        var etag = hub.Service.Find("a")!.ETag;
        Assert.Equal("a:412001 a:412001", await Bulk("""{"id":"a","importMode":"UpdateIfMatchETag","etag":"zzz"},{"id":"a","importMode":"updateIfMatchETag"}"""));
        Assert.Equal("", await Bulk($$"""{"id":"a","importMode":"UpdateIfMatchETag","eTag":"{{etag}}","status":"enabled"}"""));
        Assert.Equal("", await Bulk($$"""{"id":"c","importMode":"createOrUpdateIfMatchETag","eTag":"{{hub.Service.Find("c")!.ETag}}"},{"id":"d","importMode":"createOrUpdateIfMatchETag"}"""));
        Assert.Equal("a:412001", await Bulk("""{"id":"a","importMode":"updateTwin","tags":{"model":null,"site":"x"}},{"id":"a","importMode":"updateTwinIfMatchETag","twinETag":"zzz","tags":{"site":"y"}}"""));
        Assert.Equal("""{"site":"x"}""", (await hub.Call("GET", "/twins/a")).Json["tags"]!.ToJsonString());
        Assert.Equal("a:412001 a:400004 :400004", await Bulk("""{"id":"a","importMode":"DeleteIfMatchETag","etag":"zzz"},{"id":"a","importMode":"explode"},{"importMode":"delete"}""")); // bulk-mode
        Assert.Equal("", await Bulk("""{"id":"a","importMode":"Delete"},{"id":"b","importMode":"delete"}"""));
        Assert.Equal(2, hub.Service.DeviceCount);
        (await hub.Call("POST", "/devices", $"[{string.Join(',', Enumerable.Repeat("{}", 101))}]")).IsError(413, "TooManyDevices"); // bulk-size
        (await hub.Call("POST", "/devices", "{}")).IsError(400, "ArgumentInvalid");
        (await hub.Call("POST", "/devices", "[5]")).IsError(400, "ArgumentInvalid");
    }

    [Fact]
    public async Task Twins_are_patched_and_replaced_whole_or_not_at_all()
    {
        await using var hub = await HubFixture.Start();
        Assert.Null(hub.Service.Create(new DeviceSpec("dev-1", DeviceCredentials.CertificateAuthority)).Fault);
        var first = await hub.Call("GET", "/twins/dev-1");
        Assert.Equal(("AAAAAAAAAAE=", 2, "{}"), ((string?)first.Json["etag"], (int)first.Json["version"]!, first.Json["tags"]!.ToJsonString()));

        var patched = await hub.Call("PATCH", "/twins/dev-1", """{"tags":{"q":"yes","deep":{"a":1,"b":2}},"properties":{"desired":{"mode":1}}}""", null, ("If-Match", first.ETag!));
        Assert.Equal((200, 3, 2), (patched.Status, (int)patched.Json["version"]!, (int)patched.Json["properties"]!["desired"]!["$version"]!));
        (await hub.Call("PATCH", "/twins/dev-1", "{}", null, ("If-Match", first.ETag!))).IsError(412, "PreconditionFailed");
        Assert.Equal("""{"q":"yes","deep":{"b":3}}""", (await hub.Call("PATCH", "/twins/dev-1", """{"tags":{"deep":{"a":null,"b":3}}}""")).Json["tags"]!.ToJsonString());
        (await hub.Call("PATCH", "/twins/dev-1", """{"tags":{"half":1},"properties":{"desired":{"a.b":1}}}""")).IsError(400, "ArgumentInvalid"); // twin-member
        (await hub.Call("PATCH", "/twins/dev-1", $$$"""{"tags":{"x":{{{string.Concat(Enumerable.Repeat("{\"a\":", 10))}}}1{{{new string('}', 10)}}}}}""")).IsError(400, "ArgumentInvalid"); // twin-depth
        (await hub.Call("PATCH", "/twins/dev-1", $$$"""{"tags":{"a":"{{{new string('x', 4000)}}}","b":"{{{new string('x', 4000)}}}","c":"{{{new string('x', 4000)}}}"}}""")).IsError(413, "MessageTooLarge"); // twin-size
        (await hub.Call("PATCH", "/twins/dev-1", """{"tags":5}""")).IsError(400, "ArgumentInvalid");
        Assert.Null((await hub.Call("GET", "/twins/dev-1")).Json["tags"]!["half"]);

        var replaced = await hub.Call("PUT", "/twins/dev-1", """{"tags":{"only":1},"properties":{"desired":{"$version":9,"$metadata":{},"mode":2}}}""", null, ("If-Match", "*"));
        Assert.Equal(("""{"only":1}""", 2, 3), (replaced.Json["tags"]!.ToJsonString(), (int)replaced.Json["properties"]!["desired"]!["mode"]!, (int)replaced.Json["properties"]!["desired"]!["$version"]!));
        Assert.Equal("replaceTwin", RecordingRoute.OpType(hub.Route.Events[^1]));
        Assert.Equal(1, (int)JsonNode.Parse(hub.Route.Events[^1].Body.Span)!["tags"]!["only"]!);
        (await hub.Call("GET", "/twins/nobody")).IsError(404, "DeviceNotFound");
        (await hub.Call("GET", "/twins/dev-1/modules/m1")).IsError(404, "ModuleNotFound"); // module-not-found
    }

    [Fact]
    public async Task A_request_needs_an_api_version_and_a_bounded_body()
    {
        await using var hub = await HubFixture.Start();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/devices");
        request.Headers.TryAddWithoutValidation("Authorization", hub.Service.SignPolicyToken("iothubowner", TimeSpan.FromMinutes(1)));

        Assert.Equal(400, (int)(await hub.Http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
        (await hub.Call("POST", "/devices", new string(' ', 5 << 20))).IsError(413, "MessageTooLarge"); // body-size
    }
}
