using System.Text.Json.Nodes;
using Serverless.Rest;
using Serverless.Rest.Tests;

namespace Serverless.IotHub.Tests;

/// <summary>What becomes of the hub's answers, friendly and hostile.</summary>
public sealed class HubAnswerTests : IDisposable
{
    private readonly FakeService _service = new();

    [Theory]
    [InlineData(404, "DeviceNotFound", "hub-device-unknown")]
    [InlineData(404, "404001", "hub-device-unknown")]
    [InlineData(404, "", "hub-device-unknown")]
    [InlineData(404, "DeviceNotOnline", "hub-device-offline")]
    [InlineData(404, "404103", "hub-device-offline")]
    [InlineData(409, "DeviceAlreadyExists", "hub-device-exists")]
    [InlineData(412, "PreconditionFailed", "hub-device-stale")]
    [InlineData(413, "MessageTooLarge", "hub-too-large")]
    [InlineData(400, "ArgumentInvalid", "hub-refused")]
    [InlineData(415, "", "hub-refused")]
    public async Task A_refusal_has_our_code_and_the_services(int status, string service, string code)
    {
        _service.Answer(status, $$"""{"Message":"ErrorCode:{{service}};text of theirs","ExceptionMessage":"Tracking ID:abc-TimeStamp:11/23/2026 00:00:00"}""");
        var fault = Assert.IsType<ServiceFault>((await Client().GetDevice("d", Cancel)).Fault);
        Assert.Equal((code, "device", status, service, "abc-TimeStamp:11/23/2026 00:00:00"), (fault.Code, fault.Where, fault.Status, fault.ServiceCode, fault.TrackingId));
        Assert.Equal($"{code} at device", fault.ToString()); // what a caller may see
    }

    [Theory]
    [InlineData(504, "GatewayTimeout", "hub-device-no-answer")]
    [InlineData(502, "BadDeviceResponse", "hub-device-answer")]
    public async Task A_method_that_gets_no_good_answer_is_refused_and_not_called_again(int status, string service, string code)
    {
        _service.Answer(status, "", ("iothub-errorcode", service));
        Assert.Equal(code, (await Client().CallMethod("d", new MethodCall("reset"), Cancel)).Fault?.Code);
        Assert.Single(_service.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("{\"deviceId\":")]
    [InlineData("{\"deviceId\":1,\"status\":\"enabled\"}")]
    [InlineData("{\"status\":\"enabled\"}")]
    [InlineData("{\"deviceId\":\"d\"}")]
    [InlineData("{\"deviceId\":\"d\",\"status\":\"quantum\"}")]
    [InlineData("{\"deviceId\":\"d\",\"status\":\"enabled\",\"statusUpdatedTime\":\"yesterday\"}")]
    [InlineData("{\"deviceId\":\"d\",\"status\":\"enabled\",\"authentication\":[]}")]
    public async Task An_answer_that_is_not_a_device_is_an_outage_and_after_a_write_it_may_have_landed(string body)
    {
        _service.Answer(200, body).Answer(200, body);
        var client = Client();
        var read = await Assert.ThrowsAsync<ServiceOutageException>(() => client.GetDevice("d", Cancel));
        var write = await Assert.ThrowsAsync<ServiceOutageException>(() => client.CreateDevice(Device("d"), Cancel));
        Assert.Equal(("answer-malformed", false), (read.Reason, read.MayHaveLanded));
        Assert.Equal(("answer-malformed", true), (write.Reason, write.MayHaveLanded));
    }

    [Fact]
    public async Task Members_we_do_not_know_are_skipped_and_times_that_mean_never_are_none()
    {
        _service.Answer(200, """
            {"deviceId":"d","status":"disabled","statusReason":"r","statusUpdatedTime":"2026-11-23T01:02:03.4567","lastActivityTime":"0001-01-01T00:00:00Z",
             "etag":"AA","generationId":"7","connectionState":"Connected","new":{"deep":[1,2]},"capabilities":{"iotEdge":true,"x":1},
             "authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"AB","secondaryThumbprint":null},"symmetricKey":{"primaryKey":"c2VjcmV0"}}}
            """);
        _ = (await Client().GetDevice("d", Cancel)).TryGet(out var device, out _);
        Assert.Equal(
            new HubDevice
            {
                DeviceId = "d",
                Status = HubDeviceStatus.Disabled,
                StatusReason = "r",
                StatusUpdatedAt = new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero).AddTicks(4567000),
                ETag = "AA",
                GenerationId = "7",
                Connected = true,
                IotEdge = true,
                Authentication = new(HubCredential.Thumbprints, "AB"),
            },
            device);
    }

