using FsCheck;
using FsCheck.Fluent;

namespace Serverless.Devices.Tests;

public class TransitionTests
{
    private static readonly DeviceState[] States = Enum.GetValues<DeviceState>();
    private static readonly Act[] Acts = Enum.GetValues<Act>();

    // The table once more, by hand, as README.md has it: what the code's table is held against.
    private static readonly Dictionary<(DeviceState, Act), DeviceState[]> Readme = new()
    {
        [(DeviceState.Enrolled, Act.Admit)] = [DeviceState.Active],
        [(DeviceState.Active, Act.Admit)] = [DeviceState.Active],
        [(DeviceState.Enrolled, Act.Rotate)] = [DeviceState.Enrolled],
        [(DeviceState.Active, Act.Rotate)] = [DeviceState.Active],
        [(DeviceState.Enrolled, Act.Amend)] = [DeviceState.Enrolled],
        [(DeviceState.Active, Act.Amend)] = [DeviceState.Active],
        [(DeviceState.Contained, Act.Amend)] = [DeviceState.Contained],
        [(DeviceState.Enrolled, Act.Contain)] = [DeviceState.Contained],
        [(DeviceState.Active, Act.Contain)] = [DeviceState.Contained],
        [(DeviceState.Contained, Act.Release)] = [DeviceState.Enrolled, DeviceState.Active],
        [(DeviceState.Enrolled, Act.Decommission)] = [DeviceState.Decommissioned],
        [(DeviceState.Active, Act.Decommission)] = [DeviceState.Decommissioned],
        [(DeviceState.Contained, Act.Decommission)] = [DeviceState.Decommissioned],
        [(DeviceState.Decommissioned, Act.Decommission)] = [DeviceState.Decommissioned],
        [(DeviceState.Decommissioned, Act.Restore)] = [DeviceState.Enrolled, DeviceState.Active, DeviceState.Contained],
        [(DeviceState.Decommissioned, Act.Close)] = [DeviceState.Decommissioned],
        [(DeviceState.Decommissioned, Act.Bury)] = [DeviceState.Dead],
        [(DeviceState.Dead, Act.Close)] = [DeviceState.Dead],
        [(DeviceState.Dead, Act.Succeed)] = [DeviceState.Enrolled],
        [(DeviceState.Enrolled, Act.Observe)] = [DeviceState.Enrolled],
        [(DeviceState.Active, Act.Observe)] = [DeviceState.Active],
        [(DeviceState.Contained, Act.Observe)] = [DeviceState.Contained],
        [(DeviceState.Decommissioned, Act.Observe)] = [DeviceState.Decommissioned],
        [(DeviceState.Dead, Act.Observe)] = [DeviceState.Dead],
    };

    [Fact]
    public void The_table_is_the_readmes_and_no_row_more()
    {
        var all = from before in States from act in Acts from after in States select (before, act, after);
        Assert.All(all, row =>
        {
            var (before, after) = Good(row.before, row.act, row.after);
            var allowed = Readme.GetValueOrDefault((row.before, row.act))?.Contains(row.after) == true;
            Assert.Equal(allowed ? null : "transition-refused", Transitions.Check(before, after, row.act, Some.Now)?.Code);
        });
    }

    [Theory]
    [InlineData(Act.Admit)]
    [InlineData(Act.Observe)]
    [InlineData(Act.Contain)]
    [InlineData(Act.Rotate)]
    [InlineData(Act.Amend)]
    public void An_act_changes_its_own_parts_and_no_others(Act act)
    {
        var to = act switch { Act.Admit => DeviceState.Active, Act.Contain => DeviceState.Contained, _ => DeviceState.Enrolled };
        var may = Transitions.Table.Single(row => row.From == DeviceState.Enrolled && row.By == act && row.To == to).May;
        var before = Some.Device("a");
        (Parts Part, DeviceRecord After)[] changes =
        [
            (Parts.Subject, before with { Model = "other" }),
            (Parts.Subject, before with { Owner = "other" }),
            (Parts.Keys, before with { Current = Some.X509("other") }),
            (Parts.Keys, before with { Next = Some.X509("other") }),
            (Parts.Placement, before with { Hub = "other" }),
            (Parts.Sighting, before with { FirmwareSeen = "other" }),
            (Parts.Sighting, before with { LastSeenAt = Some.Now }),
            (Parts.Sighting, before with { GenerationId = "other" }),
            (Parts.Ending, before with { Ending = new Ending("x", Some.Now, Some.Now, DeviceState.Enrolled) }),
            (Parts.Closings, before with { Closings = Closings.None.With(new PlaneClosing("hub", "asked", Some.Now)) }),
            (Parts.Due, before with { DueAt = Some.Now }),
            (Parts.Enrolment, before with { Group = "other" }),
            (Parts.Enrolment, before with { EnrolledAt = Some.Now.AddTicks(1) }),
            (Parts.Enrolment, before with { Request = "other" }),
        ];
        Assert.All(changes, change =>
        {
            Assert.Equal(change.Part, Transitions.Changed(before, change.After));
            Assert.Equal(may.HasFlag(change.Part) ? null : "transition-part", Transitions.Check(before, change.After with { State = to }, act, Some.Now)?.Code);
        });
        Assert.Equal("device-id-changed", Transitions.Check(before, Some.Device("b") with { State = to, Current = before.Current }, act, Some.Now)?.Code);
    }

