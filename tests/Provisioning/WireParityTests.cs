using System.Text.Json.Nodes;
using Serverless.Rest;
using Serverless.Rest.Tests;

namespace Serverless.Provisioning.Tests;

/// <summary>Our requests against those of azure-iot-provisioning-service 1.11.2 (tests/vectors/recorded-sdk). The api-version is the same;
/// the token is Entra's where the recording may have a shared access signature.</summary>
public sealed class WireParityTests : IDisposable
{
    private const string SomeKey = "c2l4dGVlbiBieXRlcyBvZiBrZXkh";

    private static readonly Difference QuotedETag = new(
        "If-Match is quoted, as RFC 9110 and the service's own reference want; the Node SDK leaves the quotes off",
        theirs => theirs.WithHeader("If-Match", theirs.Headers.TryGetValue("If-Match", out var etag) ? $"\"{etag}\"" : null));

    private static readonly Difference OnlyIfNew = new(
        "a creation asks for none to exist; the SDK's overwrites", theirs => theirs.WithHeader("If-None-Match", "*"));

    private static readonly Difference NoReadOnlyMembers = new(
        "members that only the service sets are not sent back; the SDK echoes what it read",
        theirs => theirs.WithBody(body =>
        {
            body.AsObject().Remove("etag");
            body.AsObject().Remove("createdDateTimeUtc");
        }));

    private static readonly Difference NoSlashBeforeQuery = new(
        "the bulk path has no slash at its end, as in the service's reference; the SDK adds one", theirs => theirs with { Path = theirs.Path.TrimEnd('/') });

    private static readonly Difference Masked = new(
        "the recording's keys are stripped; ours are put in their place",
        theirs => theirs with { Body = theirs.Body.Replace("<stripped>", SomeKey, StringComparison.Ordinal) });

    private readonly FakeService _service = new();

    [Theory]
    [InlineData("030")]
    [InlineData("066")]
    public async Task Creating_an_individual_enrolment(string number)
    {
        _service.Answer(404, """{"errorCode":404201}""").Answer(200, Recorded(number).Body.Replace("<stripped>", SomeKey, StringComparison.Ordinal));

        Assert.Null((await Client().CreateEnrollment(SymmetricEnrollment(ProvisioningStatus.Enabled), Cancel)).Fault);

        Recorded(number).Matches(_service.Requests[1], Masked, OnlyIfNew);
        Assert.Equal(("GET", "/enrollments/e-1"), (_service.Requests[0].Method, _service.Requests[0].Path)); // the SDK does not look first
    }

    [Theory]
    [InlineData("031")]
    [InlineData("067")]
    public async Task Planting_a_disabled_individual_enrolment_of_a_certificate(string number)
    {
        var recorded = Recorded(number);
        var pem = (string)JsonNode.Parse(recorded.Body)!["attestation"]!["x509"]!["clientCertificates"]!["primary"]!["certificate"]!;
        _service.Answer(200, recorded.Body);

        var stored = await Client().PutEnrollment(
            new IndividualEnrollment { RegistrationId = "dev-x1", Attestation = X509Attestation.Client(pem), Status = ProvisioningStatus.Disabled }, Cancel);

        Assert.Equal(ProvisioningStatus.Disabled, Assert.IsType<IndividualEnrollment>(Value(stored)).Status);
        recorded.Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("032", "e-1")]
    [InlineData("068", "e-1")]
    [InlineData("034", "nope")]
    [InlineData("070", "nope")]
    [InlineData("082", "zz")]
    public async Task Reading_an_individual_enrolment(string number, string id)
    {
        _service.Answer(404);
        Assert.Equal("enrollment-unknown", (await Client().GetEnrollment(id, Cancel)).Fault?.Code);
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("033")]
    [InlineData("069")]
    public async Task Disabling_an_individual_enrolment_by_its_version(string number)
    {
        var recorded = Recorded(number);
        _service.Answer(200, recorded.Body.Replace("<stripped>", SomeKey, StringComparison.Ordinal));

        var updated = await Client().UpdateEnrollment(SymmetricEnrollment(ProvisioningStatus.Disabled) with { ETag = recorded.Headers["If-Match"] }, Cancel);

        Assert.Null(updated.Fault);
        recorded.Matches(Assert.Single(_service.Requests), Masked, QuotedETag, NoReadOnlyMembers);
    }

