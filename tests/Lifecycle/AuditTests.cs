using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Devices;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Tests;

public sealed class AuditTests : IDisposable
{
    private static readonly DateTimeOffset Now = World.Start;
    private readonly World _world = new();
    private readonly MemoryFindings _findings = new();
    private readonly Fleet _fleet = new();

    // Every finding of a row by itself, and one step before it.
    [Fact]
    public void What_a_row_shows_by_itself()
    {
        var policy = new AuditPolicy { FirmwareMin = ImmutableSortedDictionary<string, string>.Empty.Add("pump", "2.10") };
        var row = Row(DeviceState.Active) with { LastSeenAt = Now };
        string[] Of(DeviceRecord record) => [.. Findings.OfRow(record, policy, Now).Select(finding => finding.Kind.Code)];
        Assert.Empty(Of(row));
        Assert.Empty(Of(row with { LastSeenAt = null, EnrolledAt = Now.AddDays(-30) }));
        Assert.Equal(["device-never-seen"], Of(row with { LastSeenAt = null, EnrolledAt = Now.AddDays(-30).AddTicks(-1) }));
        Assert.Equal(["device-unowned"], Of(row with { Owner = " " }));
        Assert.Equal(["device-unowned"], Of(row with { Owner = "unknown" }));
        DeviceRecord Key(double from, double to) => row with { Current = new DeviceKey(KeyKind.X509, null, Now.AddDays(from), Now.AddDays(to)) };
        Assert.Empty(Of(Key(-400, 1)));
        Assert.Equal(["certificate-old"], Of(Key(-400.1, 1)));
        Assert.Equal(["certificate-expired"], Of(Key(-401, 0)));
        foreach (var (version, stale) in new[] { ("2.10", false), ("2.10.0", false), ("2.11", false), ("10.0", false), ("2.9", true), ("2", true), ("", true), ("2.x", true) })
        {
            Assert.Equal(stale ? ["firmware-below-minimum"] : [], Of(row with { FirmwareSeen = version }));
        }

        var ending = new Ending("sold", Now.AddDays(-2), Now.AddDays(-1), DeviceState.Active);
        Assert.Empty(Of(Row(DeviceState.Decommissioned) with { Ending = ending }));
        Assert.Equal(["ending-overdue"], Of(Row(DeviceState.Decommissioned) with { Ending = ending with { DueAt = Now.AddDays(-1).AddTicks(-1) } }));
        Assert.Equal(["death-uncertified"], Of(Row(DeviceState.Dead) with { Ending = ending with { DueAt = Now.AddDays(-1).AddTicks(-1) } }));
    }

    [Fact]
    public void What_an_enrolment_shows_against_its_row()
    {
        var policy = new AuditPolicy { SymmetricModels = ["old-pump"] };
        var good = new EnrollmentFact("d", Enabled: true, SymmetricKey: false, Webhook: true, DeviceId.From("d"));
        string[] Of(EnrollmentFact fact, DeviceRecord? row) => [.. Findings.OfEnrollment(fact, row, policy, Now).Select(finding => finding.Kind.Code)];
        Assert.Empty(Of(good, Row(DeviceState.Active)));
        Assert.Equal(["enrollment-orphaned"], Of(good with { KeyHolder = null }, null));
        Assert.Empty(Of(good with { Enabled = false, Webhook = false, SymmetricKey = true }, null));
        Assert.Equal(["key-shared"], Of(good with { Enabled = false, KeyHolder = DeviceId.From("e") }, Row(DeviceState.Active)));
        Assert.Equal(["webhook-bypassed"], Of(good with { Webhook = false }, Row(DeviceState.Active)));
        Assert.Equal(["enrollment-by-symmetric-key"], Of(good with { SymmetricKey = true }, Row(DeviceState.Active)));
        Assert.Empty(Of(good with { SymmetricKey = true }, Row(DeviceState.Active) with { Model = "old-pump" }));
        Assert.Equal(["enrollment-open-after-end"], Of(good, Row(DeviceState.Dead) with { Ending = new Ending("sold", Now, Now, DeviceState.Active) }));
        // Condemned and not begun: the sweep's next look, no disagreement.
        Assert.Empty(Of(good, Row(DeviceState.Decommissioned) with { Ending = new Ending("sold", Now, Now, DeviceState.Active) }));
        Assert.Equal(["enrollment-open-after-end"], Of(good, Begun()));
    }