    [Fact]
    public void Restoring_is_no_way_out_of_containment_or_of_death()
    {
        var due = Some.Now.AddHours(1);
        var ending = new Ending("sold", Some.Now, due, DeviceState.Contained);
        var gone = Some.Device("a") with { State = DeviceState.Decommissioned, Ending = ending, DueAt = due };
        var back = gone with { State = DeviceState.Contained, Ending = null, DueAt = null };
        Assert.Null(Transitions.Check(gone, back, Act.Restore, due.AddTicks(-1)));
        Assert.Equal("restore-late", Transitions.Check(gone, back, Act.Restore, due)?.Code);
        Assert.Equal("restore-state", Transitions.Check(gone, back with { State = DeviceState.Active }, Act.Restore, Some.Now)?.Code);
        Assert.Equal("restore-state", Transitions.Check(gone, back with { Ending = ending }, Act.Restore, Some.Now)?.Code);
        var begun = gone with { Closings = Closings.None.With(new PlaneClosing("hub", "asked", Some.Now)) };
        Assert.Equal("restore-late", Transitions.Check(begun, back with { Closings = begun.Closings }, Act.Restore, Some.Now)?.Code);
    }

    [Fact]
    public void An_end_needs_reason_and_time_and_never_comes_later()
    {
        var before = Some.Device("a");
        var ending = new Ending("sold", Some.Now, Some.Now.AddDays(1), DeviceState.Enrolled);
        var after = before with { State = DeviceState.Decommissioned, Ending = ending, DueAt = ending.DueAt };
        Assert.Null(Transitions.Check(before, after, Act.Decommission, Some.Now));
        Assert.Equal("ending-missing", Transitions.Check(before, after with { Ending = null }, Act.Decommission, Some.Now)?.Code);
        Assert.Equal("ending-missing", Transitions.Check(before, after with { DueAt = null }, Act.Decommission, Some.Now)?.Code);
        Assert.Equal("ending-missing", Transitions.Check(before, after with { Ending = ending with { Reason = "" } }, Act.Decommission, Some.Now)?.Code);
        Assert.Equal("restore-state", Transitions.Check(before, after with { Ending = ending with { Before = DeviceState.Active } }, Act.Decommission, Some.Now)?.Code);
        Assert.Null(Transitions.Check(after, after with { Ending = ending with { DueAt = ending.DueAt.AddTicks(-1) } }, Act.Decommission, Some.Now));
        Assert.Equal("ending-later", Transitions.Check(after, after with { Ending = ending with { DueAt = ending.DueAt.AddTicks(1) } }, Act.Decommission, Some.Now)?.Code);
        Assert.Equal("restore-state", Transitions.Check(after, after with { Ending = ending with { Before = DeviceState.Active } }, Act.Decommission, Some.Now)?.Code);
    }

    [Fact]
    public void Only_a_transferred_id_begins_again_and_only_with_a_new_key()
    {
        var ending = new Ending("sold", Some.Now, Some.Now, DeviceState.Enrolled, NewOwner: "globex");
        var dead = Some.Device("a") with { State = DeviceState.Dead, Ending = ending, Next = Some.X509("next") };
        var reborn = Some.Device("a", "new") with { Owner = "globex" };
        Assert.Null(Transitions.Check(dead, reborn, Act.Succeed, Some.Now));
        Assert.Equal("succession-refused", Transitions.Check(dead with { Ending = ending with { NewOwner = null } }, reborn, Act.Succeed, Some.Now)?.Code);
        Assert.Equal("succession-refused", Transitions.Check(dead, reborn with { Owner = "acme" }, Act.Succeed, Some.Now)?.Code);
        Assert.Equal("succession-refused", Transitions.Check(dead, reborn with { Current = dead.Current }, Act.Succeed, Some.Now)?.Code);
        Assert.Equal("succession-refused", Transitions.Check(dead, reborn with { Current = dead.Next! }, Act.Succeed, Some.Now)?.Code);
        Assert.Equal("succession-refused", Transitions.Check(dead, reborn with { Current = new DeviceKey(KeyKind.SymmetricKey, null) }, Act.Succeed, Some.Now)?.Code);
    }

