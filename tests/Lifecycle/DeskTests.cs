using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Devices;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Tests;

public sealed class DeskTests : IDisposable
{
    private readonly World _world = new();

    [Fact]
    public async Task One_device_ends_at_request_and_the_request_again_changes_nothing()
    {
        await _world.Add("d");
        var desk = Desk();
        var first = World.Value(await desk.Begin(DeviceId.From("d"), Wish(TimeSpan.FromDays(1)), "alice", Cancel));
        _world.Clock.Advance(TimeSpan.FromHours(1));
        var again = World.Value(await desk.Begin(DeviceId.From("d"), Wish(TimeSpan.FromDays(1)), "bob", Cancel));
        Assert.Equal(first, again);
        var entry = (await _world.Memory.Audit(DeviceId.From("d"), Cancel))[^1];
        Assert.Equal(("alice", "sold", Act.Decommission), (entry.Deed.Who, entry.Deed.Why, entry.Deed.By));

        Assert.Equal("device-unknown", (await desk.Begin(DeviceId.From("none"), Wish(TimeSpan.Zero), "alice", Cancel)).Fault?.Code);
        Assert.Equal("grace-range", (await desk.Begin(DeviceId.From("d"), Wish(TimeSpan.FromDays(31)), "alice", Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task An_end_in_grace_is_taken_back_and_the_device_is_watched_again()
    {
        await _world.Add("d");
        var desk = Desk();
        World.Value(await desk.Begin(DeviceId.From("d"), Wish(TimeSpan.FromDays(1)), "alice", Cancel));
        var back = World.Value(await desk.Cancel(DeviceId.From("d"), "kept", "bob", Cancel));
        Assert.Equal((DeviceState.Active, World.Start.AddDays(210)), (back.State, back.DueAt)); // 90 days before its certificate ends
        Assert.Equal("reason-missing", (await desk.Cancel(DeviceId.From("d"), "", "bob", Cancel)).Fault?.Code);
        Assert.True(await _world.GetsIn("d"));
    }

    [Fact]
    public async Task A_query_ends_exactly_the_devices_that_were_listed_and_confirmed()
    {
        foreach (var id in new[] { "a", "b", "c" }) await _world.Add(id);
        await _world.Add("other", record => record with { Owner = "owner-2" });
        await _world.Decommission("c", TimeSpan.FromDays(1));
        var desk = Desk();
        var query = new DeviceQuery(Owner: "owner-1");

        var listed = World.Value(await desk.Select(query, Cancel));
        Assert.Equal(["a", "b"], listed.Select(id => id.Text));
        Assert.Equal(DeviceState.Active, (await _world.Memory.Get(DeviceId.From("a"), Cancel))!.State); // a dry run

        await _world.Add("late"); // the list is another now
        Assert.Equal("selection-stale", (await desk.BeginAll(query, Wish(TimeSpan.Zero), listed.Count, Decommissioning.Digest(listed), "alice", Cancel)).Fault?.Code);
        listed = World.Value(await desk.Select(query, Cancel));
        var done = World.Value(await desk.BeginAll(query, Wish(TimeSpan.Zero), listed.Count, Decommissioning.Digest(listed), "alice", Cancel));
        Assert.Equal(["a", "b", "late"], done.Where(item => item.Fault is null).Select(item => item.Id.Text));
        Assert.Equal(DeviceState.Active, (await _world.Memory.Get(DeviceId.From("other"), Cancel))!.State);

        Assert.Equal("selection-empty-unsupported", (await desk.Select(new DeviceQuery(), Cancel)).Fault?.Code);
    }

    [Theory]
    [InlineData(10_000, null)]
    [InlineData(10_001, "selection-too-large")]
    public async Task A_query_names_at_most_ten_thousand(int count, string? fault)
    {
        for (var i = 0; i < count; i++)
        {
            await _world.Memory.Create(
                new DeviceRecord
                {
                    Id = DeviceId.From($"d{i}"),
                    State = DeviceState.Enrolled,
                    Model = "pump",
                    Owner = "owner-1",
                    Current = new DeviceKey(KeyKind.SymmetricKey, null),
                    EnrolledAt = World.Start,
                },
                _world.Deed(Act.Enroll), Cancel);
        }

        Assert.Equal(fault, (await Desk().Select(new DeviceQuery(Model: "pump"), Cancel)).Fault?.Code);
    }

    [Theory]
    [InlineData("""{"reason":"sold"}""", true)]
    [InlineData("""{"reason":"sold","graceSeconds":60,"factoryReset":true}""", true)]
    [InlineData("""{"reason":"sold","grace":60}""", false)]
    [InlineData("""{"reason":null}""", false)]
    [InlineData("""{"reason":"a","reason":"b"}""", false)]
    [InlineData("""{}""", false)]
    [InlineData("""[]""", false)]
    [InlineData("""null""", false)]
    public void A_request_is_exactly_what_it_should_be(string json, bool taken) =>
        Assert.Equal(taken ? null : "json-body", LifecycleJson.Parse(System.Text.Encoding.UTF8.GetBytes(json), LifecycleJson.Default.DecommissionBody).Fault?.Code);

    [Fact]
    public async Task A_statement_is_shown_of_the_dead_only()
    {
        var living = await _world.Add("d");
        var certificates = new Proofs.DeathCertificates(_world, _world, _world, _world.Clock);
        Assert.Equal("device-unknown", (await certificates.Show(null, Cancel)).Fault?.Code);
        Assert.Equal("death-certificate-unknown", (await certificates.Show(living, Cancel)).Fault?.Code);
        await _world.Decommission("d");
        await _world.Sweep().Run(Cancel);
        var dead = (await _world.Memory.Get(DeviceId.From("d"), Cancel))!;
        await _world.Note(dead.Id, new ReturnAttempt(World.Start, "dps-registration", "refused"), Cancel);
        var shown = World.Value(await certificates.Show(dead, Cancel));
        Assert.Equal((_world.Statements.Values.Single(), 1), (shown.Statement, shown.Returns.Count));
        var row = dead with { Ending = dead.Ending! with { AskedAt = World.Start.AddDays(1) } };
        Assert.Equal("death-certificate-unknown", (await certificates.Show(row, Cancel)).Fault?.Code); // of this ending, not of an earlier one
    }

    [Theory]
    [InlineData(0, "weeks-range")]
    [InlineData(1, null)]
    [InlineData(104, null)]
    [InlineData(105, "weeks-range")]
    public async Task The_forecast_looks_one_to_a_hundred_and_four_weeks_ahead(int weeks, string? fault)
    {
        await _world.Add("d"); // ends after 300 days
        var shown = await new ForecastDesk(_world.Memory, new LifecycleSettings(), _world.Clock).Show(weeks, Cancel);
        Assert.Equal(fault, shown.Fault?.Code);
        if (shown.TryGet(out var body, out _)) Assert.Equal((1, true, weeks > 42 ? 1 : 0), (body.Devices, body.Complete, body.Weeks.Sum(week => week.CutOff)));
    }

    [Theory]
    [InlineData(0, "acceptance-range")]
    [InlineData(1, null)]
    [InlineData(365, null)]
    [InlineData(366, "acceptance-range")]
    public async Task A_finding_is_accepted_for_a_time_and_with_a_reason(int days, string? fault)
    {
        var findings = new MemoryFindings();
        await findings.Put(new OpenFinding("device-unowned", "d", "ledger", World.Start, 1), Cancel);
        var desk = new AuditDesk(findings, _world.Clock);
        Assert.Equal(fault, (await desk.Accept("device-unowned", "d", "a spare", days, "alice", Cancel)).Fault?.Code);
        Assert.Equal("reason-missing", (await desk.Accept("device-unowned", "d", "", 1, "alice", Cancel)).Fault?.Code);
        Assert.Equal("finding-unknown", (await desk.Accept("device-unowned", "e", "a spare", 1, "alice", Cancel)).Fault?.Code);
        var finding = Assert.Single(await findings.All(Cancel));
        Assert.Equal(fault is null, finding.IsAccepted(World.Start.AddDays(days).AddTicks(-1)));
        Assert.False(finding.IsAccepted(World.Start.AddDays(days)));
    }

    public void Dispose() => _world.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static EndingRequest Wish(TimeSpan grace) => new("sold", grace, false);

    private DecommissionDesk Desk() => new(_world.Memory, new LifecycleSettings(), _world.Clock, NullLogger<DecommissionDesk>.Instance);
}
