using Serverless.Faults;

namespace Serverless.Devices.Tests;

/// <summary>What every ledger does: one suite, run over the one in memory and over the one in tables.</summary>
public abstract class LedgerContract
{
    private static int _worlds;

    /// <summary>Keeps the devices of one test apart from those of all others in a shared store.</summary>
    protected string World { get; } = $"w{Interlocked.Increment(ref _worlds)}-";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The ledger under test. Twice gives two writers on one store.</summary>
    protected abstract Task<IDeviceLedger> Ledger();

    /// <summary>Its groups.</summary>
    protected abstract Task<IDeviceGroups> Groups();

    [Fact]
    public async Task A_row_comes_back_as_it_was_stored()
    {
        var ledger = await Ledger();
        var full = Some.Device(World + "full:1_2.x") with
        {
            Group = "line-1",
            Next = Some.X509(World + "next"),
            Hub = "hub-a.example.net",
            GenerationId = "g1",
            FirmwareSeen = "1.2.3",
            LastSeenAt = Some.Now.AddTicks(7),
            Request = Some.Key("request").Text,
            DueAt = Some.Now.AddDays(30),
        };
        Assert.True((await ledger.Create(full, Some.Deed(Act.Enroll), Cancel)).TryGet(out var stored, out _));
        Assert.Equal(full with { ETag = stored.ETag, Revision = 1 }, stored);
        Assert.Equal(stored, await ledger.Get(full.Id, Cancel));

        var ending = new Ending("sold, \"as is\"", Some.Now, Some.Now.AddDays(2), DeviceState.Enrolled, FactoryReset: true, NewOwner: "globex");
        var ended = Accepted(await ledger.Change(stored, stored with { State = DeviceState.Decommissioned, Ending = ending, DueAt = ending.DueAt }, Some.Deed(Act.Decommission), Cancel));
        var closings = Closings.None.With(new PlaneClosing("dps-enrollment", "closed", Some.Now, "etag \"1\"", 3)).With(new PlaneClosing("hub", "asked", Some.Now.AddSeconds(1)));
        var closing = Accepted(await ledger.Change(ended, ended with { Closings = closings, DueAt = null }, Some.Deed(Act.Close), Cancel));
        Assert.Equal(closing, await ledger.Get(full.Id, Cancel));
        Assert.Equal((closings, ending, 3L), (closing.Closings, closing.Ending, closing.Revision));
    }

