using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>The enrolment JSON of the service API. Members that only the service sets (etag, times, registrationState) are read over: SDKs
/// send back what they got.</summary>
internal static class EnrollmentBody
{
    private static readonly (string Name, AllocationPolicy Policy)[] Policies =
        [("hashed", AllocationPolicy.Hashed), ("geoLatency", AllocationPolicy.GeoLatency), ("static", AllocationPolicy.Static), ("custom", AllocationPolicy.Custom)];

    /// <summary>The member that names an enrolment.</summary>
    public static string IdMember(EnrollmentKind kind) => kind == EnrollmentKind.Individual ? "registrationId" : "enrollmentGroupId";

    /// <summary>Reads an enrolment.</summary>
    /// <param name="body">Untrusted.</param>
    /// <param name="kind">By path.</param>
    /// <param name="before">The enrolment under this id, or null.</param>
    /// <returns>The enrolment asked for, or <c>registration-id</c>, <c>enrollment-shape</c>, <c>enrollment-allocation</c>,
    /// <c>enrollment-device</c> and those of <see cref="AttestationBody.Parse"/>. Hubs and CAs are checked against the service by the store.</returns>
    public static Parsed<Enrollment> Parse(JsonObject body, EnrollmentKind kind, Enrollment? before)
    {
        var shape = new Fault("enrollment-shape", "enrollment");
        if (!body.TryText(IdMember(kind), out var name)) return shape;
        if (!RegistrationName.Parse(name).TryGet(out var id, out var fault)) return fault;
        if (!body.TryObject("attestation", out var proof) || proof is null) return new Fault("attestation-shape", "attestation");
        if (!AttestationBody.Parse(proof, kind, before?.Attestation).TryGet(out var attestation, out fault)) return fault;
        if (!body.TryText("provisioningStatus", out var status) || status is not (null or "enabled" or "disabled")) return shape;
        if (!body.TryText("deviceId", out var deviceId)) return shape;
        deviceId = string.IsNullOrEmpty(deviceId) ? null : deviceId;
        if (deviceId is not null && (kind == EnrollmentKind.Group || DeviceName.Parse(deviceId).Fault is not null)) return new Fault("enrollment-device", "deviceId");
        if (!body.TryObject("capabilities", out var capabilities) || !body.TryObject("optionalDeviceInformation", out var information)) return shape;
        if (!Twin(body).TryGet(out var twin, out fault)) return fault;
        if (!Reprovision(body).TryGet(out var reprovision, out fault)) return fault;
        if (!Allocation(body).TryGet(out var allocation, out fault)) return fault;
        return new Enrollment(
            kind, id, attestation, status != "disabled", deviceId, allocation.Policy, allocation.Hubs, allocation.Webhook,
            twin.Tags is null && twin.Desired is null ? null : twin, reprovision,
            capabilities?["iotEdge"] is { } edge && edge.GetValueKind() == JsonValueKind.True, (JsonObject?)information?.DeepClone());
    }

    /// <summary>Writes an enrolment: no key, no certificate, no webhook secret.</summary>
    /// <param name="enrollment">What.</param>
    /// <param name="registration">Of an individual enrolment, what became of it; or null.</param>
    public static JsonObject Document(Enrollment enrollment, JsonObject? registration = null)
    {
        var document = new JsonObject
        {
            [IdMember(enrollment.Kind)] = enrollment.Id,
            ["attestation"] = AttestationBody.Document(enrollment.Attestation, withSecrets: false),
            ["capabilities"] = new JsonObject { ["iotEdge"] = enrollment.IotEdge },
            ["etag"] = $"\"{enrollment.ETag}\"",
            ["provisioningStatus"] = enrollment.Enabled ? "enabled" : "disabled",
            ["reprovisionPolicy"] = new JsonObject
            {
                ["updateHubAssignment"] = enrollment.Reprovision.UpdateHubAssignment,
                ["migrateDeviceData"] = enrollment.Reprovision.MigrateDeviceData,
            },
            ["createdDateTimeUtc"] = HubTime.Text(enrollment.CreatedAt),
            ["lastUpdatedDateTimeUtc"] = HubTime.Text(enrollment.UpdatedAt),
            ["allocationPolicy"] = Policies.Single(known => known.Policy == enrollment.Policy).Name,
        };
        if (enrollment.DeviceId is not null) document["deviceId"] = enrollment.DeviceId;
        if (enrollment.Hubs.Count > 0) document["iotHubs"] = new JsonArray([.. enrollment.Hubs.Select(hub => (JsonNode)hub)]);
        if (enrollment.Policy == AllocationPolicy.Static) document["iotHubHostName"] = enrollment.Hubs[0];
        if (enrollment.Webhook is { } webhook) document["customAllocationDefinition"] = new JsonObject { ["webhookUrl"] = webhook.Masked, ["apiVersion"] = webhook.ApiVersion };
        if (enrollment.Twin is { } twin) document["initialTwin"] = twin.Document();
        if (enrollment.Information is { } information) document["optionalDeviceInformation"] = information.DeepClone();
        if (registration is not null) document["registrationState"] = registration;
        return document;
    }

