using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;
using Serverless.Local.Provisioning.Registrations;

namespace Serverless.Local.Provisioning.Devices;

/// <summary>An answer to a device, whatever it came by.</summary>
/// <param name="Status">HTTP status, which MQTT has in the topic.</param>
/// <param name="Body">JSON.</param>
/// <param name="RetryAfter">When to ask again, or null.</param>
internal sealed record DeviceReply(int Status, JsonObject Body, TimeSpan? RetryAfter = null);

/// <summary>The device API's three calls; MQTT and HTTPS bring them here in one shape.</summary>
internal sealed class DeviceApi(Dps dps)
{
    /// <summary>Register: 202 with an operation to poll, 200 where there is nothing to wait for, or an error.</summary>
    /// <param name="proof">Who asks.</param>
    /// <param name="body">Untrusted, bounded by the edge.</param>
    public DeviceReply Register(DeviceProof proof, ReadOnlySpan<byte> body) =>
        Payload(proof.RegistrationId, body).TryGet(out var said, out var fault)
            ? Of(dps.Registrar.Begin(proof, said.Payload), "registrations")
            : Refuse(fault, "registrations");

    /// <summary>Operation status: 202 while it runs, 200 at its end, or an error.</summary>
    public DeviceReply Poll(DeviceProof proof, string operationId) => Of(dps.Registrar.Poll(proof, operationId), "polls");

    /// <summary>The device's own record.</summary>
    public DeviceReply Look(DeviceProof proof) =>
        dps.Registrar.Look(proof).TryGet(out var state, out var fault) ? new DeviceReply(200, state) : Refuse(fault, "lookups");

    /// <summary>An error in the service's words, counted under its own name.</summary>
    public DeviceReply Refuse(Fault fault, string what)
    {
        dps.Counters.Add($"{what}.refused.{fault.Code}");
        var error = ProvisioningError.Of(fault);
        return new DeviceReply(error.Status, error.Document(dps.Clock.GetUtcNow()), error.Status == 429 ? dps.Options.RetryAfter : null);
    }

    /// <summary><c>{"registrationId":"…","payload":{…}}</c>; a TPM's keys are read over, as no TPM can register here.</summary>
    /// <returns>What the device says, or <c>argument-invalid</c>, <c>registration-mismatch</c>.</returns>
    private static Parsed<Said> Payload(string registrationId, ReadOnlySpan<byte> body)
    {
        if (!HubJson.ParseObject(body).TryGet(out var said, out var fault)) return fault;
        if (!said.TryText("registrationId", out var named)) return new Fault("argument-invalid", "registrationId");
        return named is not null && !RegistrationName.Comparer.Equals(named, registrationId)
            ? new Fault("registration-mismatch", "registrationId")
            : new Said(said["payload"]);
    }

    private DeviceReply Of(Parsed<Operation> operation, string what)
    {
        if (!operation.TryGet(out var known, out var fault)) return Refuse(fault, what);
        var (over, answer) = (known.IsOver, known.Answer);
        return over ? new DeviceReply(200, answer) : new DeviceReply(202, answer, dps.Options.RetryAfter);
    }

    private sealed record Said(JsonNode? Payload);
}