    [Theory]
    [InlineData("035")]
    [InlineData("071")]
    public async Task Creating_a_group(string number)
    {
        var recorded = Recorded(number);
        _service.Answer(404).Answer(200, recorded.Body);
        Assert.Null((await Client().CreateGroup(Group(recorded, ProvisioningStatus.Enabled), Cancel)).Fault);
        recorded.Matches(_service.Requests[1], OnlyIfNew);
    }

    [Theory]
    [InlineData("036")]
    [InlineData("072")]
    public async Task Reading_a_group(string number)
    {
        _service.Answer(404);
        Assert.Equal("enrollment-group-unknown", (await Client().GetGroup("g-1", Cancel)).Fault?.Code);
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Theory]
    [InlineData("037")]
    [InlineData("073")]
    public async Task Disabling_a_group_by_its_version(string number)
    {
        var recorded = Recorded(number);
        _service.Answer(200, recorded.Body);
        Assert.Null((await Client().UpdateGroup(Group(recorded, ProvisioningStatus.Disabled) with { ETag = recorded.Headers["If-Match"] }, Cancel)).Fault);
        recorded.Matches(Assert.Single(_service.Requests), QuotedETag, NoReadOnlyMembers);
    }

    [Theory]
    [InlineData("038", BulkMode.Create)]
    [InlineData("039", BulkMode.Update)]
    [InlineData("040", BulkMode.UpdateIfMatchETag)]
    [InlineData("041", BulkMode.Delete)]
    public async Task Bulk_changes(string number, BulkMode mode)
    {
        var enabled = new Difference(
            "each entry says its status; the SDK leaves it to the service's default", theirs => theirs.WithBody(body => body["enrollments"]![0]!["provisioningStatus"] = "enabled"));
        _service.Answer(200, """{"isSuccessful":true,"errors":[]}""");

        var done = await Client().BulkEnrollments(mode, [new IndividualEnrollment { RegistrationId = "e-1", ETag = "abc", Attestation = new TpmAttestation("AA==") }], Cancel);

        Assert.True(Value(done).Complete);
        Recorded(number).Matches(Assert.Single(_service.Requests), NoSlashBeforeQuery, enabled);
    }

    [Fact]
    public async Task Queries_and_their_next_pages()
    {
        _service.Answer(200, "[]", ("x-ms-continuation", "tok-2")).Answer(200, "[]").Answer(200, "[]").Answer(200, "[]");
        var client = Client();

        var page = Value(await client.QueryEnrollments("SELECT * FROM enrollments", 10, null, Cancel));
        var last = Value(await client.QueryEnrollments("SELECT * FROM enrollments", 10, page.Continuation, Cancel));
        await client.QueryGroups("SELECT * FROM enrollmentGroups", 10, null, Cancel);
        await client.QueryRegistrations("g-1", 10, null, Cancel);

        Assert.Null(last.Continuation);
        foreach (var first in new[] { "042", "085" }) Recorded(first).Matches(_service.Requests[0]);
        Recorded("086").Matches(_service.Requests[1]);
        Recorded("043").Matches(_service.Requests[1], new Difference(
            "a next page is asked for with its token; the SDK's promise overload forgets it", theirs => theirs.WithHeader("x-ms-continuation", "tok-2")));
        Recorded("044").Matches(_service.Requests[2]);
        Recorded("045").Matches(_service.Requests[3]);
    }

    [Fact]
    public async Task Registration_records()
    {
        _service.Answer(404).Answer(204);
        Assert.Equal("registration-unknown", (await Client().GetRegistration("e-1", Cancel)).Fault?.Code);
        Assert.Null(await Client().DeleteRegistration("e-1", "abc", Cancel));
        Recorded("048").Matches(_service.Requests[0]);
        Recorded("049").Matches(_service.Requests[1], QuotedETag);
    }

