using System.Text;
using System.Text.Json.Nodes;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Tests.Effects;

public sealed class EnrollTests
{
    private readonly World _world = new();

    private static CancellationToken Cancel => World.Cancel;

    [Fact]
    public async Task A_device_is_enrolled_in_ledger_and_dps()
    {
        Assert.True((await _world.Enroll(World.Ask("pump-1"))).TryGet(out var receipt, out var fault), fault?.ToString());
        Assert.Equal(("pump-1", "pump", "acme", Pki.Now), (receipt.RegistrationId, receipt.Model, receipt.Owner, receipt.EnrolledAt));
        var entry = _world.Provisioning.Entries["pump-1"];
        Assert.Equal("""{"model":"pump","owner":"acme","ring":"stable","profile":"pump@1"}""", entry.InitialTwin!.Tags.GetRawText());
        Assert.Equal(new ReprovisionPolicy(true, true), entry.Reprovision);
        var entered = Assert.Single(await _world.Ledger.Audit(DeviceId.From("pump-1"), Cancel));
        Assert.Equal(("alice", "by test", Act.Enroll), (entered.Deed.Who, entered.Deed.Why, entered.Deed.By));
        await _world.AssertAgreed();
    }

    [Fact]
    public async Task The_same_again_is_answered_the_same_and_a_different_one_is_a_conflict()
    {
        var first = await _world.Enroll(World.Ask("pump-1"));
        _world.Clock.Advance(TimeSpan.FromDays(400)); // the certificate has expired: what was accepted stays accepted
        Assert.Equal(first, await _world.Enroll(World.Ask("pump-1")));
        Assert.Equal("device-conflict", (await _world.Enroll(World.Ask("pump-1", owner: "globex"))).Fault?.Code);
        Assert.Equal("device-conflict", (await _world.Enroll(World.Ask("pump-1", key: "another"))).Fault?.Code);
        await _world.AssertAgreed();
    }

    [Fact]
    public async Task What_policy_or_ledger_forbid_is_refused_and_leaves_nothing()
    {
        await _world.Enroll(World.Ask("pump-1"));
        Assert.Equal("key-taken", (await _world.Enroll(World.Ask("pump-2", key: "key of pump-1"))).Fault?.Code);
        Assert.Equal("model-unknown", (await _world.Enroll(World.Ask("pump-3", model: "valve"))).Fault?.Code);
        Assert.Equal("key-type", (await _world.Enroll(Shared("pump-4", "pump"))).Fault?.Code);
        Assert.Equal("key-type", (await _world.Enroll(Tpm("pump-4", "pump"))).Fault?.Code);
        await _world.Ledger.Deny(Pki.Thumbprint("stolen"), new Deed(Act.Bury, "x", "x", Pki.Now), Cancel);
        Assert.Equal("key-forbidden", (await _world.Enroll(World.Ask("pump-5", key: "stolen"))).Fault?.Code);
        Assert.Equal("pump-1", Assert.Single(_world.Provisioning.Entries).Key);
        Assert.Null(await _world.Ledger.Get(DeviceId.From("pump-4"), Cancel));

        Assert.Null((await _world.Enroll(Shared("old-1", "legacy"))).Fault);
        Assert.Null((await _world.Enroll(Tpm("gate-1", "gateway"))).Fault);
        Assert.IsType<TpmAttestation>(_world.Provisioning.Entries["gate-1"].Attestation);
        await _world.AssertAgreed();
    }

