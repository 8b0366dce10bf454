using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Devices;
using Serverless.IotHub;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Stores;
using Serverless.Lifecycle.Sweeps;
using Serverless.Provisioning;

namespace Serverless.Lifecycle.Tests;

/// <summary>Real devices over real sockets, a real end, and every path back. The groups here ask no webhook: DPS and the hubs alone must hold.</summary>
public sealed class ReturnTests : IAsyncLifetime
{
    private LocalCloud _cloud = null!;
    private readonly World _world = new(); // vault, storage and alerts in memory

    [Fact]
    public async Task A_groups_device_is_cut_off_and_comes_back_by_no_path()
    {
        using var line = _cloud.Devices.Subordinate("Line 1 CA");
        using var leaf = line.IssueDevice("pump-1");
        using var next = line.IssueDevice("pump-1");
        await Group("near", line.Certificate.ExportCertificatePem());
        await Group("far", null);
        var assigned = (await _cloud.Register("pump-1", leaf, line.Intermediates))!;
        var home = _cloud.Home(assigned);
        var live = (await _cloud.Connect(home, "pump-1", leaf))!;
        Assert.True(live.IsConnected);
        await Tag("pump-1", home);
        await Enter("pump-1", "near", LocalCloud.Key(leaf), LocalCloud.Key(next), home.HostName);

        await End("pump-1");

        // Its live session ends, and no fresh one begins, at either hub.
        for (var i = 0; i < 2000 && live.IsConnected; i++) await Task.Delay(10, Cancel);
        Assert.False(live.IsConnected);
        foreach (var hub in _cloud.Hubs)
        {
            Assert.Null(await _cloud.Connect(hub, "pump-1", leaf));
            Assert.Null(await _cloud.Connect(hub, "pump-1", next));
        }

        // DPS: as itself, with the old and the next certificate; through each group; after a group is disabled, deleted, made anew.
        await NoWay(leaf, line.Intermediates);
        await NoWay(next, line.Intermediates);
        Assert.Null(await _cloud.OfficerClient.DeleteGroup("near", null, Cancel));
        await NoWay(leaf, line.Intermediates);
        await Group("near", line.Certificate.ExportCertificatePem());
        await NoWay(leaf, line.Intermediates);
        Assert.Null(await _cloud.OfficerClient.DeleteGroup("near", null, Cancel));
        Assert.Null(await _cloud.OfficerClient.DeleteGroup("far", null, Cancel));
        await Group("far", null);
        await NoWay(next, line.Intermediates);
        // A hub identity that is enabled by hand still knows another credential than the device's.
        World.Value(await _cloud.HubClients[_cloud.Hubs.ToList().IndexOf(home)].SetStatus("pump-1", HubDeviceStatus.Enabled, null, null, Cancel));
        Assert.Null(await _cloud.Connect(home, "pump-1", leaf));

        // The ledger: neither its row nor, without it, its keys.
        var row = (await _world.Memory.Get(DeviceId.From("pump-1"), Cancel))!;
        var again = row with { State = DeviceState.Enrolled, Ending = null, Closings = Closings.None, DueAt = null };
        Assert.Equal("device-exists", (await _world.Memory.Create(again, _world.Deed(Act.Enroll), Cancel)).Fault?.Code);
        foreach (var key in new[] { LocalCloud.Key(leaf), LocalCloud.Key(next) })
        {
            var other = again with { Id = DeviceId.From("pump-2"), Current = key, Next = null };
            Assert.Equal("key-forbidden", (await _world.Memory.Create(other, _world.Deed(Act.Enroll), Cancel)).Fault?.Code);
        }
    }

    [Fact]
    public async Task A_device_enrolled_by_itself_is_cut_off_whatever_stood_there()
    {
        using var leaf = _cloud.Devices.IssueDevice("pump-3");
        World.Value(await _cloud.DpsClient.CreateEnrollment(new IndividualEnrollment { RegistrationId = "pump-3", Attestation = X509Attestation.Client(leaf.ExportCertificatePem()) }, Cancel));
        var home = _cloud.Home((await _cloud.Register("pump-3", leaf))!);
        await Enter("pump-3", null, LocalCloud.Key(leaf), null, home.HostName);

        await End("pump-3");

        await NoWay(leaf, null, "pump-3");
        Assert.Null(await _cloud.Connect(home, "pump-3", leaf));
        var entry = World.Value(await _cloud.DpsClient.GetEnrollment("pump-3", Cancel));
        Assert.Equal((ProvisioningStatus.Disabled, AllocationPolicy.Custom), (entry.Status, entry.Allocation));
    }

