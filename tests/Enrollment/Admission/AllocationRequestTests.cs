using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Devices;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class AllocationRequestTests
{
    private static readonly System.Security.Cryptography.X509Certificates.X509Certificate2 Leaf = Pki.Leaf("pump-1").Make();
    private static readonly string Thumbprint = Convert.ToHexStringLower(SHA256.HashData(Leaf.RawData));

    /// <summary>The request as DPS documents it, with what it masks and leaves out.</summary>
    public static JsonObject Individual() => JsonNode.Parse($$"""
        {
          "individualEnrollment": {
            "registrationId": "pump-1", "etag": "\"1\"", "provisioningStatus": "enabled", "allocationPolicy": "custom", "iotHubs": [],
            "attestation": { "type": "x509", "x509": { "clientCertificates": { "primary": { "info": { "subjectName": "CN=pump-1", "sha256Thumbprint": "{{Thumbprint.ToUpperInvariant()}}" } } } } },
            "customAllocationDefinition": { "webhookUrl": "https://app/api/allocate?****", "apiVersion": "2021-10-01" },
            "initialTwin": { "tags": { "model": "pump", "owner": "acme" }, "properties": { "desired": {} } },
            "reprovisionPolicy": { "updateHubAssignment": true, "migrateDeviceData": true }
          },
          "deviceRuntimeContext": {
            "registrationId": "pump-1", "currentIotHubHostName": "hub-a.azure-devices.net", "currentDeviceId": "pump-1",
            "x509": { "clientCertificates": { "primary": { "info": { "sha256Thumbprint": "{{Thumbprint.ToUpperInvariant()}}" } } } },
            "payload": { "model": "pump", "anything": [1] }
          },
          "linkedHubs": [ "hub-a.azure-devices.net", "hub-b.azure-devices.net" ]
        }
        """)!.AsObject();

    [Fact]
    public void The_published_request_is_understood()
    {
        var asked = Read(Individual());
        Assert.Equal(
            new AllocationRequest
            {
                Id = DeviceId.From("pump-1"),
                Presented = new Presented(KeyKind.X509, Thumbprint, null),
                Enrolled = [Thumbprint],
                Ours = true,
                EnrolledModel = "pump",
                ClaimedModel = "pump",
                CurrentHub = "hub-a.azure-devices.net",
                LinkedHubs = ["hub-a.azure-devices.net", "hub-b.azure-devices.net"],
            },
            asked);
    }

    [Fact]
    public void A_certificate_sent_along_counts_only_if_it_is_the_one_dps_verified()
    {
        var request = Individual();
        request["deviceRuntimeContext"]!["payload"]!["certificate"] = Convert.ToBase64String(Leaf.RawData);
        Assert.Equal(Pki.Thumbprint("key of pump-1"), Read(request).Presented.Key?.Thumbprint);
        request["deviceRuntimeContext"]!["payload"]!["certificate"] = Convert.ToBase64String(Pki.Leaf("pump-1").Make().RawData);
        Refused("certificate-claim", request);
        request["deviceRuntimeContext"]!["payload"]!["certificate"] = "nonsense";
        Refused("certificate-claim", request);
        request["deviceRuntimeContext"]!["x509"] = new JsonObject(); // nothing to hold it against: passed over
        Assert.Null(Read(request).Presented.Key);
        request["deviceRuntimeContext"]!["x509"] = new JsonObject { ["clientCertificates"] = new JsonObject { ["primary"] = new JsonObject { ["certificate"] = Leaf.ExportCertificatePem() } } };
        Assert.Equal(Thumbprint, Read(request).Presented.Key?.CertificateThumbprint);
    }

    public static TheoryData<string, string> Malformed() => new()
    {
        { "individualEnrollment", "allocation-ambiguous" },
        { "deviceRuntimeContext", "allocation-malformed" },
        { "deviceRuntimeContext.registrationId", "device-id-length" },
        { "deviceRuntimeContext.x509", "allocation-ambiguous" },
        { "individualEnrollment.registrationId", "allocation-ambiguous" },
        { "linkedHubs", "allocation-malformed" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_request_with_something_missing_is_refused(string path, string fault)
    {
        var request = Individual();
        var parts = path.Split('.');
        var parent = parts.Length == 1 ? request : request[parts[0]]!.AsObject();
        parent.Remove(parts[^1]);
        Refused(fault, request);
    }

    [Fact]
    public void Two_answers_to_one_question_are_ambiguous()
    {
        Refused("allocation-ambiguous", Change(request => request["enrollmentGroup"] = new JsonObject { ["enrollmentGroupId"] = "g" }));
        Refused("allocation-ambiguous", Change(request => request["deviceRuntimeContext"]!["symmetricKey"] = new JsonObject()));
        Refused("allocation-ambiguous", Change(request => request["individualEnrollment"]!["registrationId"] = "pump-2"));
        Refused("allocation-ambiguous", Change(request => request["individualEnrollment"]!["registrationId"] = "PUMP-1"));
        Refused("device-id-case", Change(request => request["deviceRuntimeContext"]!["registrationId"] = "PUMP-1"));
        Refused("model-name", Change(request => request["deviceRuntimeContext"]!["payload"]!["model"] = "../pump"));
        Refused("allocation-malformed", Change(request => request["linkedHubs"] = new JsonArray()));
        Refused("allocation-malformed", Change(request => request["linkedHubs"] = new JsonArray([.. Enumerable.Range(0, 51).Select(hub => (JsonNode)$"hub-{hub}")])));
        Assert.Equal(50, Read(Change(request => request["linkedHubs"] = new JsonArray([.. Enumerable.Range(0, 50).Select(hub => (JsonNode)$"hub-{hub}")]))).LinkedHubs.Length);
        Assert.Equal("allocation-malformed", Parse(Individual().ToJsonString().Replace("\"linkedHubs\"", "\"linkedHubs\":[],\"linkedHubs\"", StringComparison.Ordinal)).Fault?.Code);
    }

    [Fact]
    public void Only_an_enabled_enrolment_that_asks_us_is_ours()
    {
        Assert.False(Read(Change(request => request["individualEnrollment"]!["allocationPolicy"] = "hashed")).Ours);
        Assert.False(Read(Change(request => request["individualEnrollment"]!["provisioningStatus"] = "disabled")).Ours);
        Assert.True(Read(Change(request => request["individualEnrollment"]!.AsObject().Remove("provisioningStatus"))).Ours);
    }

    [Fact]
    public void Groups_tpms_and_shared_keys_are_told_apart()
    {
        var group = Change(request =>
        {
            request.Remove("individualEnrollment");
            request["enrollmentGroup"] = new JsonObject { ["enrollmentGroupId"] = "line-1", ["allocationPolicy"] = "custom" };
        });
        Assert.Equal(("line-1", 0), (Read(group).Group, Read(group).Enrolled.Length));
        group["enrollmentGroup"]!["enrollmentGroupId"] = "Line 1";
        Refused("allocation-malformed", group);
        var shared = Change(request => Proof(request, "symmetricKey", []));
        Assert.Equal(KeyKind.SymmetricKey, Read(shared).Presented.Kind);
        var tpm = Change(request => Proof(request, "tpm", new JsonObject { ["endorsementKey"] = Convert.ToBase64String([1, 2, 3]) }));
        Assert.Equal(KeyThumbprint.Of([1, 2, 3]), Read(tpm).Presented.Key?.Thumbprint);
        Refused("allocation-malformed", Change(request => Proof(request, "tpm", [])));
    }

    [Fact]
    public void A_request_has_at_most_128_KB()
    {
        var json = Individual().ToJsonString();
        Assert.Null(Parse(json.PadRight(128 * 1024)).Fault);
        Assert.Equal("allocation-malformed", Parse(json.PadRight(128 * 1024 + 1)).Fault?.Code);
    }

    [Fact]
    public void Hostile_bytes_are_refused_and_never_thrown_at_us()
    {
        var good = Encoding.UTF8.GetBytes(Individual().ToJsonString());
        var accepted = 0;
        var mangled = from at in Gen.Choose(0, good.Length - 1) from value in Gen.Choose(0, 255) from cut in Gen.Choose(0, 5) select (at, (byte)value, cut);
        Prop.ForAll(Arb.From(mangled), change =>
        {
            var bytes = (byte[])good.Clone();
            bytes[change.at] = change.Item2;
            var parsed = AllocationRequest.Parse(change.cut == 0 ? bytes.AsMemory(0, change.at) : bytes);
            if (parsed.Fault is null) accepted++;
            return parsed.Fault is null || parsed.Fault.Code.Length > 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
        Assert.True(accepted > 500);
    }

    private static void Proof(JsonObject request, string kind, JsonObject proof)
    {
        var context = request["deviceRuntimeContext"]!.AsObject();
        context.Remove("x509");
        context[kind] = proof;
    }

    private static JsonObject Change(Action<JsonObject> change)
    {
        var request = Individual();
        change(request);
        return request;
    }

    private static AllocationRequest Read(JsonObject request) => Parse(request.ToJsonString()).TryGet(out var read, out var fault) ? read : throw new InvalidOperationException(fault.ToString());

    private static void Refused(string code, JsonObject request) => Assert.Equal(code, Parse(request.ToJsonString()).Fault?.Code);

    private static Faults.Parsed<AllocationRequest> Parse(string json) => AllocationRequest.Parse(Encoding.UTF8.GetBytes(json));
}
