using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Serverless.Devices;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

public sealed class RuleTests
{
    private static readonly DateTimeOffset Now = World.Start;

    [Theory]
    [InlineData("", 0, null, "reason-missing")]
    [InlineData(" ", 0, null, "reason-missing")]
    [InlineData("a\nb", 0, null, "reason-length")]
    [InlineData("ok", -1, null, "grace-range")]
    [InlineData("ok", 0, null, null)]
    [InlineData("ok", 3600, null, null)]
    [InlineData("ok", 3601, null, "grace-range")]
    [InlineData("ok", 0, "", "owner-length")]
    [InlineData("ok", 0, "o\u0001", "owner-length")]
    [InlineData("ok", 0, "owner-2", null)]
    public void A_wish_is_checked_by_itself(string reason, int graceSeconds, string? owner, string? fault) =>
        Assert.Equal(fault, Decommissioning.Check(new EndingRequest(reason, TimeSpan.FromSeconds(graceSeconds), false, owner), TimeSpan.FromHours(1))?.Code);

    [Theory]
    [InlineData(512, null)]
    [InlineData(513, "reason-length")]
    public void A_reason_has_at_most_512_characters(int length, string? fault) =>
        Assert.Equal(fault, Decommissioning.Check(new EndingRequest(new string('x', length), TimeSpan.Zero, false), TimeSpan.Zero)?.Code);

    [Theory]
    [InlineData(128, null)]
    [InlineData(129, "owner-length")]
    public void An_owner_has_at_most_128_characters(int length, string? fault) =>
        Assert.Equal(fault, Decommissioning.Check(new EndingRequest("sold", TimeSpan.Zero, false, new string('x', length)), TimeSpan.Zero)?.Code);

    [Fact]
    public void An_end_is_idempotent_and_only_ever_comes_sooner()
    {
        var record = Record(DeviceState.Active);
        var later = World.Value(Decommissioning.Begin(record, Wish(TimeSpan.FromDays(7)), Now));
        Assert.Equal((DeviceState.Decommissioned, DeviceState.Active, Now.AddDays(7)), (later.State, later.Ending!.Before, later.DueAt));
        Assert.Same(later, World.Value(Decommissioning.Begin(later, Wish(TimeSpan.FromDays(7)), Now)));
        Assert.Same(later, World.Value(Decommissioning.Begin(later, Wish(TimeSpan.FromDays(30)), Now)));
        var sooner = World.Value(Decommissioning.Begin(later, Wish(TimeSpan.FromDays(7) - TimeSpan.FromTicks(1)), Now));
        Assert.Equal(Now.AddDays(7).AddTicks(-1), sooner.Ending!.DueAt);
        Assert.Null(Transitions.Check(later with { Revision = 2 }, sooner with { Revision = 2 }, Act.Decommission, Now));

        Assert.Equal("ending-conflict", Decommissioning.Begin(later, Wish(TimeSpan.Zero) with { NewOwner = "owner-2" }, Now).Fault?.Code);
        Assert.Equal("owner-conflict", Decommissioning.Begin(record, Wish(TimeSpan.Zero) with { NewOwner = "owner-1" }, Now).Fault?.Code);
        Assert.Equal("device-gone", Decommissioning.Begin(record with { State = DeviceState.Dead }, Wish(TimeSpan.Zero), Now).Fault?.Code);
        var begun = later with { Closings = Closings.None.With(new PlaneClosing(Planes.Enrollment, Stages.Closed, Now)) };
        Assert.Equal("ending-conflict", Decommissioning.Begin(begun, Wish(TimeSpan.Zero) with { FactoryReset = true }, Now).Fault?.Code);
    }

    [Fact]
    public void An_end_is_taken_back_up_to_the_last_instant_and_before_any_plane()
    {
        var ending = World.Value(Decommissioning.Begin(Record(DeviceState.Contained), Wish(TimeSpan.FromDays(1)), Now));
        var back = World.Value(Decommissioning.Cancel(ending, null, Now.AddDays(1).AddTicks(-1)));
        Assert.Equal((DeviceState.Contained, (Ending?)null), (back.State, back.Ending)); // not a way out of containment
        Assert.Null(Transitions.Check(ending, back, Act.Restore, Now));
        Assert.Equal("ending-begun-conflict", Decommissioning.Cancel(ending, null, Now.AddDays(1)).Fault?.Code);
        var begun = ending with { Closings = Closings.None.With(new PlaneClosing(Planes.FactoryReset, Stages.Noted, Now)) };
        Assert.Equal("ending-begun-conflict", Decommissioning.Cancel(begun, null, Now).Fault?.Code);
        Assert.Equal("device-gone", Decommissioning.Cancel(ending with { State = DeviceState.Dead }, null, Now).Fault?.Code);
        var living = Record(DeviceState.Active);
        Assert.Same(living, World.Value(Decommissioning.Cancel(living, null, Now)));
    }

