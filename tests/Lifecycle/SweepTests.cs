using Serverless.Devices;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

public sealed class SweepTests : IDisposable
{
    private readonly World _world = new();

    [Fact]
    public async Task A_device_ends_on_every_plane_in_the_order_that_leaves_no_way_back()
    {
        await _world.Add("d");
        await _world.Decommission("d", factoryReset: true);

        var report = await _world.Sweep().Run(Cancel);

        Assert.Equal((1, 1, 0, 0), (report.Due, report.Ended, report.Failed, report.Left));
        var services = _world.Landed.Where(call => !call.StartsWith("ledger change", StringComparison.Ordinal) && !call.StartsWith("ledger get", StringComparison.Ordinal) && call != "ledger due");
        Assert.Equal(
            ["reset d", "lock d", "shut d", "forget d", "ledger deny", "withdraw d", "purge d", "read-dps d", "read-hub d", "ledger denied", "read-statement d", "read-attempts d", "key", "sign", "store d"],
            services);
        var row = await Row("d");
        Assert.Equal((DeviceState.Dead, (DateTimeOffset?)null), (row.State, row.DueAt));
        Assert.Equal(
            ["d active->decommissioned decommission", "d decommissioned->decommissioned observe", .. Enumerable.Repeat("d decommissioned->decommissioned close", 9), "d decommissioned->dead bury", "d dead->dead close"],
            (await _world.Memory.Audit(row.Id, Cancel)).Skip(2).Select(entry => $"{entry.Device} {Words.Of(entry.From!.Value)}->{Words.Of(entry.To)} {Words.Of(entry.Deed.By)}"));
        Assert.False(await _world.GetsIn("d"));
    }

    [Fact]
    public async Task Nothing_is_closed_before_the_last_instant_of_grace()
    {
        await _world.Add("d");
        await _world.Decommission("d", TimeSpan.FromDays(1));
        _world.Clock.Advance(TimeSpan.FromDays(1) - TimeSpan.FromTicks(1));
        Assert.Equal(0, (await _world.Sweep().Run(Cancel)).Due);
        Assert.True((await Row("d")).Closings.IsEmpty);
        _world.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(1, (await _world.Sweep().Run(Cancel)).Ended);
    }

    [Fact]
    public async Task A_device_without_a_hub_identity_ends_too()
    {
        await _world.Add("d");
        _world.Identities.Clear(); // deleted by hand
        await _world.Decommission("d");
        Assert.Equal(1, (await _world.Sweep().Run(Cancel)).Ended);
        Assert.Equal("none", (await Row("d")).Closings[Planes.Hub]!.Answer);
        Assert.False(await _world.GetsIn("d"));
    }

    [Fact]
    public async Task A_transferred_id_is_free_and_its_old_key_is_not()
    {
        await _world.Add("d");
        await _world.Decommission("d", newOwner: "owner-2");
        await _world.Sweep().Run(Cancel);
        Assert.DoesNotContain("d", _world.Identities.Keys);
        var dead = await Row("d");
        Assert.False(await _world.GetsIn("d"));

        DeviceRecord Heir(string key) => dead with
        {
            State = DeviceState.Enrolled,
            Owner = "owner-2",
            Hub = null,
            Ending = null,
            Closings = Closings.None,
            DueAt = null,
            Current = new DeviceKey(KeyKind.X509, World.KeyOf(key)),
        };
        Assert.Equal("succession-refused", (await _world.Memory.Change(dead, Heir("d"), _world.Deed(Act.Succeed), Cancel)).Fault?.Code);
        Assert.Null((await _world.Memory.Change(dead, Heir("fresh"), _world.Deed(Act.Succeed), Cancel)).Fault);
    }