    [Fact]
    public async Task A_device_nobody_enrolled_is_no_row()
    {
        var ledger = await Ledger();
        Assert.Null(await ledger.Get(Some.Id(World + "nobody"), Cancel));
        Assert.Null(await ledger.FindByKey(Some.Key(World + "no key"), Cancel));
        Assert.False(await ledger.IsDenied(Some.Key(World + "no key"), Cancel));
        Assert.Empty(await ledger.Audit(Some.Id(World + "nobody"), Cancel));
        var changed = await ledger.Change(Some.Device(World + "nobody") with { ETag = "W/\"x\"" }, Some.Device(World + "nobody") with { State = DeviceState.Active }, Some.Deed(Act.Admit), Cancel);
        Assert.Equal("device-stale", changed.Fault?.Code);
        Assert.Equal("device-unknown", (await ledger.Change(Some.Id(World + "nobody"), Some.Deed(Act.Admit), record => record, Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_second_row_of_one_id_is_refused()
    {
        var ledger = await Ledger();
        var first = Accepted(await ledger.Create(Some.Device(World + "a"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal("device-exists", (await ledger.Create(Some.Device(World + "a", World + "other key"), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        Assert.Equal(first, await ledger.Get(first.Id, Cancel));
    }

    [Fact]
    public async Task A_key_belongs_to_one_device_for_good()
    {
        var ledger = await Ledger();
        var (one, two) = (World + "key 1", World + "key 2");
        var a = Accepted(await ledger.Create(Some.Device(World + "a", one), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal(a.Id, await ledger.FindByKey(Some.Key(one), Cancel));
        Assert.Equal("key-taken", (await ledger.Create(Some.Device(World + "b", one), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        Assert.Null(await ledger.Get(Some.Id(World + "b"), Cancel));

        var rotating = Accepted(await ledger.Change(a, a with { Next = Some.X509(two) }, Some.Deed(Act.Rotate), Cancel));
        Assert.Equal(a.Id, await ledger.FindByKey(Some.Key(two), Cancel));
        var rotated = Accepted(await ledger.Change(rotating, rotating with { Current = rotating.Next!, Next = null }, Some.Deed(Act.Rotate), Cancel));
        Assert.Equal(a.Id, await ledger.FindByKey(Some.Key(one), Cancel)); // dropped, and still nobody else's
        foreach (var key in new[] { one, two })
            Assert.Equal("key-taken", (await ledger.Create(Some.Device(World + "b", key), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        var b = Accepted(await ledger.Create(Some.Device(World + "b"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal("key-taken", (await ledger.Change(b, b with { Next = Some.X509(one) }, Some.Deed(Act.Rotate), Cancel)).Fault?.Code);
        Assert.Equal(two, rotated.Current.Certificate is { } text ? System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(text)) : null);
    }

    [Fact]
    public async Task A_refused_enrolment_holds_no_key()
    {
        var ledger = await Ledger();
        Accepted(await ledger.Create(Some.Device(World + "a"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal("device-exists", (await ledger.Create(Some.Device(World + "a", World + "free"), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        Accepted(await ledger.Create(Some.Device(World + "b", World + "free"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal(Some.Id(World + "b"), await ledger.FindByKey(Some.Key(World + "free"), Cancel));
    }

    [Fact]
    public async Task A_denied_key_is_taken_by_no_row()
    {
        var ledger = await Ledger();
        var denied = World + "denied";
        await ledger.Deny(Some.Key(denied), Some.Deed(Act.Bury), Cancel);
        await ledger.Deny(Some.Key(denied), Some.Deed(Act.Bury), Cancel);
        Assert.True(await ledger.IsDenied(Some.Key(denied), Cancel));
        Assert.Equal("key-forbidden", (await ledger.Create(Some.Device(World + "a", denied), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        var b = Accepted(await ledger.Create(Some.Device(World + "b"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal("key-forbidden", (await ledger.Change(b, b with { Next = Some.X509(denied) }, Some.Deed(Act.Rotate), Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Devices_with_symmetric_keys_share_no_thumbprint()
    {
        var ledger = await Ledger();
        foreach (var id in new[] { "a", "b" })
            Accepted(await ledger.Create(Some.Device(World + id) with { Current = new DeviceKey(KeyKind.SymmetricKey, null) }, Some.Deed(Act.Enroll), Cancel));
    }

    [Fact]
    public async Task A_change_of_what_was_not_read_last_is_refused()
    {
        var ledger = await Ledger();
        var read = Accepted(await ledger.Create(Some.Device(World + "a"), Some.Deed(Act.Enroll), Cancel));
        Accepted(await ledger.Change(read, read with { FirmwareSeen = "1" }, Some.Deed(Act.Observe), Cancel));
        var late = await ledger.Change(read, read with { FirmwareSeen = "2" }, Some.Deed(Act.Observe), Cancel);
        Assert.Equal("device-stale", late.Fault?.Code);
        Assert.Equal("1", (await ledger.Get(read.Id, Cancel))!.FirmwareSeen);
        Assert.Equal(2, (await ledger.Audit(read.Id, Cancel)).Count);
    }

    [Fact]
    public async Task A_change_outside_the_table_is_refused()
    {
        var ledger = await Ledger();
        Assert.Equal("transition-refused", (await ledger.Create(Some.Device(World + "a") with { State = DeviceState.Active }, Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        var read = Accepted(await ledger.Create(Some.Device(World + "a"), Some.Deed(Act.Enroll), Cancel));
        Assert.Equal("transition-refused", (await ledger.Change(read, read with { State = DeviceState.Dead }, Some.Deed(Act.Bury), Cancel)).Fault?.Code);
        Assert.Equal("transition-part", (await ledger.Change(read, read with { State = DeviceState.Active, Owner = "mallory" }, Some.Deed(Act.Admit), Cancel)).Fault?.Code);
        Assert.Equal(read, await ledger.Get(read.Id, Cancel));
    }

    [Fact]
    public async Task Two_writers_never_lose_an_update()
    {
        IDeviceLedger[] writers = [await Ledger(), await Ledger()];
        var id = Some.Id(World + "contended");
        Accepted(await writers[0].Create(Some.Device(id.Text) with { FirmwareSeen = "0" }, Some.Deed(Act.Enroll), Cancel));
        const int Each = 10;
        await Task.WhenAll(writers.Select((ledger, writer) => Task.Run(async () =>
        {
            for (var update = 0; update < Each;)
            {
                var done = await ledger.Change(
                    id,
                    Some.Deed(Act.Observe, $"writer {writer}"),
                    record => record with { FirmwareSeen = (int.Parse(record.FirmwareSeen!, null) + 1).ToString(System.Globalization.CultureInfo.InvariantCulture) },
                    Cancel);
                if (done.Fault is null) update++;
                else Assert.Equal("device-stale", done.Fault.Code); // lost sixteen races in a row: again
            }
        })));
        var end = (await writers[0].Get(id, Cancel))!;
        Assert.Equal((2 * Each).ToString(System.Globalization.CultureInfo.InvariantCulture), end.FirmwareSeen);
        Assert.Equal(2 * Each + 1, end.Revision);
        var trail = await writers[1].Audit(id, Cancel);
        Assert.Equal(Enumerable.Range(1, 2 * Each + 1).Select(revision => (long)revision), trail.Select(entry => entry.Revision));
        Assert.All(writers.Select((_, writer) => $"writer {writer}"), why => Assert.Equal(Each, trail.Count(entry => entry.Deed.Why == why)));
    }

    [Fact]
    public async Task One_key_asked_for_by_many_at_once_goes_to_one()
    {
        IDeviceLedger[] writers = [await Ledger(), await Ledger()];
        for (var round = 0; round < 4; round++)
        {
            var key = $"{World}wanted {round}";
            var ids = Enumerable.Range(0, 6).Select(number => $"{World}{round}-{number}").ToArray();
            var answers = await Task.WhenAll(ids.Select((id, number) => Task.Run(() => writers[number % 2].Create(Some.Device(id, key), Some.Deed(Act.Enroll), Cancel))));
            // None at all is allowed when they stop each other; two never.
            Assert.All(answers.Where(answer => answer.Fault is not null), answer => Assert.Equal("key-taken", answer.Fault!.Code));
            var rows = new List<DeviceRecord>();
            foreach (var id in ids)
                if (await writers[0].Get(Some.Id(id), Cancel) is { } row) rows.Add(row);
            Assert.Equal(answers.Count(answer => answer.Fault is null), rows.Count);
            Assert.InRange(rows.Count, 0, 1);
            Assert.Equal(rows.SingleOrDefault()?.Id, await writers[1].FindByKey(Some.Key(key), Cancel));
        }
    }

    [Fact]
    public async Task The_trail_tells_who_why_and_when()
    {
        var ledger = await Ledger();
        var read = Accepted(await ledger.Create(Some.Device(World + "a"), new Deed(Act.Enroll, "alice", "line 3\n\"first\"", Some.Now), Cancel));
        var contained = Accepted(await ledger.Change(read, read with { State = DeviceState.Contained }, new Deed(Act.Contain, "bob", "incident 7", Some.Now.AddMinutes(1)), Cancel));
        Accepted(await ledger.Change(contained, contained with { State = DeviceState.Enrolled }, new Deed(Act.Release, "carol", "all clear", Some.Now.AddMinutes(2)), Cancel));
        await ledger.Settle(Cancel);
        Assert.Equal(
            [
                new AuditEntry(read.Id, 1, new Deed(Act.Enroll, "alice", "line 3\n\"first\"", Some.Now), null, DeviceState.Enrolled, Parts.None),
                new AuditEntry(read.Id, 2, new Deed(Act.Contain, "bob", "incident 7", Some.Now.AddMinutes(1)), DeviceState.Enrolled, DeviceState.Contained, Parts.None),
                new AuditEntry(read.Id, 3, new Deed(Act.Release, "carol", "all clear", Some.Now.AddMinutes(2)), DeviceState.Contained, DeviceState.Enrolled, Parts.None),
            ],
            await ledger.Audit(read.Id, Cancel));
    }

    [Fact]
    public async Task Pages_hold_every_device_once_and_no_other()
    {
        var ledger = await Ledger();
        var (owner, ids) = (World + "owner", Enumerable.Range(0, 13).Select(number => $"{World}{number}").ToArray());
        foreach (var id in ids)
            Accepted(await ledger.Create(Some.Device(id) with { Owner = owner, Model = id.EndsWith('1') ? "gateway" : "pump", Group = id.EndsWith('2') ? World + "group" : null }, Some.Deed(Act.Enroll), Cancel));
        foreach (var take in new[] { 1, 5, 1000 })
            Assert.Equal(ids.Order(), (await All(ledger, new DeviceQuery(Owner: owner), take)).Order());
        Assert.Equal([World + "1", World + "11"], (await All(ledger, new DeviceQuery(Owner: owner, Model: "gateway"), 5)).Order());
        Assert.Equal([World + "12", World + "2"], (await All(ledger, new DeviceQuery(Group: World + "group"), 5)).Order());
        Assert.Empty(await All(ledger, new DeviceQuery(DeviceState.Dead, Owner: owner), 5));
        Assert.Equal(13, (await All(ledger, new DeviceQuery(DeviceState.Enrolled, Owner: owner), 5)).Count);
        Assert.Equal("page-token", (await ledger.List(new DeviceQuery(), "/../", 5, Cancel)).Fault?.Code);
        Assert.Equal("page-token", (await ledger.Due(Some.Now, "/../", 5, Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_sweep_sees_what_is_due_and_nothing_else()
    {
        var ledger = await Ledger();
        var due = Some.Now.AddYears(-int.Parse(World[1..^1], null)); // years apart from other tests' rows
        foreach (var number in Enumerable.Range(0, 7))
            Accepted(await ledger.Create(Some.Device($"{World}{number}") with { DueAt = number == 6 ? null : due.AddTicks(number) }, Some.Deed(Act.Enroll), Cancel));
        Assert.Equal(["0", "1", "2", "3"], await DueOnes(due.AddTicks(3)));
        Assert.Equal(["0", "1", "2", "3", "4", "5"], await DueOnes(due.AddTicks(100)));

        var later = (await ledger.Get(Some.Id(World + "0"), Cancel))!;
        Accepted(await ledger.Change(later, later with { DueAt = due.AddHours(1) }, Some.Deed(Act.Observe), Cancel));
        var never = (await ledger.Get(Some.Id(World + "1"), Cancel))!;
        Accepted(await ledger.Change(never, never with { DueAt = null }, Some.Deed(Act.Observe), Cancel));
        Assert.Equal(["2", "3", "4", "5"], await DueOnes(due.AddTicks(100)));
        Assert.Equal(["0", "2", "3", "4", "5"], await DueOnes(due.AddHours(1)));

        async Task<IEnumerable<string>> DueOnes(DateTimeOffset until)
        {
            var found = new List<string>();
            string? after = null;
            do
            {
                var page = Accepted(await ledger.Due(until, after, 2, Cancel));
                Assert.InRange(page.Items.Count, 0, 2);
                found.AddRange(page.Items.Where(one => one.Id.Text.StartsWith(World, StringComparison.Ordinal)).Select(one => one.Id.Text[World.Length..]));
                after = page.Next;
            }
            while (after is not null);
            return found.Order();
        }
    }

    [Fact]
    public async Task A_group_counts_each_device_once_and_never_beyond_its_cap()
    {
        IDeviceGroups[] writers = [await Groups(), await Groups()];
        var group = new DeviceGroup { Id = World + "g", Owner = "acme", Models = ["pump"], DevicesMax = 5, Signers = [Some.Key("ca")], NotAfter = Some.Now };
        var made = Accepted(await writers[0].Create(group, Cancel));
        Assert.Equal(group with { ETag = made.ETag }, made);
        Assert.Equal("group-exists", (await writers[0].Create(group, Cancel)).Fault?.Code);
        Assert.Equal("group-unknown", (await writers[0].Admit(World + "none", Some.Id("x"), Cancel)).Fault?.Code);

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(number => Task.Run(async () =>
        {
            var device = Some.Id($"{World}{number % 8}");
            while (true)
            {
                var answer = await writers[number % 2].Admit(group.Id, device, Cancel);
                if (answer.Fault?.Code != "group-busy") return (device, answer.Fault?.Code);
            }
        })));
        Assert.Equal(5, answers.Where(answer => answer.Code is null).Select(answer => answer.device).Distinct().Count());
        Assert.All(answers.Where(answer => answer.Code is not null), answer => Assert.Equal("group-full", answer.Code));
        var end = (await writers[1].Get(group.Id, Cancel))!;
        Assert.Equal(5, end.Admitted);
        Assert.Null((await writers[0].Admit(group.Id, answers.First(answer => answer.Code is null).device, Cancel)).Fault); // again is not once more
        Assert.Contains(end, await writers[0].List(Cancel));

        Assert.Equal("group-stale", (await writers[0].Change(made, made with { Enabled = false }, Cancel)).Fault?.Code);
        var off = Accepted(await writers[0].Change(end, end with { Enabled = false, Admitted = 0 }, Cancel));
        Assert.Equal((false, 5), (off.Enabled, off.Admitted)); // the count is nobody's to set
    }

    private static T Accepted<T>(Parsed<T> parsed)
        where T : notnull
    {
        Assert.True(parsed.TryGet(out var value, out var fault), fault?.ToString());
        return value;
    }

    private static async Task<List<string>> All(IDeviceLedger ledger, DeviceQuery query, int take)
    {
        var found = new List<string>();
        string? after = null;
        do
        {
            var page = Accepted(await ledger.List(query, after, take, Cancel));
            Assert.InRange(page.Items.Count, 0, take);
            found.AddRange(page.Items.Select(record => record.Id.Text));
            after = page.Next;
        }
        while (after is not null);
        return found;
    }
}
