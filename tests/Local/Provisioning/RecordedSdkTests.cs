using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.Tests.IotHub;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Every request that Microsoft's Node SDKs sent to DPS when they were recorded (tests/vectors/recorded-sdk and dps-device-sdk), in order.</summary>
/// <remarks>Only requests are evidence: the recorded answers came from a stand-in. So versions in them match nothing here, which is why
/// some are refused.</remarks>
public sealed class RecordedSdkTests
{
    private const string Version = "2021-10-01";

    // What is not 200: versions of the stand-in, unknown ids, entries deleted by an earlier request, registrations nobody made, deletions.
    // ("tok-2" of 086 was the stand-in's token, not ours.)
    private static readonly Dictionary<string, int> Unusual = Read(
        "033:412 034:404 037:412 046:404 048:404 049:404 050:404 051:412 052:204 069:412 070:404 073:412 074:412 075:412 076:204 082:404 086:400");

    // Bulk requests with one element that fails: it exists, its version is another.
    private static readonly Dictionary<string, int> FailedBulks = Read("038:409201 040:412001");

    [Theory]
    [InlineData("-dps-sas-", 26)]
    [InlineData("-dps-aad-", 11)]
    public async Task Each_recorded_request_is_understood_and_answered_in_the_services_shape(string kind, int expected)
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { HostName = "dps1.azure-devices-provisioning.net" }, hubNames: "hub1.azure-devices.net");
        var count = 0;

        foreach (var (number, request) in SdkRecording.All("recorded-sdk", kind, Version))
        {
            var authorization = request.IsBearer ? "Bearer " + HubTenant.Tokens.Issue(Contributor, Audiences.Provisioning).Token : dps.Service.SignPolicyToken(TimeSpan.FromMinutes(5));
            var answer = await dps.Call(request.Verb, request.Path, request.Body, null, [("Authorization", authorization), .. request.Kept]);
            Assert.Equal((number, Unusual.GetValueOrDefault(number, 200)), (number, answer.Status));
            CheckShape(number, request, answer);
            count++;
        }

        Assert.Equal(expected, count);
    }

    [Fact]
    public async Task The_recorded_device_registers_and_polls()
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { IdScope = "0ne000TEST1" });
        using var leaf = await dps.Enroll("dev-x1");
        var device = new HttpDevice(dps, "dev-x1") { Leaf = leaf };
        var requests = SdkRecording.All("dps-device-sdk", "-dps-device-http", "2019-03-31").ToArray();
        string? operation = null;
        Assert.Equal(["077", "078", "079"], requests.Select(item => item.Number));

        foreach (var (number, request) in requests)
        {
            var path = operation is null ? request.Path : request.Path[..(request.Path.LastIndexOf('/') + 1)] + operation;
            var answer = await device.Send(request.Verb, path, request.Body);
            operation ??= (string?)answer.Json["operationId"];
            Assert.InRange(answer.Status, 200, 202);
            Assert.Equal(answer.Status == 202 ? "assigning" : "assigned", (string?)answer.Json["status"]);
            if (number == "077") await Eventually.Holds(() => dps.Service.Counters["registrations.assigned"] == 1);
            else Assert.Equal(("dev-x1", "assigned"), ((string?)answer.Json["registrationState"]!["deviceId"], (string?)answer.Json["registrationState"]!["status"]));
        }
    }

    private static Dictionary<string, int> Read(string pairs) => pairs.Split(' ').Select(pair => pair.Split(':'))
        .ToDictionary(pair => pair[0], pair => int.Parse(pair[1], System.Globalization.CultureInfo.InvariantCulture), StringComparer.Ordinal);

    private static void CheckShape(string number, SdkRecording request, ServiceAnswer answer)
    {
        var parts = request.Path.Trim('/').Split('/');
        switch (request.Verb, parts)
        {
            case var _ when answer.Status >= 400:
                answer.IsError((int)answer.Json["errorCode"]!);
                break;
            case ("DELETE", _):
                Assert.Null(answer.Body);
                break;
            case ("POST", [_]):
                Assert.Equal((number, !FailedBulks.ContainsKey(number)), (number, (bool)answer.Json["isSuccessful"]!));
                Assert.Equal(FailedBulks.TryGetValue(number, out var code) ? [code] : [], answer.Json["errors"]!.AsArray().Select(error => (int)error!["errorCode"]!));
                break;
            case ("POST", [.., "query"]):
                Assert.Equal(parts[0] == "registrations" ? "DeviceRegistration" : "Enrollment", answer.ItemType);
                Assert.All(answer.Json.AsArray(), one => CheckEntry(one!, parts[0]));
                break;
            case ("POST", [.., "attestationmechanism"]):
                Assert.NotNull(answer.Json["type"]);
                break;
            default:
                CheckEntry(answer.Json, parts[0]);
                Assert.Equal(answer.Version, answer.ETag);
                // What was asked for is what is there: everything but secrets.
                foreach (var (name, value) in request.Body is null ? [] : JsonNode.Parse(request.Body)!.AsObject())
                {
                    if (name is not ("attestation" or "customAllocationDefinition")) Assert.Equal((number, value!.ToJsonString()), (number, answer.Json[name]!.ToJsonString()));
                }

                break;
        }
    }

    private static void CheckEntry(JsonNode entry, string collection)
    {
        foreach (var member in new[]
        {
            collection.Equals("enrollments", StringComparison.OrdinalIgnoreCase) ? "registrationId" : "enrollmentGroupId", "attestation", "etag", "provisioningStatus",
            "reprovisionPolicy", "allocationPolicy", "createdDateTimeUtc", "lastUpdatedDateTimeUtc",
        })
        {
            Assert.NotNull(entry[member]);
        }

        Assert.NotNull(entry["attestation"]!["type"]);
        Assert.Null(entry["attestation"]!["symmetricKey"]);
        Assert.DoesNotContain("code=masked", entry.ToJsonString(), StringComparison.Ordinal);
    }
}