    [Fact]
    public void What_a_hub_identity_shows_against_its_row()
    {
        var policy = new AuditPolicy();
        var good = new IdentityFact("hub-a", "d", Enabled: true, SymmetricKey: false, Now);
        string[] Of(IdentityFact fact, DeviceRecord? row) => [.. Findings.OfIdentity(fact, row, policy, Now).Select(finding => finding.Kind.Code)];
        Assert.Empty(Of(good, Row(DeviceState.Active)));
        Assert.Equal(["identity-orphaned"], Of(good, null));
        Assert.Equal(["identity-open-while-contained"], Of(good, Row(DeviceState.Contained)));
        Assert.Empty(Of(good with { Enabled = false }, Row(DeviceState.Contained)));
        Assert.Equal(["identity-by-symmetric-key"], Of(good with { SymmetricKey = true }, Row(DeviceState.Active)));
        Assert.Equal(["identity-open-after-end"], Of(good, Begun()));
        var shut = Begun() with { Closings = Begun().Closings.With(new PlaneClosing(Planes.Hub, Stages.Verified, Now)) };
        Assert.Empty(Of(good with { Enabled = false, SymmetricKey = true, LastActivityAt = Now + policy.CutOffWithin }, shut));
        Assert.Equal(["activity-after-end"], Of(good with { Enabled = false, LastActivityAt = Now + policy.CutOffWithin + TimeSpan.FromTicks(1) }, shut));
    }

    [Fact]
    public void What_a_group_shows_against_the_ledger()
    {
        var good = new GroupFact("g", Enabled: true, Webhook: true, null);
        var known = new DeviceGroup { Id = "g", Owner = "o", Models = ["pump"], DevicesMax = 10, Signers = [], NotAfter = Now.AddTicks(1) };
        string[] Of(GroupFact fact, DeviceGroup? group) => [.. Findings.OfGroup(fact, group, Now).Select(finding => finding.Kind.Code)];
        Assert.Empty(Of(good, known));
        Assert.Equal(["group-uncapped"], Of(good, null));
        Assert.Equal(["webhook-bypassed"], Of(good with { Webhook = false }, known));
        Assert.Equal(["group-ca-expired"], Of(good, known with { NotAfter = Now }));
        Assert.Equal(["group-uncapped", "group-ca-expired"], Of(good with { NotAfter = Now }, null));
        Assert.Empty(Of(good with { Enabled = false, Webhook = false }, null));
    }

    [Fact]
    public void Kinds_are_worth_a_hundred_points_together_and_a_clean_fleet_has_them_all()
    {
        Assert.Equal(100, Findings.Kinds.Sum(kind => kind.Weight));
        Assert.Equal(Findings.Kinds.Length, Findings.Kinds.Select(kind => kind.Code).Distinct().Count());
        Assert.Equal(100, Findings.Score(new Dictionary<string, int>(), 10));
        Assert.Equal(95.05, Findings.Score(new Dictionary<string, int> { ["key-shared"] = 1 }, 10)); // half of 9, and a tenth of the other half
        Assert.Equal(0, Findings.Score(Findings.Kinds.ToDictionary(kind => kind.Code, _ => 10), 10));
    }

    [Fact]
    public async Task Findings_open_with_one_alert_stay_without_another_and_close_by_themselves()
    {
        await _world.Add("d");
        _fleet.Identities.Add(new IdentityFact("hub-a", "stray", true, false, null));
        Assert.Equal(["identity-orphaned stray"], await Round());
        Assert.Equal(["identity-orphaned"], _world.Alerts.Select(alert => alert.Word));
        Assert.Equal(["identity-orphaned stray"], await Round());
        Assert.Single(_world.Alerts);
        _fleet.Identities.Clear();
        Assert.Empty(await Round());
        Assert.Equal([96 - 4, 96 - 4, 100], (await _findings.Cursor(Cancel))!.Scores.Select(score => score.Score));
    }

