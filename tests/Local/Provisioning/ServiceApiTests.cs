using System.Text.Json.Nodes;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The service API: enrolments, groups, bulk, queries, records.</summary>
public sealed class ServiceApiTests
{
    [Fact]
    public async Task An_enrolment_is_created_read_replaced_and_deleted_by_its_version()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("pump-1");
        var more = JsonNode.Parse("""
            {"deviceId":"hall-3","initialTwin":{"tags":{"a":1},"properties":{"desired":{"b":2}}},"capabilities":{"iotEdge":true},
             "optionalDeviceInformation":{"x":1},"iotHubs":["hub-a.azure-devices.net"]}
            """)!.AsObject();

        var made = await dps.Put("/enrollments/Pump-1", Individual("Pump-1", leaf, more: more));
        var read = await dps.Call("GET", "/enrollments/pump-1");

        Assert.Equal(made.Json.ToJsonString(), read.Json.ToJsonString());
        Assert.Equal((made.Version, "Pump-1", "hashed"), (read.ETag, (string?)read.Json["registrationId"], (string?)read.Json["allocationPolicy"]));
        foreach (var (name, value) in more) Assert.Equal(value!.ToJsonString(), read.Json[name]!.ToJsonString());
        Assert.Equal("""{"updateHubAssignment":true,"migrateDeviceData":true}""", read.Json["reprovisionPolicy"]!.ToJsonString());
        var info = read.Json["attestation"]!["x509"]!["clientCertificates"]!["primary"]!.AsObject();
        Assert.Equal(("info", leaf.SerialNumber, leaf.Thumbprint), (info.Single().Key, (string?)info["info"]!["serialNumber"], (string?)info["info"]!["sha1Thumbprint"]));
        Assert.DoesNotContain("BEGIN CERTIFICATE", read.Json.ToJsonString(), StringComparison.Ordinal);

