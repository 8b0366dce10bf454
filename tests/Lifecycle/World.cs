using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

/// <summary>How a call goes wrong.</summary>
public enum Trouble
{
    /// <summary>It fails and did nothing.</summary>
    Fails,

    /// <summary>It did what it does and fails then.</summary>
    FailsAfterLanding,

    /// <summary>The service is over its rate.</summary>
    Throttled,

    /// <summary>No answer comes; it may have landed, and did.</summary>
    TimesOut,
}

/// <summary>DPS, hubs, ledger, vault and storage of a small fleet, in memory: what devices can do there, and every call numbered so that any one of
/// them can be made to fail.</summary>
internal sealed class World : IRegistrations, IHubs, IStatementSigner, IStatements, IReturns, IAlerts, IDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly Lock _gate = new();
    private int _calls;

    public FakeTimeProvider Clock { get; } = new(Start);

    public MemoryLedger Memory { get; } = new();

    /// <summary>Individual enrolments: whether enabled.</summary>
    public Dictionary<string, bool> Enrolments { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Registrations { get; } = new(StringComparer.Ordinal);

    /// <summary>Hub identities: whether enabled, and whether it still knows the device's own credential.</summary>
    public Dictionary<string, (bool Enabled, bool KnowsDevice)> Identities { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Entitled { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Personal { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Statements { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, List<ReturnAttempt>> Attempts { get; } = new(StringComparer.Ordinal);

    public List<LifecycleAlert> Alerts { get; } = [];

    /// <summary>What happened, in order: the calls that landed.</summary>
    public List<string> Landed { get; } = [];

    /// <summary>Whether a group of the device's authority is enabled in DPS.</summary>
    public bool GroupAdmits { get; set; } = true;

    /// <summary>The call that goes wrong, by its number from 1, and how.</summary>
    public (int Number, Trouble How)? Broken { get; set; }

    public int Calls => _calls;

    public ECDsa Key => _key;

    public IDeviceLedger Ledger => new Tapped(this);

    public SweepRun Sweep(SweepSettings? settings = null, ExpiryPolicy? policy = null) => new(
        Ledger, new PlaneWork(this, this, Ledger), new DeathCertificates(this, this, this, Clock), this, policy ?? new ExpiryPolicy(),
        settings ?? new SweepSettings { Parallel = 1 }, Clock, NullLogger<SweepRun>.Instance);

    /// <summary>A device that lives on every plane.</summary>
    public async Task<DeviceRecord> Add(string id, Func<DeviceRecord, DeviceRecord>? with = null)
    {
        var record = new DeviceRecord
        {
            Id = DeviceId.From(id),
            State = DeviceState.Enrolled,
            Model = "pump",
            Owner = "owner-1",
            Group = "plant-7",
            Current = new DeviceKey(KeyKind.X509, KeyOf(id), Start.AddDays(-30), Start.AddDays(300), Certificate: "AA=="),
            EnrolledAt = Clock.GetUtcNow(),
        };
        var stored = Value(await Memory.Create(with?.Invoke(record) ?? record, Deed(Act.Enroll), default));
        var active = Value(await Memory.Change(stored, stored with { State = DeviceState.Active, Hub = "hub-a" }, Deed(Act.Admit), default));
        lock (_gate)
        {
            Registrations.Add(id);
            Identities[id] = (true, true);
            Entitled.Add(id);
            Personal.Add(id);
        }

        return active;
    }

    public async Task<DeviceRecord> Decommission(string id, TimeSpan grace = default, bool factoryReset = false, string? newOwner = null) =>
        Value(await Memory.Change(DeviceId.From(id), Deed(Act.Decommission), record => Decommissioning.Begin(record, new EndingRequest("sold", grace, factoryReset, newOwner), Clock.GetUtcNow()), default));

    public Deed Deed(Act act) => new(act, "tester", "because", Clock.GetUtcNow());

    public static KeyThumbprint KeyOf(string id) => KeyThumbprint.Of(System.Text.Encoding.UTF8.GetBytes(id));

    public static T Value<T>(Parsed<T> parsed)
        where T : notnull => parsed.TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString());

    /// <summary>Whether the device gets in, by any way it has. What it changes by trying stays changed.</summary>
    public async Task<bool> GetsIn(string id)
    {
        if (Identities.TryGetValue(id, out var identity) && identity is { Enabled: true, KnowsDevice: true }) return true;
        // DPS: the individual entry decides where there is one; else the group.
        var admitted = Enrolments.TryGetValue(id, out var enabled) ? enabled : GroupAdmits;
        if (!admitted || !await Allocates(id)) return false;
        Registrations.Add(id);
        if (!Identities.ContainsKey(id)) Identities[id] = (true, true);
        return Identities[id] is { Enabled: true, KnowsDevice: true };
    }

    public Task<PlaneOutcome> Lock(DeviceRecord device, CancellationToken cancel) => Write("lock " + device.Id, () =>
    {
        Enrolments[device.Id.Text] = false;
        return new PlaneOutcome(Planes.Enrollment, Stages.Closed, "disabled");
    });

    public Task<PlaneOutcome> Forget(DeviceRecord device, CancellationToken cancel) => Write("forget " + device.Id, () =>
        new PlaneOutcome(Planes.Registration, Stages.Closed, Registrations.Remove(device.Id.Text) ? "deleted" : "none"));

    Task<IReadOnlyList<PlaneReading>> IRegistrations.Read(DeviceRecord device, CancellationToken cancel) => Write<IReadOnlyList<PlaneReading>>("read-dps " + device.Id, () =>
    [
        new(Planes.Enrollment, Enrolments.TryGetValue(device.Id.Text, out var enabled) && !enabled, "entry"),
        new(Planes.Registration, !Registrations.Contains(device.Id.Text), "record"),
    ]);

    public Task<PlaneOutcome> Reset(DeviceRecord device, CancellationToken cancel) => Write("reset " + device.Id, () =>
        new PlaneOutcome(Planes.FactoryReset, Stages.Noted, Identities.GetValueOrDefault(device.Id.Text).Enabled ? "answered 200" : "hub-device-offline"));

    public Task<IReadOnlyList<PlaneOutcome>> Shut(IReadOnlyList<DeviceRecord> devices, CancellationToken cancel) => Write<IReadOnlyList<PlaneOutcome>>("shut " + string.Join(' ', devices.Select(device => device.Id.Text)), () =>
    {
        foreach (var device in devices.Where(device => Identities.ContainsKey(device.Id.Text))) Identities[device.Id.Text] = (false, false);
        return [.. devices.Select(device => new PlaneOutcome(Planes.Hub, Stages.Closed, Identities.ContainsKey(device.Id.Text) ? "disabled" : "none"))];
    });

    public Task<PlaneOutcome> Withdraw(DeviceRecord device, CancellationToken cancel) => Write("withdraw " + device.Id, () =>
    {
        Entitled.Remove(device.Id.Text);
        return new PlaneOutcome(Planes.Firmware, Stages.Closed, "withdrawn");
    });

    public Task<PlaneOutcome> Purge(DeviceRecord device, CancellationToken cancel) => Write("purge " + device.Id, () =>
    {
        Personal.Remove(device.Id.Text);
        return new PlaneOutcome(Planes.Personal, Stages.Closed, "purged");
    });

    public Task Announce(DeviceRecord device, DateTimeOffset endsAt, CancellationToken cancel) => Write($"announce {device.Id} {endsAt:yyyy-MM-dd}", () => true);

    public Task<PlaneOutcome> Delete(DeviceRecord device, CancellationToken cancel) => Write("delete " + device.Id, () =>
    {
        Identities.Remove(device.Id.Text);
        return new PlaneOutcome(Planes.Release, Stages.Closed, "deleted");
    });

    Task<IReadOnlyList<PlaneReading>> IHubs.Read(DeviceRecord device, CancellationToken cancel) => Write<IReadOnlyList<PlaneReading>>("read-hub " + device.Id, () =>
    {
        var there = Identities.TryGetValue(device.Id.Text, out var identity);
        var readings = new List<PlaneReading>
        {
            new(Planes.Hub, !there || !identity.Enabled, there ? "there" : "none"),
            new(Planes.Firmware, !Entitled.Contains(device.Id.Text), ""),
            new(Planes.Personal, !Personal.Contains(device.Id.Text), ""),
        };
        if (device.Ending?.NewOwner is not null) readings.Add(new PlaneReading(Planes.Release, !there, ""));
        return readings;
    });

    public Task<string> KeyId(CancellationToken cancel) => Write("key", () => "https://vault.example/keys/death/1");

    public Task<ReadOnlyMemory<byte>> Sign(string keyId, ReadOnlyMemory<byte> digest, CancellationToken cancel) => Write<ReadOnlyMemory<byte>>("sign", () => _key.SignHash(digest.Span));

    public Task<string> Store(DeviceRecord device, string statement, CancellationToken cancel) => Write("store " + device.Id, () =>
    {
        Statements.TryAdd(Name(device), statement);
        return Statements[Name(device)];
    });

    public Task<string?> Read(DeviceRecord device, CancellationToken cancel) => Write("read-statement " + device.Id, () => Statements.GetValueOrDefault(Name(device)));

    public Task Note(DeviceId device, ReturnAttempt attempt, CancellationToken cancel) => Write("note " + device, () =>
    {
        if (!Attempts.TryGetValue(device.Text, out var list)) Attempts[device.Text] = list = [];
        list.Add(attempt);
        return true;
    });

    public Task<IReadOnlyList<ReturnAttempt>> Read(DeviceId device, CancellationToken cancel) => Write<IReadOnlyList<ReturnAttempt>>("read-attempts " + device, () => Attempts.GetValueOrDefault(device.Text) ?? []);

    public Task Raise(IReadOnlyList<LifecycleAlert> alerts, CancellationToken cancel) => Write("alert", () =>
    {
        Alerts.AddRange(alerts);
        return true;
    });

    public void Dispose() => _key.Dispose();

    // The webhook: what the ledger says of the device, and of its key.
    private async Task<bool> Allocates(string id)
    {
        if (await Memory.IsDenied(KeyOf(id), default)) return false;
        var row = await Memory.Get(DeviceId.From(id), default);
        return row is null or { State: DeviceState.Enrolled or DeviceState.Active };
    }

    private static string Name(DeviceRecord device) => $"{device.Id} {device.Ending!.AskedAt:O}";

    /// <summary>One call of a service: it lands unless it is the one that fails before.</summary>
    private Task<T> Write<T>(string what, Func<T> act)
    {
        lock (_gate)
        {
            var broken = Broken is { } planned && planned.Number == ++_calls ? planned.How : (Trouble?)null;
            if (Broken is null) _calls++;
            if (broken is Trouble.Fails) return Task.FromException<T>(new IOException("fails: " + what));
            if (broken is Trouble.Throttled) return Task.FromException<T>(new IOException("429: " + what));
            var done = act();
            Landed.Add(what);
            return broken switch
            {
                Trouble.FailsAfterLanding => Task.FromException<T>(new IOException("fails after landing: " + what)),
                Trouble.TimesOut => Task.FromException<T>(new TaskCanceledException("no answer: " + what)),
                _ => Task.FromResult(done),
            };
        }
    }

    private async Task<T> Through<T>(string what, Func<Task<T>> act)
    {
        var broken = (Trouble?)null;
        lock (_gate)
        {
            _calls++;
            if (Broken is { } planned && planned.Number == _calls) broken = planned.How;
        }

        if (broken is Trouble.Fails or Trouble.Throttled) throw new IOException("ledger fails: " + what);
        var done = await act();
        lock (_gate) Landed.Add("ledger " + what);
        return broken switch
        {
            Trouble.FailsAfterLanding => throw new IOException("ledger fails after landing: " + what),
            Trouble.TimesOut => throw new TaskCanceledException("ledger gave no answer: " + what),
            _ => done,
        };
    }

    /// <summary>The ledger with every call counted.</summary>
    private sealed class Tapped(World world) : IDeviceLedger
    {
        public Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel) => world.Through("get", () => world.Memory.Get(id, cancel));

        public Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel) => world.Through("create", () => world.Memory.Create(record, deed, cancel));

        public Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel) => world.Through("change", () => world.Memory.Change(before, after, deed, cancel));

        public Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel) => world.Through("find", () => world.Memory.FindByKey(key, cancel));

        public async Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel) => await world.Through("deny", async () =>
        {
            await world.Memory.Deny(key, deed, cancel);
            return true;
        });

        public Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel) => world.Through("denied", () => world.Memory.IsDenied(key, cancel));

        public Task<Parsed<Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel) => world.Through("list", () => world.Memory.List(query, after, take, cancel));

        public Task<Parsed<Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel) => world.Through("due", () => world.Memory.Due(until, after, take, cancel));

        public Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel) => world.Memory.Audit(id, cancel);

        public Task<int> Settle(CancellationToken cancel) => world.Memory.Settle(cancel);
    }
}
