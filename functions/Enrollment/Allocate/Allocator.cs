using System.Text.Json.Nodes;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Faults;

namespace Serverless.Enrollment.Allocate;

/// <summary>Admits devices: asks the ledger, decides by <see cref="Allocation"/>, writes the row, answers.</summary>
/// <remarks>The row is written before the answer: a device DPS was told to let in is active in the ledger, whatever happens to the answer.
/// The same call again decides the same from the row it finds. Every exception refuses the device.</remarks>
internal sealed class Allocator(
    IDeviceLedger ledger, IDeviceGroups groups, PolicyShelf policies, RegistrationRates rates, AdmissionSettings settings, TimeProvider clock, ILogger<Allocator> log)
{
    private const int TriesMax = 4;

    /// <summary>Admits or refuses.</summary>
    /// <returns>The answer for DPS, or a fault of <see cref="Allocation.Decide"/>, <see cref="IDeviceGroups.Admit"/> or
    /// <see cref="IDeviceLedger.Create"/>.</returns>
    public async Task<Parsed<AllocationAnswer>> Allocate(AllocationRequest request, CancellationToken cancel)
    {
        using var late = new CancellationTokenSource(settings.Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        try
        {
            var answer = await Decide(request, either.Token).ConfigureAwait(false);
            if (answer.TryGet(out var admitted, out var fault)) Log.Admitted(log, request.Id.Text, admitted.Hub, admitted.Twin is not null);
            else Log.RegistrationRefused(log, request.Id.Text, fault.Code, fault.Where);
            return answer;
        }
        catch (Exception outage) when (!cancel.IsCancellationRequested)
        {
            Log.AdmissionUnavailable(log, outage, request.Id.Text);
            if (outage is OperationCanceledException) throw new IOException("admission took too long", outage);
            throw;
        }
    }

    private async Task<Parsed<AllocationAnswer>> Decide(AllocationRequest request, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var policy = await policies.Get(cancel).ConfigureAwait(false);
        var rate = rates.Take(request.Id.Text, request.Group, policy, now);
        if (rate != Storm.None) return Allocation.Decide(new AllocationCase(request, null, null, null, false, rate, policy, settings.UnseenLeaf), now).Fault!;
        for (var tries = 1; ; tries++)
        {
            var about = await Know(request, policy, cancel).ConfigureAwait(false);
            if (!Allocation.Decide(about, now).TryGet(out var admitted, out var fault)) return fault;
            var stored = await Store(admitted, now, cancel).ConfigureAwait(false);
            if (stored.TryGet(out _, out var refused)) return AllocationAnswer.Of(admitted, request);
            if (refused.Code is not ("device-stale" or "device-exists") || tries == TriesMax) return refused; // else decided from what is not the newest
        }
    }

    private async Task<AllocationCase> Know(AllocationRequest request, FleetPolicy policy, CancellationToken cancel)
    {
        var group = request.Group is { } id ? groups.Get(id, cancel) : Task.FromResult<DeviceGroup?>(null);
        var row = await ledger.Get(request.Id, cancel).ConfigureAwait(false);
        var key = Allocation.KeyOf(request, row);
        var denied = key is not null && await ledger.IsDenied(key, cancel).ConfigureAwait(false);
        // A key on the device's own row is its own: the index says so by construction.
        var holder = key is null || LedgerKeys.Of(row).Contains(key) ? null : await ledger.FindByKey(key, cancel).ConfigureAwait(false);
        return new AllocationCase(request, row, await group.ConfigureAwait(false), holder, denied, Storm.None, policy, settings.UnseenLeaf);
    }

    private async Task<Parsed<DeviceRecord>> Store(Admitted admitted, DateTimeOffset now, CancellationToken cancel)
    {
        if (!admitted.Writes) return admitted.Row;
        if (admitted.Before is { } before) return await ledger.Change(before, admitted.Row, new Deed(Act.Admit, "Allocate", $"admitted to {admitted.Hub}", now), cancel).ConfigureAwait(false);
        // Counted before it is written: a crash between the two costs a place, which the same device takes when it comes again.
        if ((await groups.Admit(admitted.Row.Group!, admitted.Row.Id, cancel).ConfigureAwait(false)).Fault is { } full) return full;
        return await ledger.Create(admitted.Row, new Deed(Act.Enroll, "Allocate", $"first admission by group {admitted.Row.Group}", now), cancel).ConfigureAwait(false);
    }
}

/// <summary>What DPS is answered.</summary>
/// <param name="Hub">One of the hubs it offered, in its spelling.</param>
/// <param name="Twin">Tags of the initial twin; <see langword="null"/> when DPS says that the device has a hub: its twin would be reset. DPS's word
/// and not the ledger's, so that the same call twice has the same answer.</param>
/// <param name="Model">The model, for the device: all it is told.</param>
internal sealed record AllocationAnswer(string Hub, JsonObject? Twin, string Model)
{
    /// <summary>The answer of an admission.</summary>
    public static AllocationAnswer Of(Admitted admitted, AllocationRequest request) => new(
        admitted.Hub,
        request.CurrentHub is null ? EnrollmentEntries.Tags(admitted.Row.Model, admitted.Row.Owner, admitted.Model) : null,
        admitted.Row.Model);

    /// <summary>As the webhook's contract has it, api-version 2021-10-01.</summary>
    public JsonObject ToJson()
    {
        var answer = new JsonObject { ["iotHubHostName"] = Hub };
        if (Twin is { } tags) answer["initialTwin"] = new JsonObject { ["tags"] = tags.DeepClone(), ["properties"] = new JsonObject { ["desired"] = new JsonObject() } };
        answer["payload"] = new JsonObject { ["model"] = Model };
        return answer;
    }
}
