using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>Registers devices: proof first, then the choice of a hub, then the identity there, then the answer.</summary>
/// <remarks>A registration goes on when its device has hung up, and is one per device at a time: asking again while it runs joins it. It fails
/// with <c>hub-none</c> (nothing to choose from), <c>hub-refused</c> (the hub's reason is counted), and those of <see cref="AllocationWebhook.Ask"/>.</remarks>
internal sealed class Registrar(Dps dps, AllocationWebhook webhook) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Operation, Task> _running = new();

    /// <summary>Begins a registration.</summary>
    /// <param name="proof">Who asks.</param>
    /// <param name="payload">What the device says to the webhook; untrusted.</param>
    /// <returns>The operation, over at once for a disabled enrolment; or <c>throttled</c>, <c>registrations-full</c>, and those of
    /// <see cref="Attestor.Decide"/>.</returns>
    public Parsed<Operation> Begin(DeviceProof proof, JsonNode? payload)
    {
        if (dps.Throttles.Register() > TimeSpan.Zero) return new Fault("throttled", "registration");
        if (!dps.Attestor.Decide(proof).TryGet(out var attested, out var fault)) return fault;
        if (!attested.Enrollment.Enabled) return Refused(proof.RegistrationId);
        while (true)
        {
            if (!dps.Registrations.FindOrAdd(proof.RegistrationId).TryGet(out var record, out fault)) return fault;
            lock (record.Gate)
            {
                if (record.Deleted) continue; // by an operator, this moment
                if (record.Running is { } running)
                {
                    dps.Counters.Add("registrations.joined");
                    return running;
                }

                (record.Proof, record.Status) = (attested, RegistrationStatus.Assigning);
                var operation = record.Begin();
                dps.Registrations.Touch(record);
                _running[operation] = Task.Run(() => RunToItsEnd(record, operation, attested, payload?.DeepClone()), CancellationToken.None);
                return operation;
            }
        }
    }

    /// <summary>What became of an operation.</summary>
    /// <returns>The operation, or <c>operation-not-found</c>, <c>throttled</c>, and those of <see cref="Attestor.Decide"/>.</returns>
    public Parsed<Operation> Poll(DeviceProof proof, string operationId)
    {
        if (dps.Attestor.Decide(proof).Fault is { } fault) return fault;
        if (dps.Registrations.Find(proof.RegistrationId) is not { } record) return new Fault("operation-not-found", "operationId");
        if (record.Polls.Take() > TimeSpan.Zero)
        {
            dps.Counters.Add("throttled.poll");
            return new Fault("throttled", "poll");
        }

        lock (record.Gate) return record.Operations.FirstOrDefault(one => one.Id == operationId) is { } operation ? operation : new Fault("operation-not-found", "operationId");
    }

    /// <summary>A device's own record.</summary>
    /// <returns>Its <c>registrationState</c>, or <c>registration-not-found</c>, and those of <see cref="Attestor.Decide"/>.</returns>
    public Parsed<JsonObject> Look(DeviceProof proof)
    {
        if (dps.Attestor.Decide(proof).Fault is { } fault) return fault;
        if (dps.Registrations.Find(proof.RegistrationId) is not { } record) return new Fault("registration-not-found", "registrationId");
        lock (record.Gate) return record.Document();
    }

    /// <summary>Stops what runs; a bug in a registration comes to light here.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(_running.Values).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped before its end: the device will ask again.
        }

        _stop.Dispose();
    }

    // A disabled enrolment leaves no trace: no record is made, none is changed.
    private Operation Refused(string registrationId)
    {
        dps.Counters.Add("registrations.disabled");
        var record = dps.Registrations.Find(registrationId) ?? dps.Registrations.New(registrationId);
        var operation = new Operation(registrationId);
        lock (record.Gate) operation.End(record.Document(RegistrationStatus.Disabled));
        return operation;
    }

    // A bug must not leave its device waiting for ever; it comes to light when the service stops.
    private async Task RunToItsEnd(RegistrationRecord record, Operation operation, Attested attested, JsonNode? payload)
    {
        try
        {
            await Run(record, operation, attested, payload).ConfigureAwait(false);
        }
        catch (Exception) when (!_stop.IsCancellationRequested)
        {
            lock (record.Gate)
            {
                (record.Status, record.Error) = (RegistrationStatus.Failed, ProvisioningError.Internal);
                operation.End(record.Document());
            }

            throw;
        }
    }

    private async Task Run(RegistrationRecord record, Operation operation, Attested attested, JsonNode? payload)
    {
        Assignment? current;
        lock (record.Gate) current = record.Assigned;
        var outcome = await Decide(attested, current, payload).ConfigureAwait(false);
        lock (record.Gate)
        {
            if (outcome.TryGet(out var decided, out var fault) && Settle(record, attested, decided, current) is { } refused) fault = refused;
            if (fault is null)
            {
                (record.Status, record.Error) = (RegistrationStatus.Assigned, null);
                dps.Counters.Add("registrations.assigned");
            }
            else
            {
                (record.Status, record.Error) = (RegistrationStatus.Failed, ProvisioningError.Of(fault));
                dps.Counters.Add("registrations.failed." + fault.Code);
            }

            dps.Registrations.Touch(record);
            operation.End(record.Document());
        }

        _running.TryRemove(operation, out _);
    }

    private async Task<Parsed<AllocationAnswer>> Decide(Attested attested, Assignment? current, JsonNode? payload)
    {
        var enrollment = attested.Enrollment;
        var eligible = Allocation.Eligible(enrollment, dps.Hubs.Names, current);
        if (eligible.Count == 0) return new Fault("hub-none", "iotHubs");
        if (enrollment.Policy != AllocationPolicy.Custom) return new AllocationAnswer(Allocation.Hashed(attested.RegistrationId, eligible), null, null);
        dps.Counters.Add("webhook.calls");
        return await webhook.Ask(enrollment.Webhook!, AllocationWebhook.Request(attested, current, payload, eligible), eligible, _stop.Token).ConfigureAwait(false);
    }

    // Under the record's gate: a record that an operator deletes now is either deleted before, or after the device has its identity.
    private Fault? Settle(RegistrationRecord record, Attested attested, AllocationAnswer decided, Assignment? current)
    {
        var enrollment = attested.Enrollment;
        var assignment = new Assignment(decided.Hub, enrollment.DeviceId ?? current?.DeviceId ?? record.Id);
        var plan = Allocation.Plan(assignment, current, enrollment.Reprovision);
        // The webhook's twin counts where an initial one is needed; otherwise it is ignored, as documented.
        var twin = plan.Twin == TwinSource.Initial ? decided.Twin ?? enrollment.Twin : enrollment.Twin;
        var device = new DeviceSpec(assignment.DeviceId, attested.Credentials, Tags: twin?.Tags, Desired: twin?.Desired, IotEdge: enrollment.IotEdge);
        if (dps.Hubs.Settle(device, plan, current, dps.Options.DisabledIdentities) is { } fault)
        {
            dps.Counters.Add("hubs.refused." + fault.Code);
            return new Fault("hub-refused", "device");
        }

        (record.Assigned, record.Substatus, record.Payload) = (assignment, plan.Substatus, decided.Payload);
        return null;
    }
}