    private static Parsed<InitialTwin> Twin(JsonObject body) =>
        body.TryObject("initialTwin", out var twin)
            ? TwinsApi.Sections(twin ?? []).Then<InitialTwin>(sections => new InitialTwin((JsonObject?)sections.Tags?.DeepClone(), (JsonObject?)sections.Desired?.DeepClone()))
            : new Fault("enrollment-shape", "initialTwin");

    // Absent: what the service gives a new enrolment, both.
    private static Parsed<ReprovisionPolicy> Reprovision(JsonObject body)
    {
        var shape = new Fault("enrollment-shape", "reprovisionPolicy");
        if (!body.TryObject("reprovisionPolicy", out var policy)) return shape;
        return Flag("updateHubAssignment") is { } update && Flag("migrateDeviceData") is { } migrate ? new ReprovisionPolicy(update, migrate) : shape;

        bool? Flag(string name) => policy?[name] is not { } value ? true : value.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };
    }

    private static Parsed<Chosen> Allocation(JsonObject body)
    {
        var fault = new Fault("enrollment-allocation", "allocationPolicy");
        if (!body.TryText("allocationPolicy", out var name) || !body.TryText("iotHubHostName", out var single)) return fault;
        // A host name alone is the older way to say static.
        var known = Policies.FirstOrDefault(policy => policy.Name == (name ?? (string.IsNullOrEmpty(single) ? "hashed" : "static")));
        if (known.Name is null) return fault;
        if (body["iotHubs"] is not (null or JsonArray) || !TryHubs(body["iotHubs"] as JsonArray, out var hubs)) return new Fault("enrollment-allocation", "iotHubs");
        if (known.Policy == AllocationPolicy.Static && hubs.Count == 0 && !string.IsNullOrEmpty(single)) hubs = [single];
        if (known.Policy == AllocationPolicy.Static && hubs.Count != 1) return new Fault("enrollment-allocation", "iotHubs");
        if (!body.TryObject("customAllocationDefinition", out var definition)) return new Fault("enrollment-allocation", "customAllocationDefinition");
        if (known.Policy != AllocationPolicy.Custom) return new Chosen(known.Policy, hubs, null);
        if (definition is null || !definition.TryText("webhookUrl", out var url) || !definition.TryText("apiVersion", out var version)
            || string.IsNullOrEmpty(version) || !Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttps)
        {
            return new Fault("enrollment-allocation", "customAllocationDefinition");
        }

        return new Chosen(known.Policy, hubs, new Webhook(address, version));
    }

    private static bool TryHubs(JsonArray? names, out IReadOnlyList<string> hubs)
    {
        hubs = [];
        if (names is null) return true;
        if (names.Any(name => name?.GetValueKind() != JsonValueKind.String)) return false;
        hubs = [.. names.Select(name => name!.GetValue<string>()).Distinct(StringComparer.OrdinalIgnoreCase)];
        return true;
    }

    private sealed record Chosen(AllocationPolicy Policy, IReadOnlyList<string> Hubs, Webhook? Webhook);
}