    [Fact]
    public async Task A_plane_that_opens_again_before_burial_is_closed_again()
    {
        await _world.Add("d");
        await _world.Decommission("d");
        // Somebody enables the identity between its closing and its reading back.
        var sweep = _world.Sweep();
        _world.Broken = (await Number("read-hub d"), Trouble.Fails);
        await sweep.Run(Cancel);
        _world.Broken = null;
        _world.Identities["d"] = (true, true);
        await Until(sweep, "d");
        Assert.Equal((false, false), _world.Identities["d"]);
        Assert.True((await Row("d")).Closings[Planes.Hub]!.Attempts >= 2);
        Assert.Equal([Planes.Hub], _world.Attempts["d"].Select(attempt => attempt.Path));
        Assert.True(DeathStatement.Verify(_world.Statements.Values.Single(), _world.Key).TryGet(out var said, out _));
        Assert.Equal(1, said.GetProperty("returnAttempts").GetInt32());
        Assert.False(await _world.GetsIn("d"));
    }

    [Fact]
    public async Task One_devices_trouble_is_not_the_others()
    {
        foreach (var id in new[] { "a", "b", "c", "e" }) await _world.Add(id);
        foreach (var id in new[] { "a", "b", "c", "e" }) await _world.Decommission(id);
        _world.Broken = (await NumberOf("lock b", ["a", "b", "c", "e"]), Trouble.Fails);
        var report = await _world.Sweep().Run(Cancel);
        Assert.Equal((3, 1, 1), (report.Ended, report.Failed, report.Left));
        Assert.Equal(DeviceState.Decommissioned, (await Row("b")).State);
        await Until(_world.Sweep(), "b");
    }

