using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Enrollment.SubmitBatch;
using Serverless.Faults;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Tests.Effects;

/// <summary>The ledger in memory, with calls that can fail.</summary>
internal sealed class FaultyLedger(MemoryLedger ledger, FaultPlan plan) : IDeviceLedger, IDeviceGroups
{
    private readonly IDeviceGroups _groups = ledger;

    public Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel) => plan.Call("ledger.Get", () => ledger.Get(id, cancel));

    public Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel) => plan.Call("ledger.Create", () => ledger.Create(record, deed, cancel));

    public Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel) => plan.Call("ledger.Change", () => ledger.Change(before, after, deed, cancel));

    public Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel) => plan.Call("ledger.FindByKey", () => ledger.FindByKey(key, cancel));

    public Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel) => plan.Call("ledger.Deny", async () =>
    {
        await ledger.Deny(key, deed, cancel);
        return true;
    });

    public Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel) => plan.Call("ledger.IsDenied", () => ledger.IsDenied(key, cancel));

    public Task<Parsed<Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel) => ledger.List(query, after, take, cancel);

    public Task<Parsed<Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel) => ledger.Due(until, after, take, cancel);

    public Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel) => ledger.Audit(id, cancel);

    public Task<int> Settle(CancellationToken cancel) => ledger.Settle(cancel);

    Task<DeviceGroup?> IDeviceGroups.Get(string id, CancellationToken cancel) => plan.Call("groups.Get", () => _groups.Get(id, cancel));

    public Task<IReadOnlyList<DeviceGroup>> List(CancellationToken cancel) => plan.Call("groups.List", () => _groups.List(cancel));

    public Task<Parsed<DeviceGroup>> Create(DeviceGroup group, CancellationToken cancel) => plan.Call("groups.Create", () => _groups.Create(group, cancel));

    public Task<Parsed<DeviceGroup>> Change(DeviceGroup before, DeviceGroup after, CancellationToken cancel) => _groups.Change(before, after, cancel);

    public Task<Parsed<DeviceGroup>> Admit(string id, DeviceId device, CancellationToken cancel) => plan.Call("groups.Admit", () => _groups.Admit(id, device, cancel));
}

/// <summary>DPS in memory: entries with ETags, and certificates shown by their info alone.</summary>
internal sealed class FakeProvisioning(FaultPlan plan) : IProvisioning
{
    private readonly Lock _lock = new();
    private int _version;

    public Dictionary<string, IndividualEnrollment> Entries { get; } = [];

    public Dictionary<string, EnrollmentGroup> Groups { get; } = [];

    public Dictionary<string, string> Assigned { get; } = [];

    public int Operations { get; private set; }

    public IProvisioning For(string work) => this;

    public Task<IndividualEnrollment?> Get(string id, CancellationToken cancel) => Locked("dps.Get", () => Entries.GetValueOrDefault(id));

    public Task<IReadOnlySet<string>> Create(IReadOnlyList<IndividualEnrollment> enrollments, CancellationToken cancel) => Locked<IReadOnlySet<string>>("dps.Create", () =>
    {
        Assert.InRange(enrollments.Count, 1, 10);
        Assert.Equal(enrollments.Count, enrollments.DistinctBy(one => one.RegistrationId).Count());
        var there = new HashSet<string>();
        foreach (var one in enrollments)
            if (!Entries.TryAdd(one.RegistrationId, Stored(one))) there.Add(one.RegistrationId);
        return there;
    });

    public Task<bool> Update(IndividualEnrollment enrollment, CancellationToken cancel) => Locked("dps.Update", () =>
    {
        if (Entries.GetValueOrDefault(enrollment.RegistrationId)?.ETag != enrollment.ETag) return false;
        Entries[enrollment.RegistrationId] = Stored(enrollment);
        return true;
    });

    public Task<string?> AssignedHub(string id, CancellationToken cancel) => Locked("dps.AssignedHub", () => Assigned.GetValueOrDefault(id));

    public Task<EnrollmentGroup?> GetGroup(string id, CancellationToken cancel) => Locked("dps.GetGroup", () => Groups.GetValueOrDefault(id));

    public Task<bool> CreateGroup(EnrollmentGroup group, CancellationToken cancel) => Locked("dps.CreateGroup", () => Groups.TryAdd(group.GroupId, group));

    private IndividualEnrollment Stored(IndividualEnrollment one)
    {
        Assert.Equal(AllocationPolicy.Custom, one.Allocation);
        Assert.NotNull(one.Webhook);
        return one with
        {
            ETag = $"{++_version}",
            Webhook = null, // never read back
            Attestation = one.Attestation is X509Attestation x509 ? x509 with { Primary = Shown(x509.Primary), Secondary = Shown(x509.Secondary) } : one.Attestation,
        };
    }

