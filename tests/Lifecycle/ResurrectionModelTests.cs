using System.Collections.Concurrent;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Tests;

/// <summary>Every state of ledger, DPS, groups, registration record, hub and denial list that can be reached, by every act of the sweep (with a
/// crash after every step), of the device and of people, from every state a device can be in when it is due. The plan of the end and the
/// judgement of the webhook are the real ones; DPS, hub and people are the model's.</summary>
public sealed class ResurrectionModelTests
{
    private static readonly DateTimeOffset Now = World.Start;
    private static readonly string[] Names = [Planes.Enrollment, Planes.Hub, Planes.Registration, Planes.Keys, Planes.Denial, Planes.Firmware, Planes.Personal];
    private static readonly string[] StageWords = ["", Stages.Failed, Stages.Closed, Stages.Verified];

    private enum Row : byte
    {
        Ending,
        Dead,
        Certified,
        Removed,
    }

    private enum Entry : byte
    {
        None,
        Enabled,
        Disabled,
    }

    private enum Identity : byte
    {
        None,
        Open,
        Disabled,
        StrippedDisabled,
        StrippedEnabled,
    }

    private enum Act2
    {
        Step,
        StepAndCrash,
        Connect,
        Register,
        DeleteEntry,
        EnableEntry,
        DeleteNearGroup,
        MakeNearGroup,
        DisableNearGroup,
        DeleteFarGroup,
        MakeFarGroup,
        DisableFarGroup,
        DeleteRecord,
        DeleteIdentity,
        EnableIdentity,
        RemoveRow,
        RemoveDenial,
        Audit,
    }

