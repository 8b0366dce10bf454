using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Devices;
using Serverless.Enrollment.AddCertificate;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Allocate;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.EnrollGroup;
using Serverless.Enrollment.Policies;
using Serverless.Enrollment.Provisioning;
using Serverless.Enrollment.RunBatches;
using Serverless.Enrollment.ShowDevice;
using Serverless.Enrollment.SubmitBatch;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Tests.Effects;

/// <summary>The app on fakes: what is stored outlives the app, so that a new one can be started over it.</summary>
internal sealed class World
{
    public World()
    {
        Faulty = new FaultyLedger(Ledger, Plan);
        Provisioning = new FakeProvisioning(Plan);
        Batches = new FakeBatches(Plan);
        Restart();
    }

    public FaultPlan Plan { get; } = new();

    public FakeTimeProvider Clock { get; } = new(Pki.Now);

    public MemoryLedger Ledger { get; } = new();

    public FaultyLedger Faulty { get; }

    public FakeProvisioning Provisioning { get; }

    public FakeHubs Hubs { get; } = new();

    public FakePolicy Policy { get; } = new();

    public FakeBatches Batches { get; }

    public Enroller Enroller { get; private set; } = null!;

    public Allocator Allocator { get; private set; } = null!;

    public Rotation Rotation { get; private set; } = null!;

    public GroupEnroller Groups { get; private set; } = null!;

    public DeviceDesk Desk { get; private set; } = null!;

    public BatchDesk BatchDesk { get; private set; } = null!;

    public BatchRunner Runner { get; private set; } = null!;

    public AdmissionSettings Settings { get; } = new() { UnseenLeaf = UnseenLeaf.Refuse, PolicyPollInterval = TimeSpan.FromSeconds(30), Patience = TimeSpan.FromSeconds(4), HubAddresses = new Dictionary<string, string>() };

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A new process on the same stores.</summary>
    public void Restart()
    {
        var entries = new EnrollmentEntries(new Uri("https://app.example.net/api/allocate?code=secret"));
        var policies = new PolicyShelf(Policy, Settings.PolicyPollInterval, Clock, NullLogger<PolicyShelf>.Instance);
        Enroller = new Enroller(Faulty, Provisioning, policies, entries, Clock, NullLogger<Enroller>.Instance);
        Allocator = new Allocator(Faulty, Faulty, policies, new RegistrationRates(), Settings, Clock, NullLogger<Allocator>.Instance);
        Rotation = new Rotation(Faulty, policies, Enroller, Clock, NullLogger<Rotation>.Instance);
        Groups = new GroupEnroller(Faulty, Provisioning, policies, entries, Clock, NullLogger<GroupEnroller>.Instance);
        Desk = new DeviceDesk(Faulty, Provisioning, Hubs);
        BatchDesk = new BatchDesk(Batches, Clock, NullLogger<BatchDesk>.Instance);
        Runner = new BatchRunner(Batches, Enroller, Clock, NullLogger<BatchRunner>.Instance);
    }

    public async Task<Faults.Parsed<EnrollmentReceipt>> Enroll(EnrollmentRequest asked) => await Enroller.Enroll(asked, "alice", "by test", Cancel);

    /// <summary>A request whose certificate is made once a name, so that the same asked again is the same.</summary>
    public static EnrollmentRequest Ask(string id, string? key = null, string owner = "acme", string model = "pump") =>
        EnrollmentRequest.From(id, model, owner, Certificate(id, key), null, null).TryGet(out var asked, out var fault) ? asked : throw new InvalidOperationException(fault.ToString());

    public static string Certificate(string id, string? key = null)
    {
        lock (Made)
        {
            if (!Made.TryGetValue((id, key), out var text)) Made[(id, key)] = text = (Pki.Leaf(id) with { KeyName = key ?? "key of " + id }).Pem();
            return text;
        }
    }

    /// <summary>Every living device with an enrolment of its own has its entry in DPS, DPS has no other, and every key is one device's.</summary>
    public async Task AssertAgreed()
    {
        Assert.True((await Ledger.List(new DeviceQuery(), null, 1000, Cancel)).TryGet(out var page, out _));
        var keys = new HashSet<KeyThumbprint>();
        foreach (var row in page.Items)
        {
            Assert.All(LedgerKeys.Of(row), key => Assert.True(keys.Add(key), $"{key} twice"));
            Assert.Equal(row.Revision, (await Ledger.Audit(row.Id, Cancel)).Count);
            if (row.State is not (DeviceState.Enrolled or DeviceState.Active) || row.Group is not null) continue;
            Assert.True(Provisioning.Entries.TryGetValue(row.Id.Text, out var entry), $"{row.Id} is not in DPS");
            Assert.True(EnrollmentEntries.IsOf(entry!, row), $"DPS has other credentials for {row.Id}");
            Assert.Equal(ProvisioningStatus.Enabled, entry!.Status);
        }

        Assert.Subset(page.Items.Select(row => row.Id.Text).ToHashSet(), Provisioning.Entries.Keys.ToHashSet());
    }

    private static readonly Dictionary<(string, string?), string> Made = [];
}
