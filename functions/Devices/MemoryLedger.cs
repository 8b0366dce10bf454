using System.Globalization;
using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>The ledger and its groups in memory: for tests, and the plain statement of what the real one does. Thread-safe.</summary>
public sealed class MemoryLedger : IDeviceLedger, IDeviceGroups
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<DeviceId, DeviceRecord> _devices = [];
    private readonly Dictionary<KeyThumbprint, DeviceId> _keys = [];
    private readonly Dictionary<KeyThumbprint, Deed> _denied = [];
    private readonly List<AuditEntry> _trail = [];
    private readonly SortedDictionary<string, DeviceGroup> _groups = new(StringComparer.Ordinal);
    private readonly HashSet<(string Group, DeviceId Device)> _members = [];
    private long _version;

    /// <inheritdoc/>
    public Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel) => Locked(() => _devices.GetValueOrDefault(id), cancel);

    /// <inheritdoc/>
    public Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel) => Locked<Parsed<DeviceRecord>>(
        () =>
        {
            if (Transitions.Begin(record) is { } refused) return refused;
            if (_devices.ContainsKey(record.Id)) return new Fault("device-exists", "id");
            return Keys(null, record) is { } taken ? taken : Store(null, record, deed);
        },
        cancel);

    /// <inheritdoc/>
    public Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel) => Locked<Parsed<DeviceRecord>>(
        () =>
        {
            if (Transitions.Check(before, after, deed.By, deed.At) is { } refused) return refused;
            if (_devices.GetValueOrDefault(before.Id)?.ETag != before.ETag) return new Fault("device-stale", "etag");
            return Keys(before, after) is { } taken ? taken : Store(before, after, deed);
        },
        cancel);

    /// <inheritdoc/>
    public Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel) => Locked(() => _keys.GetValueOrDefault(key), cancel);

    /// <inheritdoc/>
    public Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel) => Locked(() => _denied.TryAdd(key, deed), cancel);

    /// <inheritdoc/>
    public Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel) => Locked(() => _denied.ContainsKey(key), cancel);

    /// <inheritdoc/>
    public Task<Parsed<Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel) =>
        Locked<Parsed<Page<DeviceRecord>>>(
            () =>
            {
                var from = default(DeviceId);
                if (after is not null && !DeviceId.Parse(after).TryGet(out from, out _)) return new Fault("page-token", "after");
                var rest = _devices.Values.Where(record => (from is null || record.Id > from) && query.Covers(record)).Take(take + 1).ToList();
                return new Page<DeviceRecord>([.. rest.Take(take)], rest.Count > take ? rest[take - 1].Id.Text : null);
            },
            cancel);

    /// <inheritdoc/>
    public Task<Parsed<Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel) =>
        Locked<Parsed<Page<DueDevice>>>(
            () =>
            {
                var from = default((DateTimeOffset At, DeviceId Id)?);
                if (after is not null && (from = DueToken(after)) is null) return new Fault("page-token", "after");
                var rest = _devices.Values.Where(record => record.DueAt <= until).Select(record => new DueDevice(record.Id, record.DueAt!.Value, record.State))
                    .OrderBy(due => due.DueAt).ThenBy(due => due.Id)
                    .Where(due => from is null || due.DueAt > from.Value.At || (due.DueAt == from.Value.At && due.Id > from.Value.Id))
                    .Take(take + 1).ToList();
                return new Page<DueDevice>([.. rest.Take(take)], rest.Count > take ? string.Create(CultureInfo.InvariantCulture, $"{rest[take - 1].DueAt.UtcTicks}!{rest[take - 1].Id}") : null);
            },
            cancel);

    /// <inheritdoc/>
    public Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel) =>
        Locked<IReadOnlyList<AuditEntry>>(() => [.. _trail.Where(entry => entry.Device == id)], cancel);

    /// <inheritdoc/>
    public Task<int> Settle(CancellationToken cancel) => Locked(() => 0, cancel);

    /// <inheritdoc/>
    Task<DeviceGroup?> IDeviceGroups.Get(string id, CancellationToken cancel) => Locked(() => _groups.GetValueOrDefault(id), cancel);

    /// <inheritdoc/>
    Task<IReadOnlyList<DeviceGroup>> IDeviceGroups.List(CancellationToken cancel) => Locked<IReadOnlyList<DeviceGroup>>(() => [.. _groups.Values], cancel);

    /// <inheritdoc/>
    public Task<Parsed<DeviceGroup>> Create(DeviceGroup group, CancellationToken cancel) => Locked<Parsed<DeviceGroup>>(
        () => _groups.ContainsKey(group.Id) ? new Fault("group-exists", "id") : _groups[group.Id] = group with { Admitted = 0, ETag = NextVersion() },
        cancel);

    /// <inheritdoc/>
    public Task<Parsed<DeviceGroup>> Change(DeviceGroup before, DeviceGroup after, CancellationToken cancel) => Locked<Parsed<DeviceGroup>>(
        () => _groups.GetValueOrDefault(before.Id)?.ETag != before.ETag
            ? new Fault("group-stale", "etag")
            : _groups[before.Id] = after with { Id = before.Id, Admitted = before.Admitted, ETag = NextVersion() },
        cancel);

    /// <inheritdoc/>
    public Task<Parsed<DeviceGroup>> Admit(string id, DeviceId device, CancellationToken cancel) => Locked<Parsed<DeviceGroup>>(
        () =>
        {
            if (!_groups.TryGetValue(id, out var group)) return new Fault("group-unknown", "group");
            if (_members.Contains((id, device))) return group;
            if (group.Admitted >= group.DevicesMax) return new Fault("group-full", "group");
            _members.Add((id, device));
            return _groups[id] = group with { Admitted = group.Admitted + 1, ETag = NextVersion() };
        },
        cancel);

    private Fault? Keys(DeviceRecord? before, DeviceRecord after)
    {
        foreach (var key in LedgerKeys.Added(before, after))
        {
            if (_denied.ContainsKey(key)) return new Fault("key-forbidden", "key");
            if (_keys.TryGetValue(key, out var holder) && holder != after.Id) return new Fault("key-taken", "key");
        }

        return null;
    }

    private DeviceRecord Store(DeviceRecord? before, DeviceRecord after, Deed deed)
    {
        foreach (var key in LedgerKeys.Added(before, after)) _keys[key] = after.Id;
        var stored = after with { Revision = (before?.Revision ?? 0) + 1, ETag = NextVersion() };
        _trail.Add(LedgerKeys.Entry(before, stored, deed));
        return _devices[stored.Id] = stored;
    }

    private static (DateTimeOffset At, DeviceId Id)? DueToken(string token)
    {
        var at = token.IndexOf('!', StringComparison.Ordinal);
        return at > 0 && long.TryParse(token.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTimeOffset.MaxValue.UtcTicks
            && DeviceId.Parse(token[(at + 1)..]).TryGet(out var id, out _) ? (new DateTimeOffset(ticks, TimeSpan.Zero), id) : null;
    }

    private string NextVersion() => (++_version).ToString(CultureInfo.InvariantCulture);

    private Task<T> Locked<T>(Func<T> act, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (_lock) return Task.FromResult(act());
    }
}
