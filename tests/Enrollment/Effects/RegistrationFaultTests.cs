using Serverless.Devices;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Effects;

/// <summary>A device registers: DPS asks the webhook, makes the identity at the hub it is told, removes the one at another hub, and notes where the
/// device is. Each call of that and each of the webhook's own fails, or fails after landing; then the same or another registration follows, from a
/// process that knows nothing of before; at the end ledger, DPS and hubs agree.</summary>
public sealed class RegistrationFaultTests
{
    private const string Draining = "\"weight\": 3, \"draining\": true";
    private static readonly DeviceId Id = DeviceId.From("pump-1");

    private static CancellationToken Cancel => World.Cancel;

    [Theory]
    [InlineData("first", "same")]
    [InlineData("first", "rotated")]
    [InlineData("first", "moved")]
    [InlineData("again", "same")]
    [InlineData("again", "rotated")]
    [InlineData("moved", "same")]
    [InlineData("moved", "back")]
    [InlineData("join", "same")]
    [InlineData("join", "moved")]
    public async Task Whatever_fails_ledger_dps_and_hubs_agree_in_the_end(string act, string then)
    {
        var calls = await Calls(act);
        Assert.InRange(calls, 5, 20);
        for (var call = 0; call < calls; call++)
        {
            foreach (var mode in Enum.GetValues<FaultMode>())
            {
                var world = await Before(act);
                var first = world.Plan.Calls.Count;
                world.Plan.Decide = (number, _) => number == first + call ? mode : null;
                await Attempt(() => Register(world, act == "join"));
                world.Plan.Decide = (_, _) => null;
                world.Restart();
                if (then == "rotated") Assert.Null((await world.Rotation.Add(Id, EnrollTests.Chain("pump-1", "next"), "alice", Cancel)).Fault);
                if (then is "moved" or "back") Drain(world, then == "moved");
                Assert.Null((await Register(world, act == "join", then == "rotated" ? "next" : null)).Fault);
                await AssertAgreed(world, $"call {call} of {act} {mode}, then {then}");
            }
        }
    }

    [Fact]
    public async Task A_device_that_was_moved_is_at_one_hub_only()
    {
        var world = await Before("moved");
        Assert.Equal("hub-b.azure-devices.net", world.Provisioning.Assigned["pump-1"]);
        Assert.Null((await Register(world, group: false)).Fault);
        Assert.Equal("hub-a.azure-devices.net", world.Provisioning.Assigned["pump-1"]);
        await AssertAgreed(world, "moved");
    }

    private static async Task<int> Calls(string act)
    {
        var world = await Before(act);
        var first = world.Plan.Calls.Count;
        Assert.Null((await Register(world, act == "join")).Fault);
        return world.Plan.Calls.Count - first;
    }

    private static async Task<World> Before(string act)
    {
        var world = new World();
        if (act == "join") Assert.Null((await world.Groups.Enroll(EnrollTests.Group(devicesMax: 1), "alice", Cancel)).Fault);
        else Assert.Null((await world.Enroll(World.Ask("pump-1"))).Fault);
        if (act is "again" or "moved") Assert.Null((await Register(world, group: false)).Fault);
        if (act == "moved") Drain(world, drain: true);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        return world;
    }

    // Rendezvous hashing puts pump-1 at hub-b; while that drains, at hub-a.
    private static void Drain(World world, bool drain)
    {
        world.Policy.Json = System.Text.Encoding.UTF8.GetBytes(drain ? Policies.Json.Replace("\"weight\": 3, \"draining\": false", Draining, StringComparison.Ordinal) : Policies.Json);
        world.Policy.Version++;
        world.Clock.Advance(TimeSpan.FromMinutes(2));
    }

    private static async Task<Faults.Parsed<string>> Register(World world, bool group, string? key = null)
    {
        var row = await world.Ledger.Get(Id, Cancel);
        var current = world.Provisioning.Assigned.GetValueOrDefault("pump-1");
        var shown = key == "next" ? row!.Next ?? row.Current : row?.Current;
        var request = (group ? AllocateTests.Joins("pump-1", key) : AllocateTests.Registers(row!, shown!)) with { CurrentHub = current };
        var answer = await world.Plan.Call("dps.Webhook", () => world.Allocator.Allocate(request, Cancel));
        if (!answer.TryGet(out var admitted, out var fault)) return fault;
        await world.Plan.Call("hub.Create", () => Task.FromResult(world.Hubs.Identities.TryAdd((admitted.Hub, "pump-1"), new SeenByHub(admitted.Hub, true, $"g{world.Plan.Calls.Count}", false, []))));
        foreach (var other in request.LinkedHubs.Where(hub => hub != admitted.Hub))
            await world.Plan.Call("hub.Delete", () => Task.FromResult(world.Hubs.Identities.Remove((other, "pump-1"))));
        await world.Plan.Call("dps.Assign", () => Task.FromResult(world.Provisioning.Assigned["pump-1"] = admitted.Hub));
        return admitted.Hub;
    }

    private static async Task AssertAgreed(World world, string what)
    {
        await world.AssertAgreed();
        var row = (await world.Ledger.Get(Id, Cancel))!;
        Assert.True(row.State == DeviceState.Active, what);
        Assert.True(world.Provisioning.Assigned["pump-1"] == row.Hub, $"{what}: DPS says {world.Provisioning.Assigned["pump-1"]}, the ledger {row.Hub}");
        Assert.True(world.Hubs.Identities.Keys.SequenceEqual([(row.Hub!, "pump-1")]), $"{what}: at {string.Join(", ", world.Hubs.Identities.Keys)}, by the ledger at {row.Hub}");
        Assert.True((await world.Desk.Show(Id, Cancel)).TryGet(out var view, out var fault), fault?.ToString());
        Assert.True(view.Disagreements.Count == 0, $"{what}: {string.Join(", ", view.Disagreements)}");
        Assert.Single(await world.Ledger.Audit(Id, Cancel), entry => entry.From is null);
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
