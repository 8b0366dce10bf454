using System.Text.Json.Nodes;
using Serverless.Rest;
using Serverless.Rest.Tests;

namespace Serverless.Provisioning.Tests;

/// <summary>What becomes of the service's answers, friendly and hostile.</summary>
public sealed class ProvisioningAnswerTests : IDisposable
{
    private const string Secret = "c2VjcmV0IGtleSBvZiBhIGRldmljZQ==";
    private readonly FakeService _service = new();

    [Theory]
    [InlineData(404, "enrollment-unknown", "enrollment-group-unknown", "registration-unknown")]
    [InlineData(409, "enrollment-conflict", "enrollment-group-conflict", "registration-conflict")]
    [InlineData(412, "enrollment-stale", "enrollment-group-stale", "registration-stale")]
    [InlineData(400, "provisioning-refused", "provisioning-refused", "provisioning-refused")]
    [InlineData(405, "provisioning-refused", "provisioning-refused", "provisioning-refused")]
    [InlineData(415, "provisioning-refused", "provisioning-refused", "provisioning-refused")]
    public async Task A_refusal_has_our_code_and_the_services(int status, string enrollment, string group, string registration)
    {
        for (var i = 0; i < 3; i++) _service.Answer(status, $$"""{"errorCode":{{status}}201,"trackingId":"track-1","message":"text of theirs","info":{} }""");
        var client = Client();
        var faults = new[] { await client.DeleteEnrollment("e", "AA", Cancel), await client.DeleteGroup("g", "AA", Cancel), await client.DeleteRegistration("e", "AA", Cancel) };
        Assert.Equal([enrollment, group, registration], faults.Select(fault => fault!.Code));
        Assert.All(faults, fault => Assert.Equal((status, $"{status}201", "track-1"), (((ServiceFault)fault!).Status, ((ServiceFault)fault).ServiceCode, ((ServiceFault)fault).TrackingId)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("{\"registrationId\":")]
    [InlineData("{\"registrationId\":1}")]
    [InlineData("{\"registrationId\":\"e\"}")]
    [InlineData("{\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"AA==\"}}}")]
    [InlineData("{\"registrationId\":\"e\",\"attestation\":{\"type\":\"tpm\"}}")]
    [InlineData("{\"registrationId\":\"e\",\"attestation\":{\"type\":\"none\"},\"provisioningStatus\":\"perhaps\"}")]
    [InlineData("{\"registrationId\":\"e\",\"attestation\":{\"type\":\"none\"},\"createdDateTimeUtc\":\"yesterday\"}")]
    [InlineData("{\"registrationId\":\"e\",\"attestation\":{\"type\":\"none\"},\"iotHubs\":\"one\"}")]
    public async Task An_answer_that_is_not_an_enrolment_is_an_outage_and_after_a_write_it_may_have_landed(string body)
    {
        _service.Answer(200, body).Answer(200, body);
        var read = await Assert.ThrowsAsync<ServiceOutageException>(() => Client().GetEnrollment("e", Cancel));
        var write = await Assert.ThrowsAsync<ServiceOutageException>(() => Client().PutEnrollment(Tpm("e"), Cancel));
        Assert.Equal(("answer-malformed", false), (read.Reason, read.MayHaveLanded));
        Assert.Equal(("answer-malformed", true), (write.Reason, write.MayHaveLanded));
    }

    [Fact]
    public async Task Everything_documented_is_read_and_what_is_new_is_skipped()
    {
        _service.Answer(200, """
            {"registrationId":"e","deviceId":"d","new":[{"x":1}],"etag":"AA","provisioningStatus":"disabled","allocationPolicy":"geoLatency","iotHubs":["a","b"],
             "capabilities":{"iotEdge":true},"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false},
             "initialTwin":{"tags":{"a":1},"properties":{"desired":{"b":2}}},"createdDateTimeUtc":"2026-11-23T00:00:00Z","lastUpdatedDateTimeUtc":"2026-11-23T00:00:01.5Z",
             "attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"subjectName":"CN=e","sha1Thumbprint":"1A","sha256Thumbprint":"2B","issuerName":"CN=ca",
              "notBeforeUtc":"2026-01-01T00:00:00Z","notAfterUtc":"2027-01-01T00:00:00Z","serialNumber":"03","version":3}},"secondary":null}}},
             "registrationState":{"registrationId":"e","deviceId":"d","assignedHub":"a","status":"assigned","substatus":"initialAssignment","errorCode":0,"etag":"BB","payload":{"p":1}}}
            """);
        var e = Value(await Client().GetEnrollment("e", Cancel));
        Assert.Equal(("e", "d", "AA", ProvisioningStatus.Disabled, AllocationPolicy.GeoLatency, true), (e.RegistrationId, e.DeviceId, e.ETag, e.Status, e.Allocation, e.IotEdge));
        Assert.Equal(["a", "b"], e.IotHubs);
        Assert.Equal(new ReprovisionPolicy(true, false), e.Reprovision);
        Assert.Equal(("{\"a\":1}", "{\"b\":2}"), (e.InitialTwin!.Tags.GetRawText(), e.InitialTwin.Desired.GetRawText()));
        Assert.Equal(new DateTimeOffset(2026, 11, 23, 0, 0, 1, 500, TimeSpan.Zero), e.UpdatedAt);
        var certificate = Assert.IsType<X509Attestation>(e.Attestation);
        Assert.Equal((X509Use.Client, "2B", new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero)), (certificate.Use, certificate.Primary!.Info!.Sha256Thumbprint, certificate.Primary.Info.NotAfter));
        Assert.Equal((RegistrationStatus.Assigned, "a", "BB", (int?)null), (e.Registration!.Status, e.Registration.AssignedHub, e.Registration.ETag, e.Registration.ErrorCode));
    }

    [Fact]
    public async Task A_certificate_that_is_read_without_its_text_goes_back_as_it_came()
    {
        const string Read = """
            {"registrationId":"e","etag":"AA","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"subjectName":"CN=e","sha1Thumbprint":"1A","sha256Thumbprint":"2B",
             "issuerName":"CN=ca","notBeforeUtc":"2026-01-01T00:00:00Z","notAfterUtc":"2027-01-01T00:00:00.5Z","serialNumber":"03","version":3}}}}},"provisioningStatus":"enabled"}
            """;
        _service.Answer(200, Read).Answer(200, Read);
        var client = Client();
        Value(await client.UpdateEnrollment(Value(await client.GetEnrollment("e", Cancel)) with { Status = ProvisioningStatus.Disabled }, Cancel));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Read)!["attestation"], JsonNode.Parse(_service.Requests[1].Body)!["attestation"]));
        Assert.Equal("\"AA\"", _service.Requests[1].Headers["If-Match"]);
    }

    [Theory]
    [InlineData("""{"type":"x509","x509":{"signingCertificates":{"primary":{"certificate":"PEM"}}}}""")]
    [InlineData("""{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"PEM"},"secondary":{"certificate":"NEXT"}}}}""")]
    [InlineData("""{"type":"x509","x509":{"caReferences":{"primary":"root-1","secondary":"root-2"}}}""")]
    [InlineData("""{"type":"tpm","tpm":{"endorsementKey":"AA==","storageRootKey":"BB=="}}""")]
    [InlineData("""{"type":"symmetricKey"}""")]
    public async Task Each_attestation_is_written_as_it_is_read(string attestation)
    {
        var body = $$"""{"enrollmentGroupId":"g","attestation":{{attestation}},"provisioningStatus":"enabled"}""";
        _service.Answer(200, body).Answer(200, body);
        var client = Client();
        Value(await client.PutGroup(Value(await client.GetGroup("g", Cancel)), Cancel));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(body), JsonNode.Parse(_service.Requests[1].Body)), _service.Requests[1].Body);
    }

    [Fact]
    public async Task An_attestation_of_the_future_is_read_and_cannot_be_written()
    {
        _service.Answer(200, """{"registrationId":"e","attestation":{"type":"quantum"}}""");
        var read = Value(await Client().GetEnrollment("e", Cancel));
        Assert.Equal(new UnknownAttestation("quantum"), read.Attestation);
        await Assert.ThrowsAsync<ArgumentException>(() => Client().PutEnrollment(read, Cancel));
    }

    [Fact]
    public async Task Keys_and_the_webhooks_key_are_in_nothing_that_comes_out()
    {
        _service.Answer(200, $$"""
            {"registrationId":"e","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"{{Secret}}","secondaryKey":"{{Secret}}"} },
             "allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://f.example/api/alloc?code=****","apiVersion":"2021-10-01"} }
            """);
        var read = Value(await Client().GetEnrollment("e", Cancel));
        Assert.Equal((new SymmetricKeyAttestation(), (AllocationWebhook?)null, AllocationPolicy.Custom), ((SymmetricKeyAttestation)read.Attestation, read.Webhook, read.Allocation));

        var given = read with { Webhook = new AllocationWebhook(new Uri("https://f.example/api/alloc?code=function-key")), Attestation = new SymmetricKeyAttestation(new DeviceKeys(Secret, Secret)) };
        Assert.DoesNotContain("function-key", given.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, given.ToString(), StringComparison.Ordinal);
        Assert.Contains("https://f.example/api/alloc", given.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_webhook_is_written_afresh_or_the_write_is_a_bug()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Client().PutEnrollment(Tpm("e") with { Allocation = AllocationPolicy.Custom }, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => Client().PutEnrollment(Tpm("e") with { Webhook = new AllocationWebhook(new Uri("https://f.example/?code=k")) }, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => Client().UpdateEnrollment(Tpm("e"), Cancel)); // no version
        Assert.Empty(_service.Requests);
    }

    [Fact]
    public async Task A_creation_finds_what_is_there_before_or_in_between()
    {
        const string Known = """{"registrationId":"e","attestation":{"type":"none"}}""";
        _service.Answer(200, Known).Answer(404).Answer(412, """{"errorCode":412001}""");
        Assert.Equal("enrollment-exists", (await Client().CreateEnrollment(Tpm("e"), Cancel)).Fault?.Code);
        Assert.Equal("enrollment-exists", (await Client().CreateEnrollment(Tpm("e"), Cancel)).Fault?.Code);
        _service.Answer(200, """{"enrollmentGroupId":"g","attestation":{"type":"none"}}""");
        Assert.Equal("enrollment-group-exists", (await Client().CreateGroup(new EnrollmentGroup { GroupId = "g", Attestation = new CaAttestation("root") }, Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_creation_whose_answer_was_lost_is_not_called_a_conflict()
    {
        _service.Answer(404).Fail(new HttpRequestException(HttpRequestError.ResponseEnded)).Answer(412);
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => _service.Drive(Client().CreateEnrollment(Tpm("e"), Cancel)));
        Assert.Equal(("outcome-unknown", true), (outage.Reason, outage.MayHaveLanded));
    }

    [Fact]
    public async Task Each_item_of_a_bulk_has_its_own_outcome()
    {
        _service.Answer(200, """
            {"isSuccessful":false,"errors":[{"registrationId":"a","errorCode":409001,"errorStatus":"x"},{"registrationId":"b","errorCode":404201},{"registrationId":"c","errorCode":412001},
             {"registrationId":"d","errorCode":429001},{"registrationId":"e","errorCode":500001},{"registrationId":"f","errorCode":400004},{"registrationId":"G","errorCode":9}]}
            """);
        var outcome = Value(await Client().BulkEnrollments(BulkMode.Create, [.. "abcdefgh".Select(letter => Tpm(letter.ToString()))], Cancel));
        Assert.Equal(
            ["a enrollment-exists", "b enrollment-unknown", "c enrollment-stale", "d provisioning-item-busy", "e provisioning-item-failed", "f provisioning-refused", "G provisioning-refused"],
            outcome.Failures.OrderBy(item => item.Key, StringComparer.OrdinalIgnoreCase).Select(item => $"{item.Key} {item.Value.Code}"));
        Assert.True(outcome.Failures.ContainsKey("g")); // ids are case-insensitive in this service

        _service.Answer(200, """{"isSuccessful":false,"errors":[{"enrollmentGroupId":"g","errorCode":409001}]}""");
        var groups = Value(await Client().BulkGroups(BulkMode.Update, [new EnrollmentGroup { GroupId = "g", Attestation = new CaAttestation("root") }], Cancel));
        Assert.Equal("enrollment-group-conflict", groups.Failures["g"].Code);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"isSuccessful\":true,\"errors\":[{\"registrationId\":\"a\",\"errorCode\":409001}]}")]
    [InlineData("{\"isSuccessful\":false,\"errors\":[]}")]
    [InlineData("{\"isSuccessful\":false,\"errors\":[{\"registrationId\":\"nobody\",\"errorCode\":409001}]}")]
    public async Task A_bulk_answer_that_contradicts_itself_is_an_outage(string body)
    {
        _service.Answer(200, body);
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => Client().BulkEnrollments(BulkMode.Create, [Tpm("a")], Cancel));
        Assert.True(outage.MayHaveLanded);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(10, true)]
    [InlineData(0, false)]
    [InlineData(11, false)]
    public async Task A_bulk_has_one_to_ten_items(int count, bool taken)
    {
        _service.Answer(200, """{"isSuccessful":true,"errors":[]}""");
        var call = () => Client().BulkEnrollments(BulkMode.Create, [.. Enumerable.Range(0, count).Select(i => Tpm($"e{i}"))], Cancel);
        if (taken) Assert.Null((await call()).Fault);
        else await Assert.ThrowsAsync<ArgumentOutOfRangeException>(call);
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("A-b.c_d:e-", true)]
    [InlineData("0", true)]
    [InlineData("", false)]
    [InlineData("a.", false)]
    [InlineData("a_", false)]
    [InlineData("a:", false)]
    [InlineData("a/b", false)]
    [InlineData("a%62", false)]
    [InlineData("..", false)]
    [InlineData("ä", false)]
    public async Task Ids_have_the_services_shape_and_arrive_as_they_are(string id, bool taken)
    {
        _service.Answer(404);
        var fault = (await Client().GetEnrollment(id, Cancel)).Fault!;
        Assert.Equal(taken ? "enrollment-unknown" : "registration-id", fault.Code);
        if (taken) Assert.Equal("/enrollments/" + id, Uri.UnescapeDataString(_service.Requests.Single().Path));
        else Assert.Empty(_service.Requests);
    }

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void An_id_has_at_most_128_characters(int length, bool taken) => Assert.Equal(taken, RegistrationId.Check(new string('a', length)) is null);

    [Fact]
    public async Task An_endless_continuation_is_seen_when_it_repeats_and_is_the_callers_to_bound_when_it_does_not()
    {
        _service.Answer(200, "[]", ("x-ms-continuation", "1")).Answer(200, "[]", ("x-ms-continuation", "1"));
        var client = Client();
        var first = Value(await client.QueryRegistrations("g", 100, null, Cancel));
        await Assert.ThrowsAsync<ServiceOutageException>(() => client.QueryRegistrations("g", 100, first.Continuation, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => client.QueryRegistrations("g", 100, "line\nbreak", Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => client.QueryGroups("SELECT * FROM enrollmentGroups", 101, null, Cancel));
    }

    [Theory]
    [InlineData("{\"type\":\"tpm\"}")]
    [InlineData("{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"not base64 !!\",\"secondaryKey\":\"AA==\"}}")]
    public async Task Keys_that_are_none_are_an_outage_that_quotes_nothing(string body)
    {
        _service.Answer(200, body);
        var outage = await Assert.ThrowsAsync<ServiceOutageException>(() => Client().GetEnrollmentKeys("e", Cancel));
        Assert.DoesNotContain("not base64 !!", outage.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(15, false)]
    [InlineData(16, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void A_key_has_16_to_64_bytes(int bytes, bool taken)
    {
        var key = Convert.ToBase64String(new byte[bytes]);
        if (taken) Assert.Equal((key, key), new DeviceKeys(key, key).Reveal());
        else Assert.Throws<ArgumentException>(() => new DeviceKeys(key, key));
    }

    [Fact]
    public void Random_keys_differ()
    {
        var (first, second) = (DeviceKeys.Random().Reveal(), DeviceKeys.Random().Reveal());
        Assert.Equal(4, new[] { first.Primary, first.Secondary, second.Primary, second.Secondary }.Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void A_share_is_part_of_the_services_thousand(int operations) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProvisioningClient("h", new StaticCredential(), _service.Clock, new() { OperationsPerMinute = operations, Calls = _service.Options }).Dispose());

    public void Dispose() => _service.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static IndividualEnrollment Tpm(string id) => new() { RegistrationId = id, Attestation = new TpmAttestation("AA==") };

    private static T Value<T>(Faults.Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());

    private ProvisioningClient Client() => new("dps1.azure-devices-provisioning.net", new StaticCredential(), _service.Clock, new() { Calls = _service.Options });
}