    [Fact]
    public async Task A_decommissioned_id_is_gone_until_it_is_transferred()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var id = DeviceId.From("pump-1");
        async Task Do(Act act, Func<DeviceRecord, DeviceRecord> change) =>
            Assert.Null((await _world.Ledger.Change(id, new Deed(act, "x", "x", Pki.Now), row => change(row), Cancel)).Fault);
        await Do(Act.Decommission, row => row with { State = DeviceState.Decommissioned, Ending = new Ending("sold", Pki.Now, Pki.Now, row.State, NewOwner: "globex"), DueAt = Pki.Now });
        Assert.Equal("device-gone", (await _world.Enroll(World.Ask("pump-1"))).Fault?.Code);
        Assert.Equal("device-gone", (await _world.Enroll(World.Ask("pump-1", key: "new", owner: "globex"))).Fault?.Code);
        await Do(Act.Bury, row => row with { State = DeviceState.Dead });
        Assert.Equal("device-gone", (await _world.Enroll(World.Ask("pump-1", key: "new"))).Fault?.Code);
        Assert.Equal("succession-refused", (await _world.Enroll(World.Ask("pump-1", owner: "globex"))).Fault?.Code); // with the dead device's key
        Assert.Null((await _world.Enroll(World.Ask("pump-1", key: "new", owner: "globex"))).Fault);
        await _world.AssertAgreed();
    }

    [Fact]
    public async Task An_entry_that_would_bypass_us_is_replaced_and_a_disabled_one_stays()
    {
        var foreign = new IndividualEnrollment { RegistrationId = "pump-1", Attestation = new SymmetricKeyAttestation(), Allocation = AllocationPolicy.Hashed, ETag = "f" };
        _world.Provisioning.Entries["pump-1"] = foreign;
        Assert.Null((await _world.Enroll(World.Ask("pump-1"))).Fault);
        await _world.AssertAgreed();

        _world.Provisioning.Entries["pump-2"] = foreign with { RegistrationId = "pump-2", Status = ProvisioningStatus.Disabled };
        Assert.Equal("enrollment-conflict", (await _world.Enroll(World.Ask("pump-2"))).Fault?.Code);
        Assert.Equal(ProvisioningStatus.Disabled, _world.Provisioning.Entries["pump-2"].Status);
    }

    [Fact]
    public async Task What_was_planted_when_the_ids_last_device_ended_gives_way_to_its_successor_only()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var id = DeviceId.From("pump-1");
        async Task Do(Act act, Func<DeviceRecord, DeviceRecord> change) =>
            Assert.Null((await _world.Ledger.Change(id, new Deed(act, "x", "x", Pki.Now), row => change(row), Cancel)).Fault);
        await Do(Act.Decommission, row => row with { State = DeviceState.Decommissioned, Ending = new Ending("sold", Pki.Now, Pki.Now, row.State, NewOwner: "globex"), DueAt = Pki.Now });
        await Do(Act.Bury, row => row with { State = DeviceState.Dead });
        _world.Provisioning.Entries["pump-1"] = _world.Provisioning.Entries["pump-1"] with { Status = ProvisioningStatus.Disabled };
        Assert.Null((await _world.Enroll(World.Ask("pump-1", key: "new", owner: "globex"))).Fault);
        Assert.Equal(ProvisioningStatus.Enabled, _world.Provisioning.Entries["pump-1"].Status);
        await _world.AssertAgreed();

        // Disabled by somebody now, it stays so.
        _world.Provisioning.Entries["pump-1"] = _world.Provisioning.Entries["pump-1"] with { Status = ProvisioningStatus.Disabled };
        Assert.Equal("enrollment-conflict", (await _world.Enroll(World.Ask("pump-1", key: "new", owner: "globex"))).Fault?.Code);
    }

    [Fact]
    public async Task A_certificate_rotates_without_an_outage()
    {
        await _world.Enroll(World.Ask("pump-1"));
        var (id, next) = (DeviceId.From("pump-1"), Chain("pump-1", "next"));
        var (one, two) = (Pki.Thumbprint("key of pump-1"), Pki.Thumbprint("next"));
        Assert.Equal("device-unknown", (await _world.Rotation.Add(DeviceId.From("pump-9"), next, "alice", Cancel)).Fault?.Code);
        Assert.Equal("rotation-same-key", (await _world.Rotation.Add(id, Pki.Chain(Pki.Leaf("pump-1").Make()), "alice", Cancel)).Fault?.Code);
        Assert.Equal("certificate-name", (await _world.Rotation.Add(id, Chain("pump-2", "next"), "alice", Cancel)).Fault?.Code);
        for (var again = 0; again < 2; again++) Assert.Null((await _world.Rotation.Add(id, next, "alice", Cancel)).Fault);
        Assert.Equal("rotation-exists", (await _world.Rotation.Add(id, Chain("pump-1", "third"), "alice", Cancel)).Fault?.Code);
        await _world.AssertAgreed(); // DPS takes both

        Assert.Equal("certificate-conflict", (await _world.Rotation.Remove(id, one, "alice", Cancel)).Fault?.Code); // still the one in use
        var row = (await _world.Ledger.Get(id, Cancel))!;
        var registers = AllocateTests.Registers(row, row.Next!);
        Assert.Null((await _world.Allocator.Allocate(registers, Cancel)).Fault);
        for (var again = 0; again < 2; again++) Assert.Null((await _world.Rotation.Remove(id, one, "alice", Cancel)).Fault);
        Assert.True(await _world.Ledger.IsDenied(one, Cancel));
        Assert.Equal("certificate-unknown", (await _world.Rotation.Remove(id, Pki.Thumbprint("never"), "alice", Cancel)).Fault?.Code);
        row = (await _world.Ledger.Get(id, Cancel))!;
        Assert.Equal((two, null), (row.Current.Thumbprint, row.Next));
        await _world.AssertAgreed();
        Assert.Equal("key-taken", (await _world.Enroll(World.Ask("pump-2", key: "next"))).Fault?.Code);
        Assert.Equal("key-forbidden", (await _world.Enroll(World.Ask("pump-2", key: "key of pump-1"))).Fault?.Code);
    }

    [Fact]
    public async Task Only_living_devices_with_a_certificate_of_their_own_rotate()
    {
        await _world.Enroll(World.Ask("pump-1"));
        await _world.Enroll(Shared("old-1", "legacy"));
        Assert.Equal("rotation-kind", (await _world.Rotation.Add(DeviceId.From("old-1"), Chain("old-1", "next"), "alice", Cancel)).Fault?.Code);
        var id = DeviceId.From("pump-1");
        await _world.Ledger.Change(id, new Deed(Act.Contain, "x", "x", Pki.Now), row => row with { State = DeviceState.Contained }, Cancel);
        Assert.Equal("device-contained", (await _world.Rotation.Add(id, Chain("pump-1", "next"), "alice", Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_group_is_enrolled_once()
    {
        Assert.True((await _world.Groups.Enroll(Group(), "alice", Cancel)).TryGet(out var group, out var fault), fault?.ToString());
        Assert.Equal(("line-1", 10, 0), (group.GroupId, group.DevicesMax, group.Admitted));
        Assert.Null((await _world.Groups.Enroll(Group(), "alice", Cancel)).Fault);
        Assert.Equal("group-conflict", (await _world.Groups.Enroll(Group(devicesMax: 11), "alice", Cancel)).Fault?.Code);
        Assert.Equal("signer-taken", (await _world.Groups.Enroll(Group(id: "line-2"), "alice", Cancel)).Fault?.Code);
        Assert.Equal(AllocationPolicy.Custom, _world.Provisioning.Groups["line-1"].Allocation);
    }

    [Fact]
    public async Task A_groups_request_is_judged()
    {
        using var third = Pki.Authority("third");
        (Action<JsonObject> Change, string Fault)[] cases =
        [
            (body => body["groupId"] = "Line 1", "device-id-case"),
            (body => body["owner"] = "", "owner-name"),
            (body => body["models"] = new JsonArray(), "models-count"),
            (body => body["models"] = new JsonArray("pump", "pump"), "models-count"),
            (body => body["models"] = new JsonArray([.. Enumerable.Range(0, 33).Select(model => (JsonNode)$"m{model}")]), "models-count"),
            (body => body["models"] = new JsonArray("valve"), "model-unknown"),
            (body => body["models"] = new JsonArray("Pump"), "model-name"),
            (body => body["devicesMax"] = 0, "devices-max"),
            (body => body["devicesMax"] = 1_000_001, "devices-max"),
            (body => body["certificates"] = Pki.Pem(Pki.Authority("one"), Pki.Authority("two"), third), "signers-count"),
            (body => body["certificates"] = Pki.Pem(third, third), "signer-repeated"),
            (body => body["certificates"] = Pki.Leaf("leaf").Pem(), "signer-not-authority"),
            (body => body["extra"] = 1, "request-malformed"),
        ];
        foreach (var (change, fault) in cases)
        {
            var body = JsonNode.Parse(Group().Span)!.AsObject();
            change(body);
            Assert.Equal(fault, (await _world.Groups.Enroll(Encoding.UTF8.GetBytes(body.ToJsonString()), "alice", Cancel)).Fault?.Code);
        }

        Assert.Empty(_world.Provisioning.Groups);
        Assert.Null((await _world.Groups.Enroll(Group(devicesMax: 1_000_000), "alice", Cancel)).Fault);
    }

    [Fact]
    public async Task A_device_is_shown_with_every_disagreement()
    {
        Assert.Equal("device-unknown", (await _world.Desk.Show(DeviceId.From("pump-1"), Cancel)).Fault?.Code);
        await _world.Enroll(World.Ask("pump-1"));
        var id = DeviceId.From("pump-1");
        var row = (await _world.Ledger.Get(id, Cancel))!;
        Assert.Empty((await Show()).Disagreements);
        Assert.True((await _world.Allocator.Allocate(AllocateTests.Registers(row, row.Current), Cancel)).TryGet(out var admitted, out _));
        Assert.Equal(["identity-missing"], (await Show()).Disagreements);
        _world.Provisioning.Assigned["pump-1"] = admitted.Hub;
        _world.Hubs.Devices["pump-1"] = new SeenByHub(admitted.Hub, true, "g", false, [row.Current.CertificateThumbprint!]);
        var shown = await Show();
        Assert.Empty(shown.Disagreements);
        Assert.Equal(["enroll", "admit"], shown.History.Select(entry => entry.Act));

        _world.Provisioning.Entries["pump-1"] = _world.Provisioning.Entries["pump-1"] with { Status = ProvisioningStatus.Disabled };
        _world.Provisioning.Assigned["pump-1"] = "hub-z";
        _world.Hubs.Devices["pump-1"] = new SeenByHub(admitted.Hub, false, "g", true, [new string('0', 64)]);
        Assert.Equal(["enrollment-disabled", "registration-hub", "identity-disabled", "identity-symmetric-key", "identity-key"], (await Show()).Disagreements);
        await _world.Ledger.Change(id, new Deed(Act.Observe, "x", "x", Pki.Now), one => one with { GenerationId = "f" }, Cancel);
        await _world.Ledger.Change(id, new Deed(Act.Contain, "x", "x", Pki.Now), one => one with { State = DeviceState.Contained }, Cancel);
        _world.Provisioning.Entries["pump-1"] = new IndividualEnrollment { RegistrationId = "pump-1", Attestation = new SymmetricKeyAttestation(), Allocation = AllocationPolicy.Hashed };
        _world.Hubs.Devices["pump-1"] = new SeenByHub(admitted.Hub, true, "g", false, []);
        Assert.Equal(["enrollment-open", "enrollment-bypass", "enrollment-key", "registration-hub", "identity-open", "identity-generation"], (await Show()).Disagreements);
        _world.Provisioning.Entries.Clear();
        Assert.Contains("enrollment-missing", (await Show()).Disagreements);

        async Task<ShowDevice.DeviceView> Show() => (await _world.Desk.Show(id, Cancel)).TryGet(out var view, out var fault) ? view : throw new InvalidOperationException(fault.ToString());
    }

    internal static EnrollmentRequest Shared(string id, string model) => Parsed(EnrollmentRequest.From(id, model, "acme", null, null, true));

    private static EnrollmentRequest Tpm(string id, string model) => Parsed(EnrollmentRequest.From(id, model, "acme", null, Convert.ToBase64String(Encoding.UTF8.GetBytes(id.PadRight(64))), null));

    private static EnrollmentRequest Parsed(Faults.Parsed<EnrollmentRequest> parsed) => parsed.TryGet(out var asked, out var fault) ? asked : throw new InvalidOperationException(fault.ToString());

    internal static CertificateChain Chain(string id, string key) => CertificateChain.Parse(World.Certificate(id, key)).TryGet(out var chain, out _) ? chain : throw new InvalidOperationException();

    internal static ReadOnlyMemory<byte> Group(string id = "line-1", int devicesMax = 10) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["groupId"] = id,
        ["owner"] = "acme",
        ["models"] = new JsonArray("pump"),
        ["devicesMax"] = devicesMax,
        ["certificates"] = LineCa,
    }.ToJsonString());

    private static readonly string LineCa = Pki.Authority("line").ExportCertificatePem();
}