    [Fact]
    public async Task A_group_admits_again_what_was_merely_deleted_which_is_why_the_order_is_as_it_is()
    {
        using var leaf = _cloud.Devices.IssueDevice("pump-4");
        await Group("far", null);
        var home = _cloud.Home((await _cloud.Register("pump-4", leaf))!);
        // The obvious way: registration and identity deleted.
        Assert.Null(await _cloud.DpsClient.DeleteRegistration("pump-4", null, Cancel));
        Assert.Null(await _cloud.HubClients[_cloud.Hubs.ToList().IndexOf(home)].DeleteDevice("pump-4", null, Cancel));
        Assert.NotNull(await _cloud.Register("pump-4", leaf)); // and it is back
    }

    [Fact]
    public async Task Devices_whose_certificate_nobody_kept_and_devices_by_symmetric_keys_are_locked_too()
    {
        using var leaf = _cloud.Devices.IssueDevice("pump-5");
        await Group("far", null);
        Assert.NotNull(await _cloud.Register("pump-5", leaf));
        await Enter("pump-5", "far", new DeviceKey(KeyKind.X509, null), null, _cloud.Hubs[0].HostName);
        World.Value(await _cloud.DpsClient.CreateEnrollment(new IndividualEnrollment { RegistrationId = "pump-6", Attestation = new SymmetricKeyAttestation(Rest.DeviceKeys.Random()) }, Cancel));
        var before = World.Value(await _cloud.OfficerClient.GetEnrollmentKeys("pump-6", Cancel)).Reveal();
        await Enter("pump-6", null, new DeviceKey(KeyKind.SymmetricKey, null), null, _cloud.Hubs[0].HostName);

        await End("pump-5");
        await End("pump-6");

        await NoWay(leaf, null, "pump-5");
        Assert.Equal(ProvisioningStatus.Disabled, World.Value(await _cloud.DpsClient.GetEnrollment("pump-6", Cancel)).Status);
        Assert.NotEqual(before, World.Value(await _cloud.OfficerClient.GetEnrollmentKeys("pump-6", Cancel)).Reveal());
    }

    [Fact]
    public async Task A_transferred_id_begins_anew_with_the_new_owners_certificate()
    {
        using var old = _cloud.Devices.IssueDevice("pump-7");
        using var fresh = _cloud.Devices.IssueDevice("pump-7");
        await Group("far", null);
        var home = _cloud.Home((await _cloud.Register("pump-7", old))!);
        await Enter("pump-7", "far", LocalCloud.Key(old), null, home.HostName);
        await _world.Decommission("pump-7", newOwner: "owner-2");
        await Sweep();
        Assert.All(_cloud.Hubs, hub => Assert.Null(hub.Find("pump-7")));
        await NoWay(old, null, "pump-7");

        // What enrolment does for the heir: its own entry in place of the planted one.
        World.Value(await _cloud.DpsClient.PutEnrollment(new IndividualEnrollment { RegistrationId = "pump-7", Attestation = X509Attestation.Client(fresh.ExportCertificatePem()) }, Cancel));
        var heir = await _cloud.Register("pump-7", fresh);
        Assert.NotNull(heir);
        Assert.NotNull(await _cloud.Connect(_cloud.Home(heir), "pump-7", fresh));
        Assert.Null(await _cloud.Register("pump-7", old));
        foreach (var hub in _cloud.Hubs) Assert.Null(await _cloud.Connect(hub, "pump-7", old));
    }

