using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The enrolment parser against documents of the right words in wrong places.</summary>
public sealed class EnrollmentBodyTests
{
    private static readonly string[] Names =
    [
        "registrationId", "enrollmentGroupId", "attestation", "type", "symmetricKey", "primaryKey", "secondaryKey", "x509", "clientCertificates", "signingCertificates", "caReferences",
        "primary", "secondary", "certificate", "info", "tpm", "endorsementKey", "allocationPolicy", "customAllocationDefinition", "webhookUrl", "apiVersion", "iotHubs",
        "iotHubHostName", "initialTwin", "tags", "properties", "desired", "reprovisionPolicy", "updateHubAssignment", "provisioningStatus", "deviceId", "capabilities", "iotEdge",
    ];

    private static readonly string[] Words =
        ["dev-1", "dev.", "symmetricKey", "x509", "tpm", "none", "custom", "static", "hashed", "enabled", "disabled", "https://h/a?code=k", "http://h/", "2021-10-01", "hub-a.azure-devices.net", "AAAA", ""];

    [Fact]
    public void No_document_throws_and_what_is_accepted_reads_the_same_after_it_was_written()
    {
        var accepted = 0;
        // A frame that is accepted as it stands, and anything over it.
        Prop.ForAll(Node(3).ToArbitrary(), over =>
        {
            var body = JsonNode.Parse("""{"registrationId":"dev-1","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"AAAAAAAAAAAAAAAAAAAAAAAA"}}}""")!.AsObject();
            foreach (var (name, value) in over as JsonObject ?? []) body[name] = value?.DeepClone();
            foreach (var kind in Enum.GetValues<EnrollmentKind>())
            {
                if (!EnrollmentBody.Parse(body, kind, null).TryGet(out var enrollment, out _)) continue;
                Interlocked.Increment(ref accepted);
                if (enrollment.Webhook is not null) continue; // its URL is masked, so it is not read back
                var written = EnrollmentBody.Document(enrollment);
                if (!EnrollmentBody.Parse(written, kind, enrollment).TryGet(out var again, out _) || EnrollmentBody.Document(again).ToJsonString() != written.ToJsonString()) return false;
            }

            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true));
        Assert.InRange(accepted, 100, int.MaxValue);
    }

    private static Gen<JsonNode?> Node(int depth)
    {
        Gen<JsonNode?>[] leaves =
        [
            Gen.Elements(Words).Select(word => (JsonNode?)JsonValue.Create(word)),
            Gen.Elements(true, false).Select(flag => (JsonNode?)JsonValue.Create(flag)),
            Gen.Constant((JsonNode?)null),
            Gen.Choose(-1, 9).Select(number => (JsonNode?)JsonValue.Create(number)),
        ];
        if (depth == 0) return Gen.OneOf(leaves);
        var members = Gen.Zip(Gen.Elements(Names), Node(depth - 1)).ListOf();
        var items = Node(depth - 1).ListOf();
        return Gen.Frequency(
            (1, Gen.OneOf(leaves)),
            (3, members.Select(list => (JsonNode?)new JsonObject(list.DistinctBy(pair => pair.Item1).Select(pair => KeyValuePair.Create(pair.Item1, pair.Item2?.DeepClone()))))),
            (1, items.Select(list => (JsonNode?)new JsonArray([.. list.Select(item => item?.DeepClone())]))));
    }
}