    [Theory]
    [InlineData("050", "e-1", "abc")]
    [InlineData("074", "e-1", "abc")]
    [InlineData("051", "dev-x1", "IjAw")]
    [InlineData("075", "dev-x1", "IjAw")]
    public async Task Deleting_an_individual_enrolment_by_its_version(string number, string id, string etag)
    {
        _service.Answer(204);
        Assert.Null(await Client().DeleteEnrollment(id, etag, Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests), QuotedETag);
    }

    [Theory]
    [InlineData("052")]
    [InlineData("076")]
    public async Task Deleting_a_group_whatever_its_version(string number)
    {
        _service.Answer(204);
        Assert.Null(await Client().DeleteGroup("g-1", null, Cancel));
        Recorded(number).Matches(Assert.Single(_service.Requests));
    }

    [Fact]
    public async Task Reading_keys_when_asked_to()
    {
        var keys = $$$"""{"type":"symmetricKey","symmetricKey":{"primaryKey":"{{{SomeKey}}}","secondaryKey":"{{{SomeKey}}}"}}""";
        _service.Answer(200, keys).Answer(200, keys);

        Assert.Equal((SomeKey, SomeKey), Value(await Client().GetEnrollmentKeys("e-1", Cancel)).Reveal());
        Assert.Equal((SomeKey, SomeKey), Value(await Client().GetGroupKeys("g-1", Cancel)).Reveal());

        Recorded("046").Matches(_service.Requests[0]);
        Recorded("047").Matches(_service.Requests[1], new Difference(
            "the path has the case of the service's reference; the SDK writes enrollmentgroups here only",
            theirs => theirs with { Path = theirs.Path.Replace("enrollmentgroups", "enrollmentGroups", StringComparison.Ordinal) }));
    }

    [Fact]
    public void Every_recording_is_held_against_something()
    {
        var asserted = File.ReadAllText(Path.Combine(Root(), "tests", "Provisioning", "WireParityTests.cs"));
        var numbers = Directory.GetFiles(Path.Combine(Root(), "tests", "vectors", "recorded-sdk"), "*.http").Select(file => Path.GetFileName(file)[..3]);
        Assert.All(numbers, number => Assert.Contains($"\"{number}\"", asserted, StringComparison.Ordinal));
    }

    public void Dispose() => _service.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Recording Recorded(string number) => Recording.Read("recorded-sdk", number);

    private static T Value<T>(Faults.Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());

    private static IndividualEnrollment SymmetricEnrollment(ProvisioningStatus status) => new()
    {
        RegistrationId = "e-1",
        DeviceId = "e-1",
        Attestation = new SymmetricKeyAttestation(new DeviceKeys(SomeKey, SomeKey)),
        Status = status,
        Allocation = AllocationPolicy.Custom,
        Webhook = new AllocationWebhook(new Uri("https://f.example/api/alloc?code=masked")),
        InitialTwin = InitialTwin.From(new JsonObject { ["a"] = 1 }, new JsonObject { ["b"] = 2 }),
        Reprovision = new ReprovisionPolicy(UpdateHubAssignment: true, MigrateDeviceData: true),
    };

    private static EnrollmentGroup Group(Recording recorded, ProvisioningStatus status) => new()
    {
        GroupId = "g-1",
        Attestation = X509Attestation.Signing((string)JsonNode.Parse(recorded.Body)!["attestation"]!["x509"]!["signingCertificates"]!["primary"]!["certificate"]!),
        Status = status,
        IotHubs = ["hub1.azure-devices.net"],
    };

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Serverless.sln"))) folder = Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar))!;
        return folder;
    }

    private ProvisioningClient Client() => new("dps1.azure-devices-provisioning.net", new StaticCredential(), _service.Clock, new() { Calls = _service.Options });
}