    [Fact]
    public async Task An_accepted_finding_stays_and_costs_nothing_until_its_time_is_over()
    {
        await _world.Add("d");
        _fleet.Identities.Add(new IdentityFact("hub-a", "stray", true, false, null));
        await Round();
        World.Value(await new AuditDesk(_findings, _world.Clock).Accept("identity-orphaned", "stray", "a test bench", 1, "alice", Cancel));
        Assert.Equal(["identity-orphaned stray"], await Round());
        Assert.Equal(100, (await _findings.Cursor(Cancel))!.Score);
        _world.Clock.Advance(TimeSpan.FromDays(1));
        await Round();
        Assert.Equal(92, (await _findings.Cursor(Cancel))!.Score);
    }

    [Fact]
    public async Task A_tick_that_fails_or_ends_anywhere_is_gone_on_with_by_another_instance()
    {
        for (var i = 0; i < 450; i++) await _world.Add($"d{i:D3}", record => record with { Owner = i % 150 == 0 ? "-" : "owner-1" });
        _fleet.PageSize = 2;
        for (var i = 0; i < 5; i++) _fleet.Identities.Add(new IdentityFact("hub-a", $"stray-{i}", true, false, null));
        for (var fail = 1; ; fail++)
        {
            _fleet.Fails = fail;
            var failed = false;
            for (var tick = 0; tick < 50; tick++)
            {
                try
                {
                    if ((await Run(TimeSpan.Zero).Run(Cancel)).RoundEnded) break; // one page a tick
                }
                catch (IOException)
                {
                    failed = true;
                }
            }

            Assert.Equal(8, (await _findings.All(Cancel)).Count);
            if (!failed) break;
        }

        Assert.Equal(450, (await _findings.Cursor(Cancel))!.Scores[^1].Devices);
    }

    [Fact]
    public async Task Two_instances_do_not_count_one_round_twice()
    {
        for (var i = 0; i < 300; i++) await _world.Add($"d{i:D3}");
        await Task.WhenAll(Run(TimeSpan.FromMinutes(1)).Run(Cancel), Run(TimeSpan.FromMinutes(1)).Run(Cancel));
        while ((await _findings.Cursor(Cancel))!.Scores.Count == 0) await Run(TimeSpan.FromMinutes(1)).Run(Cancel);
        Assert.Equal(300, (await _findings.Cursor(Cancel))!.Scores[0].Devices);
    }