    [Fact]
    public async Task The_audit_finds_what_was_planted_and_nothing_else_and_what_the_sweep_can_mend_is_mended()
    {
        using var good = _cloud.Devices.IssueDevice("good-1");
        using var dead = _cloud.Devices.IssueDevice("dead-1");
        using var stray = _cloud.Devices.IssueDevice("stray-1");
        var nowhere = new AllocationWebhook(new Uri("https://allocate.example/api/Allocate?code=x"));
        World.Value(await _cloud.DpsClient.CreateEnrollment(new IndividualEnrollment
        {
            RegistrationId = "good-1",
            Attestation = X509Attestation.Client(good.ExportCertificatePem()),
            Allocation = AllocationPolicy.Custom,
            Webhook = nowhere,
        }, Cancel));
        await Enter("good-1", null, LocalCloud.Key(good), null, _cloud.Hubs[0].HostName);
        World.Value(await _cloud.HubClients[0].CreateDevice(new HubDevice { DeviceId = "good-1", Authentication = HubAuthentication.CertificateAuthority }, Cancel));
        await Enter("dead-1", null, LocalCloud.Key(dead), null, _cloud.Hubs[0].HostName);
        await End("dead-1");
        Assert.Equal([], await Audit());

        // Planted by hand.
        Assert.Null(await _cloud.DpsClient.DeleteEnrollment("dead-1", null, Cancel));
        World.Value(await _cloud.HubClients[1].CreateDevice(new HubDevice { DeviceId = "stray-1", Authentication = new(HubCredential.SymmetricKeys) }, Cancel));
        World.Value(await _cloud.DpsClient.CreateEnrollment(new IndividualEnrollment { RegistrationId = "stray-2", Attestation = X509Attestation.Client(good.ExportCertificatePem()) }, Cancel));
        await Group("plant-9", null);
        Assert.Equal(
            ["enrollment-open-after-end dead-1", "enrollment-orphaned stray-2", "group-uncapped plant-9", "identity-orphaned stray-1", "key-shared good-1", "key-shared stray-2", "webhook-bypassed plant-9", "webhook-bypassed stray-2"],
            await Audit());

        // The sweep closes what the audit found open of a dead device, and the finding closes by itself.
        await Sweep();
        Assert.Equal(ProvisioningStatus.Disabled, World.Value(await _cloud.DpsClient.GetEnrollment("dead-1", Cancel)).Status);
        Assert.DoesNotContain("enrollment-open-after-end dead-1", await Audit());
    }

    public async ValueTask InitializeAsync() => _cloud = await LocalCloud.Start();