    private static EnrolledCertificate? Shown(EnrolledCertificate? certificate)
    {
        if (certificate is null) return null;
        using var read = X509Certificate2.CreateFromPem(certificate.Pem);
        return new EnrolledCertificate(null, new CertificateInfo(read.Subject, "", read.GetCertHashString(HashAlgorithmName.SHA256), read.Issuer, read.NotBefore, read.NotAfter, read.SerialNumber, 3));
    }

    private Task<T> Locked<T>(string name, Func<T> act) => plan.Call(name, () =>
    {
        lock (_lock)
        {
            Operations++;
            return Task.FromResult(act());
        }
    });
}

/// <summary>One policy, always there unless told otherwise.</summary>
internal sealed class FakePolicy : IPolicyDocument
{
    public byte[] Json { get; set; } = Encoding.UTF8.GetBytes(Policies.Json);

    public int Version { get; set; } = 1;

    public bool Down { get; set; }

    public Task<(byte[]? Document, string ETag)> Read(string? known, CancellationToken cancel) =>
        Down ? throw new InjectedOutageException("policy")
        : Task.FromResult(known == $"{Version}" ? ((byte[]?)null, known) : (Json, $"{Version}"));
}

/// <summary>Batches in memory, with the conditions of the real ones.</summary>
internal sealed class FakeBatches(FaultPlan plan) : IBatches
{
    private readonly Dictionary<string, byte[]> _rows = [];
    private readonly Dictionary<string, (BatchState State, int Version)> _states = [];
    private readonly Dictionary<string, MemoryStream> _results = [];
    private readonly SortedSet<string> _open = [];

    public IEnumerable<string> Lines(string id) => Encoding.UTF8.GetString(_results[id].ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public Task SaveRows(string id, Stream rows, CancellationToken cancel) => Do("batches.SaveRows", () =>
    {
        using var copy = new MemoryStream();
        rows.CopyTo(copy);
        _rows[id] = copy.ToArray();
        return true;
    });

    public Task<Stream> OpenRows(string id, long from, CancellationToken cancel) => Do<Stream>("batches.OpenRows", () => new MemoryStream(_rows[id][(int)from..]));

    public Task<(BatchState State, string Version)?> Get(string id, CancellationToken cancel) =>
        Do("batches.Get", () => _states.TryGetValue(id, out var found) ? (found.State, $"{found.Version}") : default((BatchState, string)?));

    public Task<string?> Put(BatchState state, string? version, CancellationToken cancel) => Do("batches.Put", () =>
    {
        var now = _states.TryGetValue(state.Id, out var found) ? $"{found.Version}" : null;
        if (now != version) return null;
        _states[state.Id] = (state, found.Version + 1);
        return $"{found.Version + 1}";
    });

    public Task<bool> Append(string id, ReadOnlyMemory<byte> lines, long position, CancellationToken cancel) => Do("batches.Append", () =>
    {
        if (!_results.TryGetValue(id, out var blob)) _results[id] = blob = new MemoryStream();
        if (blob.Length != position) return false;
        blob.Write(lines.Span);
        return true;
    });

    public Task<Stream> OpenResults(string id, long from, CancellationToken cancel) =>
        Do<Stream>("batches.OpenResults", () => _results.TryGetValue(id, out var blob) ? new MemoryStream(blob.ToArray()[(int)from..]) : Stream.Null);

    public Task Open(string id, CancellationToken cancel) => Do("batches.Open", () => _open.Add(id));

    public Task Close(string id, CancellationToken cancel) => Do("batches.Close", () => _open.Remove(id));

    public Task<IReadOnlyList<string>> ListOpen(CancellationToken cancel) => Do<IReadOnlyList<string>>("batches.ListOpen", () => [.. _open]);

    private Task<T> Do<T>(string name, Func<T> act) => plan.Call(name, () => Task.FromResult(act()));
}

/// <summary>Hubs that say what they are told to, and keep what DPS makes there.</summary>
internal sealed class FakeHubs : IHubs
{
    public Dictionary<string, SeenByHub> Devices { get; } = [];

    /// <summary>Identities by hub and device.</summary>
    public Dictionary<(string Hub, string Id), SeenByHub> Identities { get; } = [];

    public Task<SeenByHub> Look(string hub, string id, CancellationToken cancel) =>
        Task.FromResult(Devices.GetValueOrDefault(id) ?? Identities.GetValueOrDefault((hub, id)) ?? new SeenByHub(hub, null, null, false, []));
}
