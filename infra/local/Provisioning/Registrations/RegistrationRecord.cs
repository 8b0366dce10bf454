using System.Text.Json.Nodes;
using Serverless.Local.IotHub;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>Where a device lives.</summary>
/// <param name="HubHostName">Of a linked hub.</param>
/// <param name="DeviceId">Its identity there, case-sensitive.</param>
internal sealed record Assignment(string HubHostName, string DeviceId);

/// <summary>What became of a registration. <see cref="Disabled"/> is an answer only: no record keeps it.</summary>
internal enum RegistrationStatus
{
    Assigning,
    Assigned,
    Failed,
    Disabled,
}

/// <summary>Everything the service knows of one registration id. Every member is read and written under <see cref="Gate"/>.</summary>
internal sealed class RegistrationRecord(string id, DateTimeOffset createdAt, RateBucket polls)
{
    private const int OperationsMax = 4;

    public Lock Gate { get; } = new();

    /// <summary>As the device first spelled it.</summary>
    public string Id { get; } = id;

    public DateTimeOffset CreatedAt { get; } = createdAt;

    /// <summary>The polling quota: one a device, whatever it connects by.</summary>
    public RateBucket Polls { get; } = polls;

    public DateTimeOffset UpdatedAt { get; set; } = createdAt;

    /// <summary>Opaque, without quotes.</summary>
    public string ETag { get; set; } = "";

    public RegistrationStatus Status { get; set; } = RegistrationStatus.Assigning;

    public string? Substatus { get; set; }

    public ProvisioningError? Error { get; set; }

    /// <summary>Stays where a later registration fails: the hub still knows the device.</summary>
    public Assignment? Assigned { get; set; }

    /// <summary>What the webhook had for the device.</summary>
    public JsonNode? Payload { get; set; }

    /// <summary>By what it last proved itself.</summary>
    public Attested? Proof { get; set; }

    /// <summary>The latest operations, newest last: those that can be polled. A device that registers again has a connection that still
    /// asks for the one before.</summary>
    public Queue<Operation> Operations { get; } = new();

    /// <summary>The one under way, or null.</summary>
    public Operation? Running => Operations.FirstOrDefault(operation => !operation.IsOver);

    /// <summary>Set once; a record out of the store stays out for whoever still holds it.</summary>
    public bool Deleted { get; set; }

    /// <summary>The group it belongs to, or null.</summary>
    public string? GroupId => Proof?.Enrollment is { Kind: EnrollmentKind.Group } group ? group.Id : null;

    /// <summary>Begins an operation.</summary>
    public Operation Begin()
    {
        if (Operations.Count == OperationsMax) Operations.Dequeue();
        var operation = new Operation(Id);
        Operations.Enqueue(operation);
        return operation;
    }

    /// <summary><c>registrationState</c>: <c>DeviceRegistrationResult</c> with the attestation's echo.</summary>
    /// <param name="status">The record's own, or of an operation that left no trace.</param>
    public JsonObject Document(RegistrationStatus? status = null)
    {
        var shown = status ?? Status;
        var document = new JsonObject
        {
            ["registrationId"] = Id,
            ["createdDateTimeUtc"] = HubTime.Text(CreatedAt),
            ["status"] = Text(shown),
            ["lastUpdatedDateTimeUtc"] = HubTime.Text(UpdatedAt),
            ["etag"] = $"\"{ETag}\"",
        };
        if (shown == RegistrationStatus.Assigned && Assigned is { } assigned)
        {
            document["assignedHub"] = assigned.HubHostName;
            document["deviceId"] = assigned.DeviceId;
            document["substatus"] = Substatus;
        }

        if (shown == RegistrationStatus.Failed && Error is { } error)
        {
            document["errorCode"] = error.Code;
            document["errorMessage"] = error.Message;
        }

        if (Proof is { } proof) Echo(document, proof);
        if (shown == RegistrationStatus.Assigned && Payload is { } payload) document["payload"] = payload.DeepClone();
        return document;
    }

    /// <summary>A status as the service spells it.</summary>
    public static string Text(RegistrationStatus status) => status switch
    {
        RegistrationStatus.Assigning => "assigning",
        RegistrationStatus.Assigned => "assigned",
        RegistrationStatus.Failed => "failed",
        _ => "disabled",
    };

    private static void Echo(JsonObject document, Attested proof)
    {
        var group = proof.Enrollment.Kind == EnrollmentKind.Group ? proof.Enrollment.Id : null;
        if (proof.Leaf is not { } leaf)
        {
            document["symmetricKey"] = group is null ? [] : new JsonObject { ["enrollmentGroupId"] = group };
            return;
        }

        var x509 = new JsonObject { ["certificateInfo"] = leaf.Info() };
        if (group is not null) x509["enrollmentGroupId"] = group;
        if (proof.Signer is { } signer) x509["signingCertificateInfo"] = signer.Info();
        document["x509"] = x509;
    }
}