        // Sent back as it was read, with one change: the certificate that was never shown stays.
        var changed = read.Json.DeepClone().AsObject();
        changed["provisioningStatus"] = "disabled";
        var replaced = await dps.Call("PUT", "/enrollments/pump-1", changed.ToJsonString(), null, ("If-Match", made.Version));
        Assert.Equal((200, "disabled"), (replaced.Status, (string?)replaced.Json["provisioningStatus"]));
        Assert.Equal((string?)made.Json["createdDateTimeUtc"], (string?)replaced.Json["createdDateTimeUtc"]);
        (await dps.Call("PUT", "/enrollments/pump-1", changed.ToJsonString(), null, ("If-Match", made.Version))).IsError(412001); // "etag-mismatch"
        (await dps.Call("DELETE", "/enrollments/pump-1", null, null, ("If-Match", made.Version))).IsError(412001);
        Assert.Equal(204, (await dps.Call("DELETE", "/enrollments/pump-1", null, null, ("If-Match", replaced.Version.Trim('"')))).Status); // unquoted, as SDKs send it
        (await dps.Call("GET", "/enrollments/pump-1")).IsError(404201); // "enrollment-not-found"
        (await dps.Call("DELETE", "/enrollments/pump-1")).IsError(404201);
        (await dps.Call("PUT", "/enrollments/pump-1", Individual("pump-1", leaf).ToJsonString(), null, ("If-Match", "*"))).IsError(404201);
    }

    [Fact]
    public async Task Put_without_a_condition_creates_and_replaces()
    {
        await using var dps = await ProvisioningFixture.Start();

        var made = await dps.Put("/enrollmentGroups/g-1", References("g-1"));
        var again = await dps.Put("/enrollmentGroups/g-1", References("g-1", enabled: false));

        Assert.NotEqual(made.Version, again.Version);
        Assert.Equal("disabled", (string?)(await dps.Call("GET", "/enrollmentgroups/G-1")).Json["provisioningStatus"]);
        Assert.Equal(204, (await dps.Call("DELETE", "/enrollmentGroups/g-1", null, null, ("If-Match", "*"))).Status);
    }

    public static TheoryData<string, string> Malformed() => new()
    {
        { "argument-invalid", "[]" },
        { "argument-invalid", """{"registrationId":"dev-1","registrationId":"dev-1"}""" },
        { "argument-invalid", """{"registrationId":1}""" },
        { "registration-mismatch", """{"registrationId":"dev-2","attestation":{"type":"symmetricKey"}}""" },
        { "attestation-shape", "{}" },
        { "attestation-shape", """{"attestation":{"type":"none"}}""" },
        { "attestation-shape", """{"attestation":{"type":"x509","x509":{}}}""" },
        { "attestation-shape", """{"attestation":{"type":"x509","x509":{"clientCertificates":{}}}}""" },
        { "attestation-shape", """{"attestation":{"type":"x509","x509":{"caReferences":{"primary":"devices"}}}}""" }, // groups only
        { "attestation-shape", """{"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{}},"caReferences":{"primary":"devices"}}}}""" },
        { "attestation-certificate", """{"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{}}}}}""" },
        { "attestation-certificate", """{"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"AAAA"}}}}}""" },
        { "attestation-certificate", """{"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"-----BEGIN CERTIFICATE-----\n!"}}}}}""" },
        { "attestation-certificate", """{"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"sha256Thumbprint":"00"}}}}}}""" },
        { "attestation-key", """{"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"dG9vIHNob3J0"}}}""" },
        { "attestation-key", """{"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"not base64 at all, is it?"}}}""" },
        { "attestation-key", """{"attestation":{"type":"tpm","tpm":{}}}""" },
        { "enrollment-shape", """{"attestation":{"type":"symmetricKey"},"provisioningStatus":"maybe"}""" },
        { "enrollment-shape", """{"attestation":{"type":"symmetricKey"},"reprovisionPolicy":{"migrateDeviceData":"yes"}}""" },
        { "enrollment-shape", """{"attestation":{"type":"symmetricKey"},"initialTwin":7}""" },
        { "enrollment-device", """{"attestation":{"type":"symmetricKey"},"deviceId":"a/b"}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"dice"}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"static"}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"static","iotHubs":["hub-a.azure-devices.net","hub-b.azure-devices.net"]}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"iotHubs":[7]}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"custom"}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://x/"}}""" },
        { "enrollment-allocation", """{"attestation":{"type":"symmetricKey"},"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"http://x/","apiVersion":"2021-10-01"}}""" },
        { "enrollment-hub", """{"attestation":{"type":"symmetricKey"},"iotHubs":["hub-c.azure-devices.net"]}""" },
        { "twin-member", """{"attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"a.b":1}}}""" },
        { "twin-depth", """{"attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}""" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task An_enrolment_is_refused_for(string fault, string body)
    {
        await using var dps = await ProvisioningFixture.Start();

        (await dps.Call("PUT", "/enrollments/dev-1", body)).IsError(400004);

        Assert.Equal((fault, 1), (fault, dps.Count("rest.refused", fault)));
        (await dps.Call("GET", "/enrollments/dev-1")).IsError(404201);
    }

    [Theory]
    [InlineData("dev.")]
    [InlineData("dev%20one")]
    [InlineData("d%C3%A4v")]
    [InlineData("dev:")]
    [InlineData("a%2Fb")]
    public async Task Ids_have_letters_digits_and_four_more_characters_and_end_well(string id)
    {
        await using var dps = await ProvisioningFixture.Start();

        (await dps.Call("PUT", "/enrollments/" + id, """{"attestation":{"type":"symmetricKey"}}""")).IsError(400004);

        Assert.Equal(1, dps.Count("rest.refused", "registration-id"));
    }

    [Fact]
    public async Task An_id_has_128_characters_at_most_and_may_have_every_allowed_one()
    {
        await using var dps = await ProvisioningFixture.Start();
        const string Body = """{"attestation":{"type":"symmetricKey"}}""";

        Assert.Equal(200, (await dps.Call("PUT", "/enrollments/" + new string('a', 128), Body)).Status);
        (await dps.Call("PUT", "/enrollments/" + new string('a', 129), Body)).IsError(400004);
        Assert.Equal(200, (await dps.Call("PUT", "/enrollments/A-b.c_d%3A9-", Body)).Status);
        Assert.Equal("A-b.c_d:9-", (string?)(await dps.Call("GET", "/enrollments/a-B.C_D:9-")).Json["registrationId"]);
    }

    [Fact]
    public async Task Groups_take_cas_and_verified_references_only()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("no-ca");
        async Task Refused(string fault, JsonObject body)
        {
            (await dps.Call("PUT", "/enrollmentGroups/g-1", body.ToJsonString())).IsError(400004);
            Assert.Equal((fault, 1), (fault, dps.Count("rest.refused", fault)));
        }

        await Refused("attestation-certificate", Signers("g-1", leaf));
        await Refused("enrollment-authority", References("g-1", "nobody"));
        await Refused("enrollment-device", References("g-1", more: new JsonObject { ["deviceId"] = "one-for-all" }));
        await Refused("attestation-shape", References("g-1", more: new JsonObject { ["attestation"] = JsonNode.Parse("""{"type":"tpm","tpm":{"endorsementKey":"AAAA"}}""") }));
    }

    [Fact]
    public async Task A_body_must_be_json_of_bounded_size()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var text = new HttpRequestMessage(HttpMethod.Put, "/enrollments/dev-1?api-version=2021-10-01") { Content = new StringContent("{}") };
        text.Headers.TryAddWithoutValidation("Authorization", dps.Service.SignPolicyToken(TimeSpan.FromMinutes(1)));
        using var answer = await dps.Http.SendAsync(text, Cancel);
        (await ServiceAnswer.Read(answer)).IsError(415001);
        Assert.Equal(1, dps.Count("rest.refused", "body-type"));

        (await dps.Call("PUT", "/enrollments/dev-1", "{\"x\":\"" + new string('x', 1_100_000) + "\"}")).IsError(413001);
        Assert.Equal(1, dps.Count("rest.refused", "body-size"));
        var twin = new JsonObject { ["registrationId"] = "dev-1", ["attestation"] = new JsonObject { ["type"] = "symmetricKey" }, ["initialTwin"] = new JsonObject { ["tags"] = new JsonObject() } };
        for (var i = 0; i < 3; i++) twin["initialTwin"]!["tags"]![$"t{i}"] = new string('x', 3000);
        (await dps.Call("PUT", "/enrollments/dev-1", twin.ToJsonString())).IsError(400004);
        Assert.Equal(1, dps.Count("rest.refused", "twin-size"));
    }

    [Fact]
    public async Task A_bulk_does_each_of_at_most_ten_by_itself()
    {
        await using var dps = await ProvisioningFixture.Start();
        JsonObject Entry(int i, string? etag = null) => new() { ["registrationId"] = $"dev-{i}", ["etag"] = etag, ["attestation"] = new JsonObject { ["type"] = "symmetricKey" } };
        async Task<ServiceAnswer> Bulk(string mode, params JsonObject[] entries) =>
            await dps.Call("POST", "/enrollments", new JsonObject { ["mode"] = mode, ["enrollments"] = new JsonArray([.. entries]) }.ToJsonString());
        string Failed(ServiceAnswer answer) => string.Join(' ', answer.Json["errors"]!.AsArray().Select(error => $"{error!["registrationId"]}:{error["errorCode"]}"));

        var made = await Bulk("create", [.. Enumerable.Range(0, 10).Select(i => Entry(i))]);
        Assert.Equal((200, true, ""), (made.Status, (bool)made.Json["isSuccessful"]!, Failed(made)));
        (await Bulk("create", [.. Enumerable.Range(0, 11).Select(i => Entry(i + 20))])).IsError(400013); // "bulk-size"
        var again = await Bulk("create", Entry(9), Entry(10));
        Assert.Equal((200, false, "dev-9:409201"), (again.Status, (bool)again.Json["isSuccessful"]!, Failed(again)));
        Assert.Equal(1, dps.Count("bulk.refused", "enrollment-exists"));
        Assert.Equal("dev-11:404201", Failed(await Bulk("update", Entry(10), Entry(11))));
        var version = (await dps.Call("GET", "/enrollments/dev-1")).Version;
        Assert.Equal("dev-2:412001 dev-3:412001", Failed(await Bulk("updateIfMatchETag", Entry(1, version), Entry(2, "\"0\""), Entry(3))));
        Assert.Equal("dev-1:404201", Failed(await Bulk("delete", [.. Enumerable.Range(0, 9).Select(i => Entry(i)), Entry(1)])));
        Assert.Equal(400, (await Bulk("createOrUpdate", Entry(0))).Status); // "bulk-mode"
        Assert.Equal(400, (await Bulk("create")).Status);
        Assert.Equal((1, 1), (dps.Count("rest.refused", "bulk-mode"), dps.Count("rest.refused", "bulk-size")));
        Assert.Equal(["dev-10", "dev-9"], (await dps.Call("POST", "/enrollments/query", """{"query":"*"}""")).Json.AsArray().Select(one => (string)one!["registrationId"]!));
    }

    [Fact]
    public async Task Queries_go_page_by_page_while_entries_come_and_go()
    {
        await using var dps = await ProvisioningFixture.Start();
        for (var i = 0; i < 5; i++) await dps.Put($"/enrollments/dev-{i}", new JsonObject { ["registrationId"] = $"dev-{i}", ["attestation"] = new JsonObject { ["type"] = "symmetricKey" } });
        const string Query = """{"query":"SELECT * FROM enrollments"}""";

        var first = await dps.Call("POST", "/enrollments/query", Query, null, ("x-ms-max-item-count", "2"));
        await dps.Call("DELETE", "/enrollments/dev-1");
        var second = await dps.Call("POST", "/enrollments/query", Query, null, ("x-ms-max-item-count", "2"), ("x-ms-continuation", first.Continuation!));
        var third = await dps.Call("POST", "/enrollments/query", Query, null, ("x-ms-max-item-count", "2"), ("x-ms-continuation", second.Continuation!));

        Assert.Equal(
            ["dev-0", "dev-1", "dev-2", "dev-3", "dev-4"],
            new[] { first, second, third }.SelectMany(page => page.Json.AsArray()).Select(one => (string)one!["registrationId"]!));
        Assert.Equal((null, "Enrollment"), (third.Continuation, third.ItemType));
        foreach (var query in new[] { "SELECT * FROM enrollmentGroups", "SELECT id FROM enrollments", "SELECT * FROM enrollments WHERE a = 1", "" })
        {
            (await dps.Call("POST", "/enrollments/query", new JsonObject { ["query"] = query }.ToJsonString())).IsError(400004);
        }

        Assert.Equal(4, dps.Count("rest.refused", "query-syntax"));
        (await dps.Call("POST", "/enrollments/query", Query, null, ("x-ms-max-item-count", "0"))).IsError(400004);
        (await dps.Call("POST", "/enrollments/query", Query, null, ("x-ms-continuation", "?"))).IsError(400004);
    }

    [Fact]
    public async Task Registration_records_are_read_listed_by_group_and_deleted_by_version()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var one = DeviceCa.IssueDevice("sensor-1");
        using var two = DeviceCa.IssueDevice("sensor-2");
        using var alone = await dps.Enroll("pump-1");
        await dps.Put("/enrollmentGroups/all", References("all"));
        await dps.Admit("sensor-1", one);
        await dps.Admit("sensor-2", two);
        await dps.Admit("pump-1", alone);

        var list = await dps.Call("POST", "/registrations/all/query", """{"query":"*"}""");
        Assert.Equal(["sensor-1", "sensor-2"], list.Json.AsArray().Select(state => (string)state!["registrationId"]!));
        Assert.Equal("DeviceRegistration", list.ItemType);
        var record = await dps.Call("GET", "/registrations/SENSOR-1");
        Assert.Equal(("assigned", "initialAssignment", record.Version), ((string?)record.Json["status"], (string?)record.Json["substatus"], record.ETag));
        Assert.Equal("pump-1", (string?)(await dps.Call("GET", "/enrollments/pump-1")).Json["registrationState"]!["deviceId"]);

        (await dps.Call("DELETE", "/registrations/sensor-1", null, null, ("If-Match", "0"))).IsError(412001);
        Assert.Equal(204, (await dps.Call("DELETE", "/registrations/sensor-1", null, null, ("If-Match", record.Version))).Status);
        (await dps.Call("GET", "/registrations/sensor-1")).IsError(404202);
        (await dps.Call("DELETE", "/registrations/sensor-1")).IsError(404202);
        Assert.Single(dps.Homes("sensor-1")); // DPS forgets, the hub does not

        await dps.Call("DELETE", "/enrollments/pump-1");
        (await dps.Call("GET", "/registrations/pump-1")).IsError(404202);
        await dps.Call("DELETE", "/enrollmentGroups/all");
        Assert.Equal(200, (await dps.Call("GET", "/registrations/sensor-2")).Status); // those of a group stay
    }

    [Fact]
    public async Task A_service_takes_a_hundred_groups_of_each_kind_and_as_many_records_as_it_may_have()
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { RecordsMax = 1 });
        for (var i = 0; i < 100; i++) await dps.Put($"/enrollmentGroups/x-{i}", References($"x-{i}"));
        (await dps.Call("PUT", "/enrollmentGroups/x-100", References("x-100").ToJsonString())).IsError(403002);
        Assert.Equal(200, (await dps.Call("PUT", "/enrollmentGroups/k-1", """{"attestation":{"type":"symmetricKey"}}""")).Status);

        using var first = await dps.Enroll("dev-1");
        (await dps.Call("PUT", "/enrollments/dev-2", """{"attestation":{"type":"symmetricKey"}}""")).IsError(403002);
        Assert.Equal(2, dps.Count("rest.refused", "enrollments-full"));
        await dps.Admit("dev-1", first);
        using var second = DeviceCa.IssueDevice("dev-2");
        Assert.Equal(("403", 403002), ((await dps.Register("dev-2", second)).Refused!.Stage, (await dps.Register("dev-2", second)).Refused!.ErrorCode));
        Assert.Equal(2, dps.Count("registrations.refused", "registrations-full"));
        await dps.Admit("dev-1", first); // who has a record, keeps it
    }
}