    [Fact]
    public async Task Keys_that_the_hub_sends_are_in_nothing_that_comes_out()
    {
        const string Secret = "c2VjcmV0IGtleSBvZiBhIGRldmljZQ==";
        var body = $$$"""{"deviceId":"d","status":"enabled","etag":"AA","generationId":"7","authentication":{"type":"sas","symmetricKey":{"primaryKey":"{{{Secret}}}","secondaryKey":"{{{Secret}}}"} } }""";
        _service.Answer(200, body).Answer(200, body).Answer(200, body);
        var client = Client();
        var read = await client.GetDevice("d", Cancel);
        var changed = await client.SetStatus("d", HubDeviceStatus.Disabled, "r", null, Cancel);
        _ = read.TryGet(out var device, out _);
        Assert.DoesNotContain(Secret, $"{device} {changed}", StringComparison.Ordinal);
        Assert.Null(device!.Authentication.Keys);
        Assert.Contains(Secret, _service.Requests[2].Body, StringComparison.Ordinal); // but the device keeps them
        Assert.Equal("(keys)", new DeviceKeys(Secret, Secret).ToString());
    }

    [Fact]
    public async Task Renewed_keys_are_new_and_others_are_left_alone()
    {
        const string Old = "b2xkIGtleSBvbGQga2V5IG9sZA==";
        var sas = $$$"""{"deviceId":"d","status":"enabled","etag":"AA","unknown":{"kept":true},"authentication":{"type":"sas","symmetricKey":{"primaryKey":"{{{Old}}}","secondaryKey":"{{{Old}}}"} } }""";
        _service.Answer(200, sas).Answer(200, sas).Answer(200, """{"deviceId":"d","status":"enabled","etag":"AA","authentication":{"type":"certificateAuthority"}}""");
        var client = Client();

        Assert.Null((await client.RenewKeys("d", null, Cancel)).Fault);
        Assert.Null((await client.RenewKeys("d", null, Cancel)).Fault); // X.509: nothing is written

        Assert.Equal(["GET", "PUT", "GET"], _service.Requests.Select(request => request.Method));
        var written = JsonNode.Parse(_service.Requests[1].Body)!;
        var (primary, secondary) = ((string)written["authentication"]!["symmetricKey"]!["primaryKey"]!, (string)written["authentication"]!["symmetricKey"]!["secondaryKey"]!);
        Assert.DoesNotContain(Old, _service.Requests[1].Body, StringComparison.Ordinal);
        Assert.NotEqual(primary, secondary);
        Assert.Equal(64, Convert.FromBase64String(primary).Length);
        Assert.True((bool)written["unknown"]!["kept"]!);
    }

    [Fact]
    public async Task A_status_is_set_over_other_writers_until_they_win_five_times()
    {
        const string Read = """{"deviceId":"d","status":"enabled","etag":"AA","generationId":"7"}""";
        for (var i = 0; i < 5; i++) _service.Answer(200, Read).Answer(412);
        Assert.Equal("hub-device-stale", (await Client().SetStatus("d", HubDeviceStatus.Disabled, null, "7", Cancel)).Fault?.Code);
        Assert.Equal(10, _service.Requests.Count);
    }

    [Fact]
    public async Task Another_device_of_the_same_name_is_not_touched()
    {
        _service.Answer(200, """{"deviceId":"d","status":"enabled","etag":"AA","generationId":"8"}""");
        Assert.Equal("hub-device-generation-stale", (await Client().SetStatus("d", HubDeviceStatus.Disabled, null, "7", Cancel)).Fault?.Code);
        Assert.Single(_service.Requests);
    }