    [Fact]
    public void A_list_is_confirmed_by_its_number_and_its_very_members()
    {
        DeviceId[] ids = [DeviceId.From("b"), DeviceId.From("a")];
        Assert.Null(Decommissioning.Confirm(ids, 2, Decommissioning.Digest(ids.Reverse())));
        Assert.Equal("selection-stale", Decommissioning.Confirm(ids, 3, Decommissioning.Digest(ids))?.Code);
        Assert.Equal("selection-stale", Decommissioning.Confirm([DeviceId.From("a"), DeviceId.From("c")], 2, Decommissioning.Digest(ids))?.Code);
        Assert.NotEqual(Decommissioning.Digest([DeviceId.From("ab")]), Decommissioning.Digest(ids)); // no two lists look alike
    }

    [Fact]
    public void A_reading_that_is_too_old_is_read_again_before_burial()
    {
        var record = Ended(Stages.Verified);
        Assert.Equal(NextStep.Bury, ClosingPlan.Of(record, Now + ClosingPlan.ReadingAgeMax).Step);
        Assert.Equal(NextStep.Verify, ClosingPlan.Of(record, Now + ClosingPlan.ReadingAgeMax + TimeSpan.FromTicks(1)).Step);
        Assert.Equal(NextStep.Verify, ClosingPlan.Of(Ended(Stages.Closed), Now).Step);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(6, 32)]
    [InlineData(7, 60)]
    [InlineData(1000, 60)]
    public void Waits_double_up_to_an_hour(int attempts, int minutes) => Assert.Equal(TimeSpan.FromMinutes(minutes), ClosingPlan.RetryWait(attempts));

    [Fact]
    public void Planes_are_in_order_and_their_names_are_their_own()
    {
        Assert.Equal(Enumerable.Range(1, Planes.InOrder.Length), Planes.InOrder.Select(plane => plane.Order));
        Assert.Equal(Planes.InOrder.Length, Planes.InOrder.Select(plane => plane.Name).Distinct().Count());
        Assert.InRange(Planes.InOrder.Length + 1, 1, Closings.PlanesMax); // and the certificate
    }

    [Fact]
    public void A_statement_is_verified_with_the_public_key_alone_and_any_change_breaks_it()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var dead = Ended(Stages.Verified) with { State = DeviceState.Dead };
        var attempts = Enumerable.Range(0, DeathStatement.AttemptsMax + 1).Select(i => new ReturnAttempt(Now.AddMinutes(i), "dps-registration", "refused")).ToArray();
        var input = DeathStatement.SigningInput(dead, attempts, "https://vault.example/keys/death/1", Now);
        var statement = DeathStatement.Compact(input, key.SignHash(DeathStatement.Digest(input)));

        var said = World.Value(DeathStatement.Verify(statement, key));
        Assert.Equal(("d", "dead", "sold"), (said.GetProperty("device").GetString(), said.GetProperty("state").GetString(), said.GetProperty("reason").GetString()));
        Assert.Equal(Planes.Of(dead).Select(plane => plane.Name), said.GetProperty("planes").EnumerateArray().Select(plane => plane.GetProperty("plane").GetString()));
        Assert.Equal((101, 100), (said.GetProperty("returnAttempts").GetInt32(), said.GetProperty("returns").GetArrayLength()));
        Assert.InRange(statement.Length, 1, DeathStatement.BytesMax);

        Assert.Equal("statement-signature", DeathStatement.Verify(statement, other).Fault?.Code);
        for (var i = 0; i < statement.Length; i += 7)
        {
            var forged = statement[..i] + (statement[i] == 'A' ? 'B' : 'A') + statement[(i + 1)..];
            Assert.NotNull(DeathStatement.Verify(forged, key).Fault);
        }

