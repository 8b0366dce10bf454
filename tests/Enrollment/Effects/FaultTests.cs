using Serverless.Devices;

namespace Serverless.Enrollment.Tests.Effects;

/// <summary>Each call to a store or service fails, or fails after landing; then the same or another request follows; at the end ledger and DPS
/// agree, nothing is done twice, and no key is anybody's twice.</summary>
public sealed class FaultTests
{
    private static CancellationToken Cancel => World.Cancel;

    [Theory]
    [InlineData("enroll", "same")]
    [InlineData("enroll", "other key")]
    [InlineData("enroll", "same key")]
    [InlineData("rotate", "same")]
    [InlineData("rotate", "remove")]
    [InlineData("remove", "same")]
    [InlineData("remove", "rotate")]
    [InlineData("allocate", "same")]
    [InlineData("allocate", "rotated")]
    [InlineData("join", "same")]
    [InlineData("join", "other")]
    [InlineData("group", "same")]
    [InlineData("batch", "same")]
    [InlineData("transfer", "same")]
    public async Task Whatever_fails_everyone_agrees_in_the_end(string act, string then)
    {
        var calls = await Calls(act);
        Assert.NotEqual(0, calls);
        for (var call = 0; call < calls; call++)
        {
            foreach (var mode in Enum.GetValues<FaultMode>())
            {
                var world = await Before(act);
                var first = world.Plan.Calls.Count;
                world.Plan.Decide = (number, _) => number == first + call ? mode : null;
                await Attempt(() => Do(world, act));
                world.Plan.Decide = (_, _) => null;
                world.Restart(); // the process may be another one by then
                if (then != "same") await Attempt(() => Other(world, then));
                await Do(world, act, last: true);
                await world.AssertAgreed();
                await After(world, act);
            }
        }
    }

    private static async Task<int> Calls(string act)
    {
        var world = await Before(act);
        var first = world.Plan.Calls.Count;
        await Do(world, act, last: true);
        return world.Plan.Calls.Count - first;
    }

    private static async Task<World> Before(string act)
    {
        var world = new World();
        var id = DeviceId.From("pump-1");
        if (act is "rotate" or "remove" or "allocate" or "transfer") await world.Enroll(World.Ask("pump-1"));
        if (act == "remove") await world.Rotation.Add(id, EnrollTests.Chain("pump-1", "next"), "alice", Cancel);
        if (act == "join") await world.Groups.Enroll(EnrollTests.Group(devicesMax: 1), "alice", Cancel);
        if (act == "batch") await Submit(world);
        if (act == "transfer")
        {
            await world.Ledger.Change(id, new Deed(Act.Decommission, "x", "x", Pki.Now), row => row with { State = DeviceState.Decommissioned, Ending = new Ending("sold", Pki.Now, Pki.Now, row.State, NewOwner: "globex"), DueAt = Pki.Now }, Cancel);
            await world.Ledger.Change(id, new Deed(Act.Bury, "x", "x", Pki.Now), row => row with { State = DeviceState.Dead }, Cancel);
        }

        return world;
    }

    private static async Task Do(World world, string act, bool last = false)
    {
        var id = DeviceId.From("pump-1");
        var fault = act switch
        {
            "enroll" => (await world.Enroll(World.Ask("pump-1"))).Fault,
            "rotate" => (await world.Rotation.Add(id, EnrollTests.Chain("pump-1", "next"), "alice", Cancel)).Fault,
            "remove" => (await world.Rotation.Remove(id, Pki.Thumbprint("next"), "alice", Cancel)).Fault,
            "allocate" => (await world.Allocator.Allocate(AllocateTests.Registers((await world.Ledger.Get(id, Cancel))!, (await world.Ledger.Get(id, Cancel))!.Current), Cancel)).Fault,
            "join" => (await world.Allocator.Allocate(AllocateTests.Joins("new-1"), Cancel)).Fault,
            "group" => (await world.Groups.Enroll(EnrollTests.Group(), "alice", Cancel)).Fault,
            "transfer" => (await world.Enroll(World.Ask("pump-1", key: "new", owner: "globex"))).Fault,
            "batch" => await world.Runner.Run(TimeSpan.FromHours(1), Cancel) || !last ? null : new Faults.Fault("unfinished", ""),
            _ => throw new InvalidOperationException(act),
        };
        // The same request in the end is answered as if nothing had been, unless the other one was first.
        if (last && fault is not null) Assert.Contains(fault.Code, new[] { "device-conflict", "key-taken", "rotation-exists", "certificate-unknown", "group-full", "key-forbidden" });
    }

    private static async Task Other(World world, string then)
    {
        var id = DeviceId.From("pump-1");
        switch (then)
        {
            case "other key":
                await world.Enroll(World.Ask("pump-1", key: "another"));
                break;
            case "same key":
                await world.Enroll(World.Ask("pump-2", key: "key of pump-1"));
                break;
            case "remove":
                await world.Rotation.Remove(id, Pki.Thumbprint("next"), "alice", Cancel);
                break;
            case "rotate":
                await world.Rotation.Add(id, EnrollTests.Chain("pump-1", "third"), "alice", Cancel);
                break;
            case "rotated":
                await world.Rotation.Add(id, EnrollTests.Chain("pump-1", "next"), "alice", Cancel);
                break;
            case "other":
                await world.Allocator.Allocate(AllocateTests.Joins("new-2"), Cancel);
                break;
        }
    }

    private static async Task After(World world, string act)
    {
        var id = DeviceId.From("pump-1");
        var trail = await world.Ledger.Audit(id, Cancel);
        switch (act)
        {
            case "enroll":
                Assert.InRange((await world.Ledger.List(new DeviceQuery(), null, 100, Cancel)).TryGet(out var all, out _) ? all.Items.Count : 0, 1, 1);
                break;
            case "allocate":
                Assert.Single(trail, entry => entry.Deed.By == Act.Admit);
                break;
            case "join":
                Assert.True((await world.Ledger.List(new DeviceQuery(), null, 100, Cancel)).TryGet(out var joined, out _));
                Assert.InRange(joined.Items.Count, 0, 1); // the cap
                Assert.Equal(1, (await ((IDeviceGroups)world.Ledger).Get("line-1", Cancel))!.Admitted);
                break;
            case "remove":
                if ((await world.Ledger.Get(id, Cancel))!.Next?.Thumbprint != Pki.Thumbprint("next")) Assert.True(await world.Ledger.IsDenied(Pki.Thumbprint("next"), Cancel));
                break;
            case "batch":
                Assert.Equal(BatchTests.Expected, world.Batches.Lines(BatchTests.Id).Select(BatchTests.Outcome));
                Assert.Empty(await world.Batches.ListOpen(Cancel));
                break;
            case "transfer":
                Assert.Single(trail, entry => entry.Deed.By == Act.Succeed);
                break;
        }
    }

    private static async Task Submit(World world)
    {
        using var rows = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(BatchTests.Rows));
        Assert.Null((await world.BatchDesk.Submit(rows, Enrollment.Admission.RowFormat.JsonLines, "alice", Cancel)).Fault);
    }

    private static async Task Attempt(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (InjectedOutageException)
        {
            // What was to be.
        }
    }
}
