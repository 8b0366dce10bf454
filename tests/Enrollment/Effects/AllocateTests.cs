using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.Allocate;

namespace Serverless.Enrollment.Tests.Effects;

public sealed class AllocateTests
{
    private readonly World _world = new();

    private static CancellationToken Cancel => World.Cancel;

    [Fact]
    public async Task The_same_call_twice_has_the_same_answer_and_one_row()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var row = (await _world.Ledger.Get(DeviceId.From("pump-1"), Cancel))!;
        var first = Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        var again = Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        Assert.Equal(first.ToJson().ToJsonString(), again.ToJson().ToJsonString());
        Assert.Equal(
            """{"iotHubHostName":"hub","initialTwin":{"tags":{"model":"pump","owner":"acme","ring":"stable","profile":"pump@1"},"properties":{"desired":{}}},"payload":{"model":"pump"}}"""
                .Replace("\"hub\"", $"\"{first.Hub}\"", StringComparison.Ordinal),
            first.ToJson().ToJsonString());
        Assert.Equal(2, (await _world.Ledger.Audit(row.Id, Cancel)).Count);
        var moved = Accepted(await _world.Allocator.Allocate(Registers(row, row.Current) with { CurrentHub = first.Hub }, Cancel));
        Assert.Null(moved.Twin); // it has a twin, which is its own
    }

    [Fact]
    public async Task A_groups_cap_holds_however_many_come_at_once()
    {
        await _world.Groups.Enroll(EnrollTests.Group(), "alice", Cancel);
        var answers = await Task.WhenAll(Enumerable.Range(0, 19).Select(number => Task.Run(() => _world.Allocator.Allocate(Joins($"new-{number}"), Cancel))));
        Assert.Equal(10, answers.Count(answer => answer.Fault is null));
        Assert.All(answers.Where(answer => answer.Fault is not null), answer => Assert.Equal("group-full", answer.Fault!.Code));
        Assert.True((await _world.Ledger.List(new DeviceQuery(Group: "line-1"), null, 100, Cancel)).TryGet(out var page, out _));
        Assert.Equal(10, page.Items.Count);
        Assert.All(page.Items, row => Assert.Equal((DeviceState.Active, "acme"), (row.State, row.Owner)));
        _world.Clock.Advance(TimeSpan.FromMinutes(3));
        Assert.Null((await _world.Allocator.Allocate(Joins(page.Items[0].Id.Text), Cancel)).Fault); // in is in
    }

    [Fact]
    public async Task A_copied_key_of_a_groups_device_is_taken()
    {
        await _world.Groups.Enroll(EnrollTests.Group(), "alice", Cancel);
        Accepted(await _world.Allocator.Allocate(Joins("new-1"), Cancel));
        Assert.Equal("key-taken", (await _world.Allocator.Allocate(Joins("new-2", "key of new-1"), Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_ledger_that_is_down_admits_nobody()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var row = (await _world.Ledger.Get(DeviceId.From("pump-1"), Cancel))!;
        _world.Plan.Decide = (_, name) => name.StartsWith("ledger.", StringComparison.Ordinal) ? FaultMode.Fails : null;
        await Assert.ThrowsAsync<InjectedOutageException>(() => _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
    }

    [Fact]
    public async Task A_policy_outlives_its_document_and_never_begins_without_one()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var row = (await _world.Ledger.Get(DeviceId.From("pump-1"), Cancel))!;
        _world.Policy.Down = true;
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        (_world.Policy.Down, _world.Policy.Json, _world.Policy.Version) = (false, "{}"u8.ToArray(), 2);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        _world.Restart();
        await Assert.ThrowsAsync<IOException>(() => _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        (_world.Policy.Json, _world.Policy.Version) = (System.Text.Encoding.UTF8.GetBytes(Policies.Json), 3);
        Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
    }

    [Fact]
    public async Task A_storm_of_one_device_is_refused()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var row = (await _world.Ledger.Get(DeviceId.From("pump-1"), Cancel))!;
        for (var call = 0; call < 5; call++) Accepted(await _world.Allocator.Allocate(Registers(row, row.Current), Cancel));
        Assert.Equal("registrations-device-busy", (await _world.Allocator.Allocate(Registers(row, row.Current), Cancel)).Fault?.Code);
    }

    /// <summary>What DPS asks when a device of an enrolment of its own registers with one of its keys.</summary>
    internal static AllocationRequest Registers(DeviceRecord row, DeviceKey with) => new()
    {
        Id = row.Id,
        Presented = new Presented(KeyKind.X509, with.CertificateThumbprint, null),
        Enrolled = [.. new[] { row.Current.CertificateThumbprint, row.Next?.CertificateThumbprint }.OfType<string>()],
        Ours = true,
        LinkedHubs = ["hub-a.azure-devices.net", "hub-b.azure-devices.net"],
    };

    /// <summary>What DPS asks when a device registers through group <c>line-1</c>.</summary>
    internal static AllocationRequest Joins(string id, string? key = null)
    {
        Assert.True(CertificateRules.Read(EnrollTests.Chain(id, key ?? "key of " + id).Certificates[0].AsSpan()).TryGet(out var shown, out _));
        return new AllocationRequest
        {
            Id = DeviceId.From(id),
            Group = "line-1",
            Presented = new Presented(KeyKind.X509, shown.CertificateThumbprint, shown),
            Enrolled = [],
            Ours = true,
            LinkedHubs = ["hub-a.azure-devices.net", "hub-b.azure-devices.net"],
        };
    }

    private static AllocationAnswer Accepted(Faults.Parsed<AllocationAnswer> answer) => answer.TryGet(out var admitted, out var fault) ? admitted : throw new InvalidOperationException(fault.ToString());
}