        string[] forms = ["", "a.b", "a.b.c.d", statement + ".", statement[..^3], "!." + statement.Split('.')[1] + "." + statement.Split('.')[2], new string('A', DeathStatement.BytesMax + 1)];
        Assert.All(forms, form => Assert.Equal("statement-form", DeathStatement.Verify(form, key).Fault?.Code));
    }

    [Theory]
    [InlineData("""{"alg":"none","typ":"device-death+jws"}""", "statement-type")]
    [InlineData("""{"alg":"HS256","typ":"device-death+jws"}""", "statement-type")]
    [InlineData("""{"alg":"ES256","typ":"JWT"}""", "statement-type")]
    [InlineData("""{"alg":"ES256","typ":"device-death+jws","crit":["exp"]}""", "statement-type")]
    [InlineData("""{"alg":"ES256","alg":"ES256","typ":"device-death+jws"}""", "statement-type")]
    [InlineData("""{"alg":"ES256","typ":"device-death+jws"}""", "statement-form")]
    public void Another_token_of_the_same_key_is_no_statement(string header, string fault)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var input = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString("""{"sub":"d"}"""u8);
        Assert.Equal(fault, DeathStatement.Verify(DeathStatement.Compact(input, key.SignHash(DeathStatement.Digest(input))), key).Fault?.Code);
    }

    [Fact]
    public void Only_the_dead_get_a_statement() =>
        Assert.Throws<InvalidOperationException>(() => DeathStatement.SigningInput(Ended(Stages.Verified), [], "k", Now));

    [Fact]
    public void Warnings_come_at_their_horizons_and_each_once()
    {
        var policy = new ExpiryPolicy { SupportEnds = ImmutableSortedDictionary<string, DateTimeOffset>.Empty.Add("pump", Now.AddDays(200)) };
        var record = Record(DeviceState.Active) with { Current = new DeviceKey(KeyKind.X509, World.KeyOf("d"), Now.AddDays(-380), Now.AddDays(100)) };
        var (at, told) = (Now, new List<string>());
        while (Expiry.NextLook(record, policy, at) is { } next)
        {
            Assert.Empty(Expiry.Due(record, policy, at, next.AddTicks(-1)));
            told.AddRange(Expiry.Due(record, policy, at, next).Select(warning => $"{(next - Now).TotalDays:0} {warning.Word} {warning.HorizonDays}"));
            at = next;
        }

        Assert.Equal(
            ["10 certificate-expires 90", "20 certificate-old 0", "70 certificate-expires 30", "93 certificate-expires 7", "100 certificate-expired 0",
             "110 support-ends 90", "170 support-ends 30", "193 support-ends 7", "200 support-ended 0"],
            told);
        var rotating = record with { Next = new DeviceKey(KeyKind.X509, World.KeyOf("next"), Now, Now.AddDays(400)) };
        Assert.DoesNotContain(Expiry.Due(rotating, policy, Now, Now.AddDays(150)), warning => warning.Word.StartsWith("certificate", StringComparison.Ordinal));
        Assert.Null(Expiry.NextLook(record with { State = DeviceState.Dead }, policy, Now));
    }

    [Fact]
    public void Groups_are_warned_of_like_devices()
    {
        var group = new DeviceGroup { Id = "g", Owner = "o", Models = ["pump"], DevicesMax = 10, Signers = [], NotAfter = Now.AddDays(30) };
        Assert.Equal(["group-expires 30"], Expiry.Due(group, new ExpiryPolicy(), Now.AddTicks(-1), Now).Select(warning => $"{warning.Word} {warning.HorizonDays}"));
        Assert.Equal(["group-expired 0"], Expiry.Due(group, new ExpiryPolicy(), Now.AddDays(29), Now.AddDays(30)).Select(warning => $"{warning.Word} {warning.HorizonDays}"));
    }

    [Fact]
    public void The_forecast_counts_each_device_in_the_week_its_last_certificate_ends()
    {
        DeviceRecord Ends(double days, double? seenDaysAgo, DeviceState state = DeviceState.Active) => Record(state) with
        {
            Current = new DeviceKey(KeyKind.X509, null, Now.AddDays(-1), Now.AddDays(days)), LastSeenAt = seenDaysAgo is { } ago ? Now.AddDays(-ago) : null,
        };
        var weeks = Expiry.Forecast([Ends(0, 1), Ends(6.9, 40), Ends(7, null), Ends(-1, 1), Ends(14, 1), Ends(1, 1, DeviceState.Dead)], Now, 2, TimeSpan.FromDays(30));
        Assert.Equal([(2, 1), (1, 1)], weeks.Select(week => (week.CutOff, week.OutOfReach)));
    }

    [Fact]
    public void What_many_devices_cost_follows_from_the_quotas()
    {
        // 10,000 devices against a whole S1 unit: 1.01 registry operations each. DPS at 200 a minute takes longer: 4 each.
        Assert.Equal(101, SweepCost.Least(10_000, 100, 1000, 100).TotalMinutes, 6);
        Assert.Equal(200, SweepCost.Least(10_000, 100, 200, 100).TotalMinutes, 6);
    }

    private static EndingRequest Wish(TimeSpan grace) => new("sold", grace, false);

    private static DeviceRecord Record(DeviceState state) => new()
    {
        Id = DeviceId.From("d"),
        State = state,
        Model = "pump",
        Owner = "owner-1",
        Current = new DeviceKey(KeyKind.X509, World.KeyOf("d")),
        EnrolledAt = Now,
    };

    private static DeviceRecord Ended(string stage)
    {
        var record = Record(DeviceState.Decommissioned) with { Ending = new Ending("sold", Now, Now, DeviceState.Active) };
        return record with { Closings = Planes.Of(record).Aggregate(Closings.None, (closings, plane) => closings.With(new PlaneClosing(plane.Name, stage, Now, "answer", 1))) };
    }
}