    [Fact]
    public async Task Rounds_keep_their_distance_and_devices_that_nobody_watches_are_watched()
    {
        await _world.Add("d");
        var run = Run(TimeSpan.FromMinutes(1), TimeSpan.FromHours(1));
        Assert.True((await run.Run(Cancel)).RoundEnded);
        Assert.Equal(World.Start.AddDays(210), (await _world.Memory.Get(DeviceId.From("d"), Cancel))!.DueAt);
        Assert.Equal(0, (await run.Run(Cancel)).Checked);
        _world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await run.Run(Cancel)).RoundEnded);
    }

    [Theory]
    [InlineData(30, 0)]
    [InlineData(29.9, 1)]
    public async Task The_age_that_is_warned_of_is_the_age_that_is_found(double days, int found)
    {
        await _world.Add("d"); // its certificate is 30 days old
        await Run(TimeSpan.FromMinutes(1), expiry: new ExpiryPolicy { CertificateAgeMax = TimeSpan.FromDays(days) }).Run(Cancel);
        Assert.Equal(found, (await _findings.All(Cancel)).Count(finding => finding.Code == "certificate-old"));
    }

    [Fact]
    public async Task A_groups_authority_is_warned_of_at_each_horizon_whenever_in_a_round_that_comes()
    {
        var group = new DeviceGroup { Id = "plant-7", Owner = "owner-1", Models = ["pump"], DevicesMax = 10, Signers = [], NotAfter = Now.AddDays(30).AddMinutes(1) };
        World.Value(await ((IDeviceGroups)_world.Memory).Create(group, Cancel));
        _fleet.Found.Add(new GroupFact("plant-7", Enabled: true, Webhook: true, NotAfter: null));
        Assert.Empty(await Round());
        Assert.Equal(["group-expires"], _world.Alerts.Select(alert => alert.Word)); // of 90 days

        _fleet.AfterGroups = () => _world.Clock.Advance(TimeSpan.FromMinutes(2)); // the 30 days begin after the groups were looked at
        await Round();
        _fleet.AfterGroups = () => { };
        await Round();
        await Round();
        Assert.Equal(2, _world.Alerts.Select(alert => alert.Id()).Distinct().Count());
        _world.Clock.SetUtcNow(group.NotAfter);
        Assert.Equal(["group-ca-expired plant-7"], await Round());
        Assert.Contains(_world.Alerts, alert => alert.Word == "group-expired");
    }

    public void Dispose() => _world.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static DeviceRecord Row(DeviceState state) => new()
    {
        Id = DeviceId.From("d"),
        State = state,
        Model = "pump",
        Owner = "owner-1",
        Current = new DeviceKey(KeyKind.X509, World.KeyOf("d")),
        EnrolledAt = Now,
    };

    private static DeviceRecord Begun() => Row(DeviceState.Decommissioned) with
    {
        Ending = new Ending("sold", Now, Now, DeviceState.Active),
        Closings = Closings.None.With(new PlaneClosing(Planes.Enrollment, Stages.Closed, Now)),
    };

    private AuditRun Run(TimeSpan tick, TimeSpan apart = default, ExpiryPolicy? expiry = null) => new(
        _world.Memory, _world.Memory, _fleet, _findings, _world, _world, expiry ?? new ExpiryPolicy(), new AuditSettings { TickTime = tick, RoundsApart = apart }, _world.Clock, NullLogger<AuditRun>.Instance);

    private async Task<IReadOnlyList<string>> Round()
    {
        while (!(await Run(TimeSpan.FromMinutes(1)).Run(Cancel)).RoundEnded)
        {
        }

        return [.. (await _findings.All(Cancel)).Select(finding => $"{finding.Code} {finding.Subject}").Order(StringComparer.Ordinal)];
    }

    /// <summary>A fleet in memory whose n-th call fails.</summary>
    private sealed class Fleet : IFleetReader
    {
        public List<IdentityFact> Identities { get; } = [];

        public int PageSize { get; set; } = 100;

        public int Fails { get; set; }

        public int Hubs => 1;

        public List<GroupFact> Found { get; } = [];

        public Action AfterGroups { get; set; } = () => { };

        public Task<Seen<GroupFact>> Groups(string? after, CancellationToken cancel) => Call(new Seen<GroupFact>([.. Found], null));

        public Task<Seen<EnrollmentSeen>> Enrollments(string? after, CancellationToken cancel)
        {
            AfterGroups();
            return Call(new Seen<EnrollmentSeen>([], null));
        }

        Task<Seen<IdentityFact>> IFleetReader.Identities(int hub, string? after, CancellationToken cancel)
        {
            var from = after is null ? 0 : int.Parse(after, System.Globalization.CultureInfo.InvariantCulture);
            var next = from + PageSize < Identities.Count ? (from + PageSize).ToString(System.Globalization.CultureInfo.InvariantCulture) : null;
            return Call(new Seen<IdentityFact>([.. Identities.Skip(from).Take(PageSize)], next));
        }

        public Task<bool> StandsDisabled(DeviceId device, CancellationToken cancel) => Call(true);

        private Task<T> Call<T>(T answer) => --Fails == 0 ? Task.FromException<T>(new IOException("the service is down")) : Task.FromResult(answer);
    }
}