    [Fact]
    public async Task A_device_that_is_gone_after_a_lost_answer_is_deleted()
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ResponseEnded)).Answer(404, "", ("iothub-errorcode", "DeviceNotFound")).Answer(404);
        Assert.Null(await _service.Drive(Client().DeleteDevice("d", null, Cancel)));
        Assert.Equal("hub-device-unknown", (await Client().DeleteDevice("d", null, Cancel))?.Code);
    }

    [Fact]
    public async Task Each_item_of_a_bulk_has_its_own_outcome()
    {
        _service.Answer(200, """
            {"isSuccessful":false,"errors":[{"deviceId":"a","errorCode":409001,"errorStatus":"x"},{"deviceId":"b","errorCode":"DeviceNotFound"},
             {"deviceId":"c","errorCode":412001},{"deviceId":"d","errorCode":429001},{"deviceId":"e","errorCode":500001},{"deviceId":"f","errorCode":400004}],"warnings":[]}
            """);
        var changes = "abcdefg".Select(letter => new HubChange(HubChangeMode.Create, Device(letter.ToString()))).ToArray();
        _ = (await Client().Bulk(changes, Cancel)).TryGet(out var outcome, out _);
        Assert.False(outcome!.Complete);
        Assert.Equal(
            ["a hub-device-exists", "b hub-device-unknown", "c hub-device-stale", "d hub-item-busy", "e hub-item-failed", "f hub-refused"],
            outcome.Failures.OrderBy(item => item.Key).Select(item => $"{item.Key} {item.Value.Code}"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"isSuccessful\":true,\"errors\":[{\"deviceId\":\"a\",\"errorCode\":409001}]}")]
    [InlineData("{\"isSuccessful\":false,\"errors\":[]}")]
    [InlineData("{\"isSuccessful\":false,\"errors\":[{\"deviceId\":\"nobody\",\"errorCode\":409001}]}")]
    [InlineData("{\"isSuccessful\":false,\"errors\":[null]}")]
    public async Task A_bulk_answer_that_contradicts_itself_is_an_outage(string body)
    {
        _service.Answer(200, body);
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => Client().Bulk([new(HubChangeMode.Create, Device("a"))], Cancel));
        Assert.True(outage.MayHaveLanded);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(100, true)]
    [InlineData(0, false)]
    [InlineData(101, false)]
    public async Task A_bulk_has_one_to_a_hundred_devices(int count, bool taken)
    {
        _service.Answer(200, """{"isSuccessful":true,"errors":[]}""");
        var changes = Enumerable.Range(0, count).Select(i => new HubChange(HubChangeMode.Create, Device($"d{i}"))).ToArray();
        var call = () => Client().Bulk(changes, Cancel);
        if (taken) Assert.Null((await call()).Fault);
        else await Assert.ThrowsAsync<ArgumentOutOfRangeException>(call);
    }

    [Fact]
    public async Task A_bulk_that_finds_its_own_work_done_does_not_call_it_a_conflict()
    {
        _service.Fail(new HttpRequestException(HttpRequestError.ResponseEnded)).Answer(200, """{"isSuccessful":false,"errors":[{"deviceId":"a","errorCode":409001}]}""");
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => _service.Drive(Client().Bulk([new(HubChangeMode.Create, Device("a"))], Cancel)));
        Assert.Equal(("outcome-unknown", true), (outage.Reason, outage.MayHaveLanded));
    }

    [Fact]
    public async Task A_query_that_names_the_same_page_again_or_gives_more_than_asked_for_is_an_outage()
    {
        _service.Answer(200, "[]", ("x-ms-continuation", "again")).Answer(200, "[]", ("x-ms-continuation", "again")).Answer(200, """[{"deviceId":"a"},{"deviceId":"b"}]""");
        _service.Answer(200, "[]", ("x-ms-continuation", new string('x', Requests.ContinuationMax + 1)));
        var client = Client();
        _ = (await client.QueryTwins("SELECT * FROM devices", 1, null, Cancel)).TryGet(out var page, out _);
        await Assert.ThrowsAsync<ServiceOutageException>(() => client.QueryTwins("SELECT * FROM devices", 1, page!.Continuation, Cancel));
        await Assert.ThrowsAsync<ServiceOutageException>(() => client.QueryTwins("SELECT * FROM devices", 1, null, Cancel));
        await Assert.ThrowsAsync<ServiceOutageException>(() => client.QueryTwins("SELECT * FROM devices", 1, null, Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("ä")]
    [InlineData("a\r\nHost: x")]
    public async Task What_is_no_device_id_is_refused_before_anything_is_sent(string id)
    {
        Assert.Equal("hub-device-id", (await Client().GetDevice(id, Cancel)).Fault?.Code);
        Assert.Equal("hub-device-id", (await Client().DeleteDevice(id, null, Cancel))?.Code);
        Assert.Empty(_service.Requests);
    }

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void An_id_has_at_most_128_characters(int length, bool taken) => Assert.Equal(taken, HubDeviceId.Check(new string('a', length)) is null);

    [Fact]
    public void Shares_are_parts_of_the_documented_quotas()
    {
        Assert.Equal(new HubShare(100, 20, 100, 50, 40), HubShare.OfS1(1));
        Assert.Equal(new HubShare(50, 10, 25, 12, 20), HubShare.OfS1(0.25, units: 2));
        Assert.Equal(new HubShare(1, 1, 1, 1, 1), HubShare.OfS1(0.001));
        Assert.Throws<ArgumentOutOfRangeException>(() => HubShare.OfS1(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => HubShare.OfS1(1.01));
    }

    [Fact]
    public async Task Too_large_a_method_argument_is_not_sent()
    {
        Assert.Equal("hub-too-large", (await Client().CallMethod("d", new MethodCall("m", new string('x', 128 * 1024)), Cancel)).Fault?.Code);
        Assert.Empty(_service.Requests);
    }

    public void Dispose() => _service.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static HubDevice Device(string id) => new() { DeviceId = id, Authentication = HubAuthentication.CertificateAuthority };

    private IotHubClient Client() => new("hub1.azure-devices.net", new StaticCredential(), _service.Clock, new() { Calls = _service.Options });
}