    [Fact]
    public async Task Two_instances_never_work_on_one_device_at_a_time()
    {
        for (var i = 0; i < 20; i++)
        {
            await _world.Add($"d{i:D2}");
            await _world.Decommission($"d{i:D2}");
        }

        var reports = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => _world.Sweep(new SweepSettings { Parallel = 2 }).Run(Cancel), Cancel)));

        Assert.Equal(20, reports.Sum(report => report.Ended));
        foreach (var plane in new[] { "lock", "forget", "withdraw", "purge", "store" })
        {
            Assert.Equal(20, _world.Landed.Count(call => call.StartsWith(plane + " ", StringComparison.Ordinal))); // each once
        }
    }

    [Fact]
    public async Task A_device_is_one_instances_alone_for_the_lease_and_whoever_lost_it_finds_out()
    {
        await _world.Add("d");
        await _world.Decommission("d");
        var (entered, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _world.Hold = what =>
        {
            if (what != "lock d") return Task.CompletedTask;
            entered.TrySetResult();
            return goOn.Task;
        };
        var slow = Task.Run(() => _world.Sweep().Run(Cancel), Cancel);
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        _world.Hold = null;

        Assert.Equal(0, (await _world.Sweep().Run(Cancel)).Due);
        _world.Clock.Advance(new SweepSettings().Lease - TimeSpan.FromTicks(1));
        Assert.Equal(0, (await _world.Sweep().Run(Cancel)).Due);
        _world.Clock.Advance(TimeSpan.FromTicks(1)); // it crashed, or it is slow: the device is due again
        Assert.Equal(1, (await _world.Sweep().Run(Cancel)).Ended);

        goOn.SetResult();
        var late = await slow;
        Assert.Equal((0, 1, 0), (late.Ended, late.Lost, late.Failed));
        Assert.Equal(DeviceState.Dead, (await Row("d")).State);
    }

    [Fact]
    public async Task The_worst_come_first()
    {
        await _world.Add("living", record => record with { DueAt = World.Start });
        await _world.Add("grace");
        await _world.Decommission("grace", TimeSpan.FromHours(1));
        _world.Clock.Advance(TimeSpan.FromHours(2));
        await _world.Add("now");
        await _world.Decommission("now");
        var suspect = await _world.Add("suspect");
        World.Value(await _world.Memory.Change(suspect, suspect with { State = DeviceState.Contained }, _world.Deed(Act.Contain), Cancel));
        await _world.Decommission("suspect", TimeSpan.Zero);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));

        await _world.Sweep().Run(Cancel);

        Assert.Equal(["lock suspect", "lock now", "lock grace"], _world.Landed.Where(call => call.StartsWith("lock", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_hundred_devices_cost_one_call_of_the_registry_to_shut_out()
    {
        for (var i = 0; i < 100; i++)
        {
            await _world.Add($"d{i:D2}");
            await _world.Decommission($"d{i:D2}");
        }

        Assert.Equal(100, (await _world.Sweep().Run(Cancel)).Ended);
        Assert.Single(_world.Landed, call => call.StartsWith("shut ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Time_that_is_over_leaves_the_rest_to_the_next_tick_and_says_when_it_ends()
    {
        for (var i = 0; i < 30; i++)
        {
            await _world.Add($"d{i:D2}");
            await _world.Decommission($"d{i:D2}");
        }

        var settings = new SweepSettings { Parallel = 1, Chunk = 10, TickTime = TimeSpan.FromSeconds(10) };
        var tick = _world.Sweep(settings).Run(Cancel);
        var first = await tick;
        Assert.Equal(30, first.Ended); // no time passes on this clock
        Assert.Equal(0, first.Left);

        var report = new SweepReport(Due: 100, Ended: 40, Looked: 10, Failed: 0, Lost: 0, Left: 50, Took: TimeSpan.FromMinutes(5));
        Assert.Equal(10, report.PerMinute);
        Assert.Equal(World.Start.AddMinutes(5), report.Finish(World.Start));
        Assert.Null((report with { Left = 0 }).Finish(World.Start));
        Assert.Null((report with { Ended = 0, Looked = 0 }).Finish(World.Start));
    }

    [Fact]
    public async Task The_living_are_warned_once_a_horizon()
    {
        await _world.Add("d", record => record with { DueAt = World.Start.AddDays(210) }); // ends after 300 days
        foreach (var (day, alerts) in new[] { (209, 0), (210, 1), (211, 1), (270, 2), (293, 3), (300, 4), (400, 4) })
        {
            _world.Clock.SetUtcNow(World.Start.AddDays(day));
            await _world.Sweep().Run(Cancel);
            Assert.Equal((day, alerts), (day, _world.Alerts.Count));
        }

        Assert.Equal(["certificate-expires", "certificate-expires", "certificate-expires", "certificate-expired"], _world.Alerts.Select(alert => alert.Word));
        Assert.Equal(4, _world.Alerts.Select(alert => alert.Id()).Distinct().Count());
        Assert.Null((await Row("d")).DueAt);
    }

    [Fact]
    public async Task The_end_of_support_is_told_to_the_device_and_to_its_owner()
    {
        await _world.Add("d", record => record with { DueAt = World.Start.AddDays(10), Current = new DeviceKey(KeyKind.SymmetricKey, null) });
        var policy = new ExpiryPolicy { SupportEnds = System.Collections.Immutable.ImmutableSortedDictionary<string, DateTimeOffset>.Empty.Add("pump", World.Start.AddDays(100)) };
        _world.Clock.SetUtcNow(World.Start.AddDays(10));
        await _world.Sweep(policy: policy).Run(Cancel);
        Assert.Contains($"announce d {World.Start.AddDays(100):yyyy-MM-dd}", _world.Landed);
        Assert.Equal(["support-ends"], _world.Alerts.Select(alert => alert.Word));
        Assert.Equal(World.Start.AddDays(70), (await Row("d")).DueAt);
    }

    [Fact]
    public async Task A_warning_whose_look_was_not_noted_comes_again_under_the_same_id()
    {
        await _world.Add("d", record => record with { DueAt = World.Start.AddDays(210) });
        _world.Clock.SetUtcNow(World.Start.AddDays(210));
        _world.Broken = (_world.Calls + 4, Trouble.Fails); // due, get, alert, change
        await _world.Sweep().Run(Cancel);
        _world.Broken = null;
        await _world.Sweep().Run(Cancel);
        Assert.Equal(2, _world.Alerts.Count);
        Assert.Equal(_world.Alerts[0].Id(), _world.Alerts[1].Id());
    }

    // Every call of a whole end × how it goes wrong × who goes on.
    public static TheoryData<Trouble, bool, bool> Troubles() =>
        new(from trouble in Enum.GetValues<Trouble>() from another in new[] { false, true } from transfer in new[] { false, true } select (trouble, another, transfer));

    [Theory]
    [MemberData(nameof(Troubles))]
    public async Task Whatever_call_goes_wrong_the_device_ends_and_never_gets_in_after_death(Trouble trouble, bool another, bool transfer)
    {
        var calls = await CallsOfAnEnd(transfer);
        Assert.InRange(calls, 25, 60);
        for (var number = 1; number <= calls; number++)
        {
            using var world = new World { Broken = (number, trouble) };
            await world.Add("d");
            await world.Decommission("d", factoryReset: true, newOwner: transfer ? "owner-2" : null);
            var sweep = world.Sweep();
            try
            {
                await sweep.Run(Cancel);
            }
            catch (Exception outage) when (outage is IOException or TaskCanceledException)
            {
                // The tick's own reading of what is due failed: the platform calls again.
            }

            world.Broken = null;
            for (var tick = 0; tick < 30 && (await world.Memory.Get(DeviceId.From("d"), Cancel))!.DueAt is not null; tick++)
            {
                world.Clock.Advance(TimeSpan.FromMinutes(5));
                await (another ? world.Sweep() : sweep).Run(Cancel);
            }

            var row = (await world.Memory.Get(DeviceId.From("d"), Cancel))!;
            Assert.Equal((number, DeviceState.Dead, (DateTimeOffset?)null), (number, row.State, row.DueAt));
            Assert.False(world.Enrolments["d"]);
            Assert.Equal(transfer ? [] : [(false, false)], world.Identities.Values);
            Assert.DoesNotContain("d", world.Registrations);
            Assert.True(await world.Memory.IsDenied(World.KeyOf("d"), Cancel));
            Assert.True(DeathStatement.Verify(Assert.Single(world.Statements).Value, world.Key).TryGet(out _, out var fault), fault?.ToString());
            Assert.InRange(world.Landed.Count(call => call == "reset d"), 0, 2);
            // Never a step ahead of the one before: the first landing of each is in order.
            string[] order = ["lock d", "shut d", "forget d", "ledger deny", "withdraw d", "purge d", .. transfer ? ["delete d"] : Array.Empty<string>(), "store d"];
            Assert.Equal(order, order.OrderBy(call => world.Landed.IndexOf(call)));
            Assert.False(await world.GetsIn("d"));
            world.Enrolments.Remove("d"); // not even when the planted entry is deleted by hand, as long as the key is denied
            Assert.False(await world.GetsIn("d"));
        }
    }

    public void Dispose() => _world.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<DeviceRecord> Row(string id) => (await _world.Memory.Get(DeviceId.From(id), Cancel))!;

    private async Task Until(SweepRun sweep, string id)
    {
        for (var tick = 0; tick < 30 && (await Row(id)).DueAt is not null; tick++)
        {
            _world.Clock.Advance(TimeSpan.FromMinutes(5));
            await sweep.Run(Cancel);
        }

        Assert.Equal(DeviceState.Dead, (await Row(id)).State);
    }

    private static async Task<int> CallsOfAnEnd(bool transfer)
    {
        using var world = new World();
        await world.Add("d");
        await world.Decommission("d", factoryReset: true, newOwner: transfer ? "owner-2" : null);
        await world.Sweep().Run(Cancel);
        return world.Calls;
    }

    // The number of a call, from a run like the one to come.
    private static Task<int> Number(string what) => NumberOf(what, ["d"]);

    private static async Task<int> NumberOf(string what, string[] ids)
    {
        using var world = new World();
        foreach (var id in ids) await world.Add(id);
        foreach (var id in ids) await world.Decommission(id);
        await world.Sweep().Run(Cancel);
        Assert.Equal(world.Calls, world.Landed.Count); // nothing failed: the index is the number
        return world.Landed.IndexOf(what) + 1;
    }
}