    /// <summary>What somebody shows who has the device's certificates, or whom the group's authority made out another one.</summary>
    private enum Shown
    {
        Current,
        Next,
        Renewed,
        NameOnly,
        Nothing,
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_reachable_state_after_death_lets_the_device_in_unless_people_removed_row_denial_and_entry_all_three(bool ofGroup)
    {
        var died = Reach(Everything(ofGroup), _ => true, OfDevice).Where(state => state.Died).ToList();

        Assert.InRange(died.Count, 1_000, 5_000_000);
        Assert.All(died, state => Assert.False(GetsIn(state, OfDevice) && !(state.Row == Row.Removed && !state.Denied && state.Entry != Entry.Disabled), state.ToString()));
        // The boundary is real: without row, denial and entry nobody knows that it is dead.
        Assert.Contains(died, state => GetsIn(state, OfDevice));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_new_key_that_the_groups_authority_certifies_gets_the_dead_id_in_only_where_people_removed_row_and_entry(bool ofGroup)
    {
        var died = Reach(Everything(ofGroup), _ => true, Anything).Where(state => state.Died).ToList();

        Assert.All(died, state => Assert.False(GetsIn(state, Anything) && !(state.Row == Row.Removed && state.Entry != Entry.Disabled), state.ToString()));
        Assert.Contains(died, state => state.Denied && GetsIn(state, Anything));
        // And then the old key is in with it: a hub asks no more than that the authority signed.
        Assert.Contains(died, state => state.Denied && GetsIn(state, OfDevice));
    }

    [Fact]
    public void While_people_keep_their_hands_off_nothing_gets_in_once_entry_and_identity_are_closed()
    {
        Act2[] hands = [Act2.Step, Act2.StepAndCrash, Act2.Connect, Act2.Register];
        var shut = Reach(Everything(true).Concat(Everything(false)), act => hands.Contains(act), Anything).Where(state => state.Closed(0) && state.Closed(1)).ToList();
        Assert.InRange(shut.Count, 200, 1_000_000);
        Assert.All(shut, state => Assert.False(GetsIn(state, Anything), state.ToString()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void From_every_reachable_state_of_an_end_the_sweep_alone_brings_it_to_a_certified_death(bool ofGroup)
    {
        foreach (var state in Reach(Everything(ofGroup), act => act is not (Act2.RemoveRow or Act2.RemoveDenial), Anything))
        {
            var at = state;
            for (var steps = 0; at.Row != Row.Certified && at.Row != Row.Removed; steps++)
            {
                Assert.True(steps < 40, $"no end from {state}: at {at}");
                at = Apply(at, Act2.Step, Anything)!.Value;
            }
        }
    }

    [Fact]
    public void The_model_is_alive_a_device_that_is_not_shut_out_does_get_in()
    {
        Assert.Contains(Everything(true), state => GetsIn(state, OfDevice));
        // And the order matters: with the entry deleted instead of disabled, a group would admit a device that no row speaks against.
        var deleted = new State(true, Row.Removed, Entry.None, Entry.Enabled, Entry.None, false, Identity.None, false, 0, true);
        Assert.True(GetsIn(deleted, OfDevice));
        Assert.False(GetsIn(deleted with { Entry = Entry.Disabled }, Anything));
        Assert.False(GetsIn(deleted with { Near = Entry.Disabled, Far = Entry.Enabled }, Anything)); // the first match decides
        // The webhook is the real one: each of these stands alone.
        Assert.False(GetsIn(deleted with { Denied = true }, OfDevice));
        Assert.True(GetsIn(deleted with { Denied = true }, [Shown.Renewed]));
        foreach (var row in new[] { Row.Ending, Row.Dead, Row.Certified }) Assert.False(GetsIn(deleted with { Row = row }, Anything));
        foreach (var hidden in new[] { Shown.NameOnly, Shown.Nothing }) Assert.False(GetsIn(deleted, [hidden]));
    }

    private static readonly Shown[] OfDevice = [Shown.Current, Shown.Next, Shown.NameOnly, Shown.Nothing];
    private static readonly Shown[] Anything = Enum.GetValues<Shown>();

    private static IEnumerable<State> Everything(bool ofGroup) =>
        from entry in Enum.GetValues<Entry>()
        from near in Enum.GetValues<Entry>()
        from far in Enum.GetValues<Entry>()
        from registered in new[] { false, true }
        from identity in Enum.GetValues<Identity>()
        from denied in new[] { false, true }
        select new State(ofGroup, Row.Ending, entry, near, far, registered, identity, denied, 0, false);

    private static HashSet<State> Reach(IEnumerable<State> from, Func<Act2, bool> allowed, Shown[] with)
    {
        var acts = Enum.GetValues<Act2>().Where(allowed).ToArray();
        var seen = new HashSet<State>(from);
        var open = new Queue<State>(seen);
        while (open.TryDequeue(out var state))
        {
            foreach (var act in acts)
            {
                if (Apply(state, act, with) is { } next && seen.Add(next)) open.Enqueue(next);
            }
        }

        return seen;
    }

    // DPS: the individual entry decides where there is one, then the nearest group, then the next; the first match decides.
    private static (bool Asks, string? Group) Dps(State state) =>
        state.Entry != Entry.None ? (state.Entry == Entry.Enabled, null) : state.Near != Entry.None ? (state.Near == Entry.Enabled, "near") : (state.Far == Entry.Enabled, "far");

    /// <summary>The webhook's own rule, asked as DPS would ask, with everything in the device's favour that people could have arranged: the groups
    /// are known and open, an entry made by hand names ours and whatever certificate is shown, and no index remembers whose the key was.</summary>
    private static bool Allocates(State state, Shown shown)
    {
        var (asks, group) = Dps(state);
        if (!asks) return false;
        return Answers.GetOrAdd((state.OfGroup, state.Row, group, state.Denied, shown), key =>
        {
            var row = key.Row == Row.Removed ? null : state.ToRecord();
            var presented = Present(key.Shown);
            var request = new AllocationRequest
            {
                Id = DeviceId.From("d"),
                Group = key.Group,
                Presented = presented,
                Enrolled = key.Group is null ? [presented.CertificateThumbprint ?? Current.CertificateThumbprint!] : [],
                Ours = true,
                LinkedHubs = ["hub-a"],
            };
            var known = key.Group is null ? null : new DeviceGroup { Id = key.Group, Owner = "owner-1", Models = ["pump"], DevicesMax = 1000, Signers = [], NotAfter = Now.AddYears(9) };
            var asked = Allocation.KeyOf(request, row);
            var denied = key.Denied && asked is not null && (asked == Current.Thumbprint || asked == Next.Thumbprint);
            return Allocation.Decide(new AllocationCase(request, row, known, null, denied, Storm.None, Policy, UnseenLeaf.Refuse), Now).Fault is null;
        });
    }

    private static Presented Present(Shown shown) => shown switch
    {
        Shown.Current => new(KeyKind.X509, Current.CertificateThumbprint, Current),
        Shown.Next => new(KeyKind.X509, Next.CertificateThumbprint, Next),
        Shown.Renewed => new(KeyKind.X509, Renewed.CertificateThumbprint, Renewed),
        Shown.NameOnly => new(KeyKind.X509, Current.CertificateThumbprint, null),
        _ => new(KeyKind.X509, null, null),
    };

    private static DeviceKey Key(string name) => new(KeyKind.X509, World.KeyOf(name), Now, Now.AddYears(1), "AA==", World.KeyOf("certificate of " + name).Text);

    private static readonly DeviceKey Current = Key("d");
    private static readonly DeviceKey Next = Key("d's next");
    private static readonly DeviceKey Renewed = Key("d's renewed");
    private static readonly ConcurrentDictionary<(bool OfGroup, Row Row, string? Group, bool Denied, Shown Shown), bool> Answers = new();
    private static readonly FleetPolicy Policy = FleetPolicy.Parse("""
        {"version":1,"models":[{"model":"pump","profile":"","ring":"","keys":["P-256"],"validityDaysMax":3650,"tpm":false,"symmetricKeys":false}],
         "hubs":[{"host":"hub-a","weight":1,"draining":false}],"registrations":{"devicePerMinute":1000,"groupPerMinute":1000}}
        """u8.ToArray()).TryGet(out var policy, out var fault) ? policy : throw new InvalidOperationException(fault.ToString());

    // A hub's identity of a group's device trusts the authority, one of a device by itself its certificates: either way whoever it opens to is in.
    private static bool GetsIn(State state, IEnumerable<Shown> with) => state.Identity == Identity.Open || with.Any(shown => Allocates(state, shown));

    private static State? Apply(State state, Act2 act, IEnumerable<Shown> with) => act switch
    {
        Act2.Step => Step(state, recorded: true),
        Act2.StepAndCrash => Step(state, recorded: false),
        Act2.Connect => state,
        // Azure does not say what a registration makes of an identity that is there: here it opens it, the worst it could do.
        Act2.Register => with.Any(shown => Allocates(state, shown)) ? state with { Registered = true, Identity = Identity.Open } : state,
        Act2.DeleteEntry => state with { Entry = Entry.None },
        Act2.EnableEntry => state.Entry == Entry.Disabled ? state with { Entry = Entry.Enabled } : state,
        Act2.DeleteNearGroup => state with { Near = Entry.None },
        Act2.MakeNearGroup => state with { Near = Entry.Enabled },
        Act2.DisableNearGroup => state with { Near = Entry.Disabled },
        Act2.DeleteFarGroup => state with { Far = Entry.None },
        Act2.MakeFarGroup => state with { Far = Entry.Enabled },
        Act2.DisableFarGroup => state with { Far = Entry.Disabled },
        Act2.DeleteRecord => state with { Registered = false },
        Act2.DeleteIdentity => state with { Identity = Identity.None },
        // By hand the status can be changed; the device's credential is gone once the sweep was there. Enabling an identity that was merely
        // disabled while the end is under way is what reading back is for.
        Act2.EnableIdentity => state.Identity switch
        {
            Identity.StrippedDisabled => state with { Identity = Identity.StrippedEnabled },
            Identity.Disabled => state with { Identity = Identity.Open },
            _ => state,
        },
        Act2.RemoveRow => state.Row is Row.Dead or Row.Certified ? state with { Row = Row.Removed } : null,
        Act2.RemoveDenial => state.Died ? state with { Denied = false } : null,
        // The audit makes the row of a dead device due whose entry or identity it found open.
        Act2.Audit => state.Row is Row.Dead or Row.Certified
            ? state.WithRow(ClosingPlan.After(state.ToRecord(), Readings(state).Where(reading => !reading.Closed && reading.Plane is Planes.Enrollment or Planes.Hub && !reading.Closed), Now, Now))
            : null,
        _ => null,
    };

    /// <summary>One step as the plan says: its effect, and unless it crashes its record in the row.</summary>
    private static State? Step(State state, bool recorded)
    {
        if (state.Row == Row.Removed) return null;
        var record = state.ToRecord();
        var next = ClosingPlan.Of(record, Now);
        switch (next.Step)
        {
            case NextStep.Close:
                var after = next.Plane!.Name switch
                {
                    Planes.Enrollment => state with { Entry = Entry.Disabled },
                    Planes.Hub => state with { Identity = state.Identity == Identity.None ? Identity.None : Identity.StrippedDisabled },
                    Planes.Registration => state with { Registered = false },
                    Planes.Denial => state with { Denied = true },
                    _ => state,
                };
                return recorded ? after.WithRow(ClosingPlan.After(record, new PlaneOutcome(next.Plane.Name, Stages.Closed, ""), Now, Now)) : after;
            case NextStep.Verify:
                return recorded ? state.WithRow(ClosingPlan.After(record, Readings(state), Now, Now)) : state;
            case NextStep.Bury:
                return recorded ? state with { Row = Row.Dead, Died = true } : state;
            case NextStep.Certify:
                return recorded ? state with { Row = Row.Certified } : state;
            default:
                return state;
        }
    }

    private static IEnumerable<PlaneReading> Readings(State state) =>
    [
        new(Planes.Enrollment, state.Entry == Entry.Disabled, ""),
        new(Planes.Hub, state.Identity is Identity.None or Identity.Disabled or Identity.StrippedDisabled, ""),
        new(Planes.Registration, !state.Registered, ""),
        new(Planes.Denial, state.Denied, ""),
        new(Planes.Firmware, true, ""),
        new(Planes.Personal, true, ""),
    ];

    /// <param name="OfGroup">Whether a group admitted it, or it was enrolled by itself.</param>
    /// <param name="Row">The ledger's.</param>
    /// <param name="Entry">The individual enrolment.</param>
    /// <param name="Near">The group of the nearest authority.</param>
    /// <param name="Far">The group of the next one.</param>
    /// <param name="Registered">Whether there is a registration record.</param>
    /// <param name="Identity">The hub's.</param>
    /// <param name="Denied">Whether the key is on the denial list.</param>
    /// <param name="Progress">Two bits a plane: how far it is.</param>
    /// <param name="Died">Whether the row ever said dead.</param>
    private readonly record struct State(bool OfGroup, Row Row, Entry Entry, Entry Near, Entry Far, bool Registered, Identity Identity, bool Denied, int Progress, bool Died)
    {
        public bool Closed(int plane) => Stages.IsDone(ToRecord().Closings[Names[plane]]);

        public DeviceRecord ToRecord()
        {
            var closings = Closings.None;
            for (var plane = 0; plane < Names.Length; plane++)
            {
                var stage = (Progress >> (2 * plane)) & 3;
                if (stage != 0) closings = closings.With(new PlaneClosing(Names[plane], StageWords[stage], Now));
            }

            if (Row == Row.Certified) closings = closings.With(new PlaneClosing(Planes.Certificate, Stages.Closed, Now));
            return new DeviceRecord
            {
                Id = DeviceId.From("d"),
                State = Row == Row.Ending ? DeviceState.Decommissioned : DeviceState.Dead,
                Model = "pump",
                Owner = "owner-1",
                Group = OfGroup ? "near" : null,
                Current = ResurrectionModelTests.Current,
                Next = ResurrectionModelTests.Next,
                EnrolledAt = Now,
                Ending = new Ending("sold", Now, Now, DeviceState.Active),
                Closings = closings,
            };
        }

        public State WithRow(DeviceRecord record)
        {
            var progress = 0;
            for (var plane = 0; plane < Names.Length; plane++) progress |= Array.IndexOf(StageWords, record.Closings[Names[plane]]?.Stage ?? "") << (2 * plane);
            return this with { Progress = progress };
        }
    }
}