    public async ValueTask DisposeAsync()
    {
        _world.Dispose();
        await _cloud.DisposeAsync();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly MemoryFindings _findings = new();

    private async Task<IReadOnlyList<string>> Audit()
    {
        var settings = new AuditSettings { RoundsApart = TimeSpan.Zero };
        var run = new AuditRun(_world.Memory, _world.Memory, new FleetReader(_cloud.DpsClient, _cloud.HubClients), _findings, _world, _world, new ExpiryPolicy(), settings, _world.Clock, NullLogger<AuditRun>.Instance);
        while (!(await run.Run(Cancel)).RoundEnded)
        {
        }

        return [.. (await _findings.All(Cancel)).Select(finding => $"{finding.Code} {finding.Subject}").Order(StringComparer.Ordinal)];
    }

    private async Task NoWay(System.Security.Cryptography.X509Certificates.X509Certificate2 leaf, IReadOnlyList<System.Security.Cryptography.X509Certificates.X509Certificate2>? chain, string id = "pump-1")
    {
        Assert.Null(await _cloud.Register(id, leaf, chain));
        Assert.All(_cloud.Hubs, hub => Assert.NotEqual(Local.IotHub.Registry.DeviceStatus.Enabled, hub.Find(id)?.Status));
    }

    private async Task Group(string id, string? signer) => World.Value(await _cloud.OfficerClient.PutGroup(
        new EnrollmentGroup { GroupId = id, Attestation = signer is null ? new CaAttestation("devices") : X509Attestation.Signing(signer) }, Cancel));

    private async Task Tag(string id, Local.IotHub.IotHubService hub) => World.Value(await _cloud.HubClients[_cloud.Hubs.ToList().IndexOf(hub)]
        .PatchTwin(id, new TwinPatch(new JsonObject { ["owner"] = "someone", ["ring"] = "early", ["model"] = "pump" }, new JsonObject { ["firmware"] = "1.2.3" }), null, Cancel));

    private async Task Enter(string id, string? group, DeviceKey current, DeviceKey? next, string hub)
    {
        var record = new DeviceRecord
        {
            Id = DeviceId.From(id),
            State = DeviceState.Enrolled,
            Model = "pump",
            Owner = "owner-1",
            Group = group,
            Current = current,
            EnrolledAt = _world.Clock.GetUtcNow(),
            LastSeenAt = _world.Clock.GetUtcNow(),
        };
        var made = World.Value(await _world.Memory.Create(record, _world.Deed(Act.Enroll), Cancel));
        if (next is not null) made = World.Value(await _world.Memory.Change(made, made with { Next = next }, _world.Deed(Act.Rotate), Cancel));
        World.Value(await _world.Memory.Change(made, made with { State = DeviceState.Active, Hub = hub }, _world.Deed(Act.Admit), Cancel));
    }

    private async Task End(string id)
    {
        await _world.Decommission(id);
        await Sweep();
        var row = (await _world.Memory.Get(DeviceId.From(id), Cancel))!;
        Assert.Equal(DeviceState.Dead, row.State);
        Assert.True(DeathStatement.Verify(_world.Statements[$"{id} {row.Ending!.AskedAt:O}"], _world.Key).TryGet(out var said, out _));
        Assert.Equal(Planes.Of(row).Select(plane => plane.Name), said.GetProperty("planes").EnumerateArray().Select(plane => plane.GetProperty("plane").GetString()));
        foreach (var hub in _cloud.HubClients)
        {
            if (!(await hub.GetTwin(id, Cancel)).TryGet(out var twin, out _)) continue;
            Assert.DoesNotContain("someone", twin.Tags.GetRawText(), StringComparison.Ordinal);
            Assert.Equal("ended", twin.Tags.GetProperty("lifecycle").GetString());
            // Entitled to no firmware: whatever manifest it kept, nobody tells it of a newer one, and the hub knows of none for it.
            Assert.False(twin.Tags.TryGetProperty("ring", out _) || twin.Desired.TryGetProperty("firmware", out _));
        }
    }

    private async Task Sweep()
    {
        var work = new PlaneWork(_cloud.Registrations, _cloud.LinkedHubs, _world.Memory);
        var sweep = new SweepRun(
            _world.Memory, work, new DeathCertificates(_world, _world, _world, _world.Clock), _world, new ExpiryPolicy(), new SweepSettings(), _world.Clock, NullLogger<SweepRun>.Instance);
        var report = await sweep.Run(Cancel);
        Assert.Equal((0, 0), (report.Failed, report.Left));
    }
}

/// <summary>Findings in memory.</summary>
internal sealed class MemoryFindings : IFindings
{
    private readonly Dictionary<(string, string, string), OpenFinding> _open = [];
    private readonly Dictionary<string, (string Id, long Round)> _claims = [];
    private AuditCursor? _cursor;

    public Task<IReadOnlyList<OpenFinding>> All(CancellationToken cancel) => Task.FromResult<IReadOnlyList<OpenFinding>>([.. _open.Values]);

    public Task Put(OpenFinding finding, CancellationToken cancel)
    {
        _open[(finding.Code, finding.Subject, finding.Where)] = finding;
        return Task.CompletedTask;
    }

    public Task Remove(OpenFinding finding, CancellationToken cancel)
    {
        _open.Remove((finding.Code, finding.Subject, finding.Where));
        return Task.CompletedTask;
    }

    public Task<string?> Claim(string thumbprint, string id, long round, CancellationToken cancel)
    {
        var other = _claims.TryGetValue(thumbprint, out var claim) && claim.Round == round && claim.Id != id ? claim.Id : null;
        _claims[thumbprint] = (id, round);
        return Task.FromResult(other);
    }

    public Task<AuditCursor?> Cursor(CancellationToken cancel) => Task.FromResult(_cursor);

    public Task<AuditCursor?> Move(AuditCursor cursor, CancellationToken cancel)
    {
        if ((_cursor?.ETag ?? "") != cursor.ETag) return Task.FromResult<AuditCursor?>(null);
        _cursor = cursor with { ETag = cursor.ETag + "'" };
        return Task.FromResult<AuditCursor?>(_cursor);
    }
}