    /// <summary>Any sequence of calls, sensible or not, on three devices: whatever the ledger accepted is in the table, and the row and the
    /// trail say the same.</summary>
    [Fact]
    public void No_sequence_of_calls_leaves_the_table()
    {
        var reached = new HashSet<DeviceState>();
        var refused = 0;
        var call = from device in Gen.Choose(0, 2) from act in Gen.Elements(Acts) from to in Gen.Elements(States) from key in Gen.Choose(0, 5) from stale in Gen.Choose(0, 9) select (device, act, to, key, stale);
        Prop.ForAll(Arb.From(call.ListOf()), calls => Play(calls, reached, ref refused)).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(120));
        Assert.Equal(States.Order(), reached.Order()); // the generator reaches every state
        Assert.True(refused > 100);
    }

    private static void Play(IEnumerable<(int Device, Act Act, DeviceState To, int Key, int Stale)> calls, HashSet<DeviceState> reached, ref int refused)
    {
        var ledger = new MemoryLedger();
        var ids = new[] { "a", "b", "c" };
        var older = new Dictionary<string, DeviceRecord>();
        foreach (var (device, act, to, key, stale) in calls)
        {
            var id = Some.Id(ids[device]);
            var now = ledger.Get(id, default).Result;
            if (now is null || act == Act.Enroll)
            {
                var made = ledger.Create(Some.Device(id.Text, $"key {key}") with { State = to }, Some.Deed(Act.Enroll), default).Result;
                if (made.Fault is not null) refused++;
                continue;
            }

            var before = stale == 0 && older.TryGetValue(id.Text, out var old) ? old : now;
            var (_, after) = Good(before.State, act, to);
            var wanted = Apply(before, after, act, key);
            older[id.Text] = before;
            var done = ledger.Change(before, wanted, Some.Deed(act), default).Result;
            if (done.TryGet(out var stored, out _))
            {
                Assert.Equal(now.ETag, before.ETag);
                Assert.Contains(to, Readme[(now.State, act)]);
                Assert.Equal(now.Revision + 1, stored.Revision);
                reached.Add(stored.State);
            }
            else
            {
                refused++;
                Assert.Equal(now, ledger.Get(id, default).Result);
            }
        }

        var keys = new HashSet<KeyThumbprint>();
        foreach (var id in ids.Select(Some.Id))
        {
            var trail = ledger.Audit(id, default).Result;
            var row = ledger.Get(id, default).Result;
            Assert.Equal(trail.Count, row?.Revision ?? 0);
            DeviceState? state = null;
            foreach (var entry in trail)
            {
                Assert.Equal(state, entry.From);
                if (state is { } from) Assert.Contains(entry.To, Readme[(from, entry.Deed.By)]);
                else Assert.Equal((Act.Enroll, DeviceState.Enrolled), (entry.Deed.By, entry.To));
                state = entry.To;
                reached.Add(entry.To);
            }

            Assert.Equal(state, row?.State);
            Assert.All(LedgerKeys.Of(row), key => Assert.True(keys.Add(key)));
        }
    }

    private static DeviceRecord Apply(DeviceRecord before, DeviceRecord shape, Act act, int key) => act switch
    {
        Act.Rotate => before with { State = shape.State, Next = Some.X509($"key {key}") },
        Act.Decommission => before with
        {
            State = shape.State,
            Ending = new Ending("x", Some.Now, before.Ending?.DueAt ?? Some.Now.AddDays(1), before.Ending?.Before ?? before.State, NewOwner: key < 3 ? "globex" : null),
            DueAt = Some.Now,
        },
        Act.Restore => before with { State = shape.State, Ending = null },
        Act.Succeed => Some.Device(before.Id.Text, $"key {key}") with { Owner = "globex", State = shape.State },
        _ => before with { State = shape.State },
    };

    /// <summary>A change that only the table can object to.</summary>
    private static (DeviceRecord Before, DeviceRecord After) Good(DeviceState from, Act act, DeviceState to)
    {
        var ending = new Ending("sold", Some.Now, Some.Now.AddDays(1), act == Act.Restore ? to : DeviceState.Enrolled, NewOwner: "globex");
        var before = Some.Device("a") with { State = from };
        if (from is DeviceState.Decommissioned or DeviceState.Dead) before = before with { Ending = ending, DueAt = ending.DueAt };
        var after = before with { State = to };
        if (act == Act.Decommission) after = after with { Ending = (before.Ending ?? ending) with { Before = before.Ending?.Before ?? from }, DueAt = ending.DueAt };
        if (act == Act.Restore) after = after with { Ending = null, DueAt = null };
        if (act == Act.Succeed) after = Some.Device("a", "new") with { State = to, Owner = "globex" };
        return (before, after);
    }
}
