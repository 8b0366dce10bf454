using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;
using Serverless.Rest;

namespace Serverless.Benchmarks.Lifecycle;

/// <summary>DPS, one hub, a vault and storage that always answer, in budgets where some are given.</summary>
internal sealed class MemoryPlanes(RateBudget? registry, RateBudget? dps, TimeProvider? clock) : IRegistrations, IHubs, IStatementSigner, IStatements, IReturns, IAlerts
{
    private readonly List<DateTimeOffset> _operations = [];
    private readonly Lock _gate = new();

    /// <summary>Registry operations of the busiest minute, wherever it begins.</summary>
    public int Busiest()
    {
        _operations.Sort();
        var (most, from) = (0, 0);
        for (var to = 0; to < _operations.Count; to++)
        {
            while (_operations[to] - _operations[from] >= TimeSpan.FromMinutes(1)) from++;
            most = Math.Max(most, to - from + 1);
        }

        return most;
    }

    public Task<PlaneOutcome> Lock(DeviceRecord device, CancellationToken cancel) => Dps(new PlaneOutcome(Planes.Enrollment, Stages.Closed, "disabled"), cancel);

    public Task<PlaneOutcome> Forget(DeviceRecord device, CancellationToken cancel) => Dps(new PlaneOutcome(Planes.Registration, Stages.Closed, "deleted"), cancel);

    async Task<IReadOnlyList<PlaneReading>> IRegistrations.Read(DeviceRecord device, CancellationToken cancel) =>
        [await Dps(new PlaneReading(Planes.Enrollment, true, "disabled"), cancel).ConfigureAwait(false), await Dps(new PlaneReading(Planes.Registration, true, "none"), cancel).ConfigureAwait(false)];

    public Task<PlaneOutcome> Reset(DeviceRecord device, CancellationToken cancel) => Task.FromResult(new PlaneOutcome(Planes.FactoryReset, Stages.Noted, "offline"));

    public Task<IReadOnlyList<PlaneOutcome>> Shut(IReadOnlyList<DeviceRecord> devices, CancellationToken cancel) =>
        Registry<IReadOnlyList<PlaneOutcome>>([.. devices.Select(_ => new PlaneOutcome(Planes.Hub, Stages.Closed, "disabled"))], cancel);

    public Task<PlaneOutcome> Withdraw(DeviceRecord device, CancellationToken cancel) => Task.FromResult(new PlaneOutcome(Planes.Firmware, Stages.Closed, "withdrawn"));

    public Task<PlaneOutcome> Purge(DeviceRecord device, CancellationToken cancel) => Task.FromResult(new PlaneOutcome(Planes.Personal, Stages.Closed, "purged"));

    public Task Announce(DeviceRecord device, DateTimeOffset endsAt, CancellationToken cancel) => Task.CompletedTask;

    public Task<PlaneOutcome> Delete(DeviceRecord device, CancellationToken cancel) => Task.FromResult(new PlaneOutcome(Planes.Release, Stages.Closed, "deleted"));

    Task<IReadOnlyList<PlaneReading>> IHubs.Read(DeviceRecord device, CancellationToken cancel) => Registry<IReadOnlyList<PlaneReading>>(
        [new(Planes.Hub, true, "disabled"), new(Planes.Firmware, true, "not entitled"), new(Planes.Personal, true, "purged")], cancel);

    public Task<string> KeyId(CancellationToken cancel) => Task.FromResult("https://vault.example/keys/death/1");

    public Task<ReadOnlyMemory<byte>> Sign(string keyId, ReadOnlyMemory<byte> digest, CancellationToken cancel) => Task.FromResult<ReadOnlyMemory<byte>>(new byte[64]);

    public Task<string> Store(DeviceRecord device, string statement, CancellationToken cancel) => Task.FromResult(statement);

    public Task<string?> Read(DeviceRecord device, CancellationToken cancel) => Task.FromResult<string?>(null);

    public Task Note(DeviceId device, ReturnAttempt attempt, CancellationToken cancel) => Task.CompletedTask;

    public Task<IReadOnlyList<ReturnAttempt>> Read(DeviceId device, CancellationToken cancel) => Task.FromResult<IReadOnlyList<ReturnAttempt>>([]);

    public Task Raise(IReadOnlyList<LifecycleAlert> alerts, CancellationToken cancel) => Task.CompletedTask;

    private async Task<T> Registry<T>(T answer, CancellationToken cancel)
    {
        if (registry is null) return answer;
        using var place = await registry.Take("sweep", TimeSpan.FromHours(10), cancel).ConfigureAwait(false) ?? throw new IOException("share-spent");
        lock (_gate) _operations.Add(clock!.GetUtcNow());
        return answer;
    }

    private async Task<T> Dps<T>(T answer, CancellationToken cancel)
    {
        if (dps is null) return answer;
        using var place = await dps.Take("sweep", TimeSpan.FromHours(10), cancel).ConfigureAwait(false) ?? throw new IOException("share-spent");
        return answer;
    }
}

/// <summary>A ledger whose rows read and written are counted.</summary>
internal sealed class CountingLedger(IDeviceLedger ledger) : IDeviceLedger
{
    private long _reads;
    private long _writes;

    public long Reads => _reads;

    public long Writes => _writes;

    public Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel)
    {
        Interlocked.Increment(ref _reads);
        return ledger.Get(id, cancel);
    }

    public Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel) => ledger.Create(record, deed, cancel);

    public Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel)
    {
        Interlocked.Increment(ref _writes);
        return ledger.Change(before, after, deed, cancel);
    }

    public Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel) => ledger.FindByKey(key, cancel);

    public Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel) => ledger.Deny(key, deed, cancel);

    public Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel) => ledger.IsDenied(key, cancel);

    public async Task<Parsed<Serverless.Devices.Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel)
    {
        var page = await ledger.List(query, after, take, cancel).ConfigureAwait(false);
        if (page.TryGet(out var got, out _)) Interlocked.Add(ref _reads, got.Items.Count);
        return page;
    }

    public async Task<Parsed<Serverless.Devices.Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel)
    {
        var page = await ledger.Due(until, after, take, cancel).ConfigureAwait(false);
        if (page.TryGet(out var got, out _)) Interlocked.Add(ref _reads, got.Items.Count);
        return page;
    }

    public Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel) => ledger.Audit(id, cancel);

    public Task<int> Settle(CancellationToken cancel) => ledger.Settle(cancel);
}
