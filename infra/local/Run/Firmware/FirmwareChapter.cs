using System.Security.Cryptography;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Suit;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;
using Serverless.Local.Identity;

namespace Serverless.Local.Run.Firmware;

/// <summary>The main job's part on firmware: releases go through the real function app, the local vault and Azurite to simulated devices, one
/// of which loses power in the middle and one of which meets a hostile mirror.</summary>
/// <remarks>Once a cloud: it begins the repository with a root of its own.</remarks>
public sealed class FirmwareChapter : IDisposable
{
    private const string Product = "gw100";
    private const string First = $"{Product}@1.0.0";
    private const string Second = $"{Product}@1.1.0";
    private const string FirstTarget = $"{Product}/1.0.0/image.bin";
    private const string SecondTarget = $"{Product}/1.1.0/image.bin";
    private const int PlainDevices = 3;
    private static readonly SuitPolicy Mcus = new("vendor.example", "app");
    private static readonly SuitClass Mcu = new(Mcus.Vendor, $"{Product}-r1", Mcus.Component);

    private static readonly byte[] Factory = OtaImages.Of(Product, "factory");
    private static readonly byte[] FirstImage = OtaImages.Of(Product, "1.0.0");
    private static readonly byte[] SecondImage = OtaImages.Of(Product, "1.1.0");

    private readonly LocalCloud _cloud;
    private readonly Action<string> _step;
    private readonly TimeProvider _wall;
    private readonly List<Check> _checks = [];
    private readonly OfflineCeremony _ceremony = new();
    private readonly ReleaseApiClient _engineer;
    private readonly ReleaseApiClient _approver;
    private readonly ReleaseApiClient _app;
    private readonly HttpTransport _network;
    private readonly RepositoryAddress _repository;
    private byte[] _root = [];

    private FirmwareChapter(LocalCloud cloud, Action<string> step, TimeProvider wall)
    {
        (_cloud, _step, _wall) = (cloud, step, wall);
        _engineer = new ReleaseApiClient(cloud, LocalTenant.ReleaseEngineer, wall);
        _approver = new ReleaseApiClient(cloud, LocalTenant.ReleaseApprover, wall);
        _app = new ReleaseApiClient(cloud, LocalTenant.Firmware, wall); // the app's identity, as a thief of it would use it
        _network = new HttpTransport("gateway", cloud.Authority.Certificate);
        _repository = new RepositoryAddress(new Uri($"{cloud.Storage.BlobServiceUri}/ota/metadata"), new Uri($"{cloud.Storage.BlobServiceUri}/ota/targets"));
    }

    /// <summary>Plays it.</summary>
    /// <param name="cloud">A cloud in which function app <c>firmware</c> does not run yet; it runs afterwards.</param>
    /// <param name="step">Told what happens.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Ends it early.</param>
    /// <returns>What happened, and what must hold of it.</returns>
    public static async Task<Chapter> Play(LocalCloud cloud, Action<string> step, TimeProvider wall, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        ArgumentNullException.ThrowIfNull(step);
        await cloud.StartApp("firmware", null, cancel).ConfigureAwait(false);
        using var chapter = new FirmwareChapter(cloud, step, wall);
        await chapter.Begin(cancel).ConfigureAwait(false);
        await chapter.Release(First, "1.0.0", svn: 1, FirstImage, cancel).ConfigureAwait(false);
        // The unlucky one polls now, so that there is an old publication to roll it back to.
        var victim = chapter.Device("gw-behind-a-mirror");
        var mirror = new HostileMirror(chapter._network);
        chapter.Judge("a device polls and installs the first release", "", await victim.Update(mirror, FirstTarget, SvnOf, cancel).ConfigureAwait(false), victim.Keeps(FirstImage));
        await chapter.Release(Second, "1.1.0", svn: 2, SecondImage, cancel).ConfigureAwait(false);
        await chapter.Rollout(cancel).ConfigureAwait(false);
        await chapter.Envelope(cancel).ConfigureAwait(false);
        await chapter.PowerCut(cancel).ConfigureAwait(false);
        await chapter.Attacks(victim, mirror, cancel).ConfigureAwait(false);
        await chapter.Withdrawal(cancel).ConfigureAwait(false);
        return new Chapter("firmware", [], chapter._checks);
    }

    /// <summary>Closes connections and destroys the ceremony's keys.</summary>
    public void Dispose()
    {
        _ceremony.Dispose();
        _engineer.Dispose();
        _approver.Dispose();
        _app.Dispose();
        _network.Dispose();
    }

    private async Task Begin(CancellationToken cancel)
    {
        _step("firmware: the offline ceremony names the vault's keys and two release engineers");
        var now = _wall.GetUtcNow();
        var (snapshot, timestamp, policy) = (await _app.Key("tuf-snapshot", cancel).ConfigureAwait(false), await _app.Key("tuf-timestamp", cancel).ConfigureAwait(false), await _app.Key("tuf-policy", cancel).ConfigureAwait(false));
        var people = new[]
        {
            ((await _engineer.Key(LocalTenant.ReleaseEngineer.Name, cancel).ConfigureAwait(false)).Key, LocalTenant.ReleaseEngineer),
            ((await _approver.Key(LocalTenant.ReleaseApprover.Name, cancel).ConfigureAwait(false)).Key, LocalTenant.ReleaseApprover),
        };
        _root = await _ceremony.Root(snapshot.Key, timestamp.Key, now, cancel).ConfigureAwait(false);
        var targets = await _ceremony.Targets(Product, Mcus, policy.Key, people, now, cancel).ConfigureAwait(false);
        var published = await _approver.Ceremony(_root, targets, cancel).ConfigureAwait(false);
        Judge("the ceremony's root and targets are published", "200", $"{published.Status}", published.Status == 200);
    }

    private async Task Release(string id, string version, int svn, byte[] image, CancellationToken cancel)
    {
        _step($"firmware: {id} is submitted, approved by another person and published");
        var body = await _engineer.Upload(Product, version, svn, image, cancel).ConfigureAwait(false);
        var submitted = await _engineer.Submit(body, cancel).ConfigureAwait(false);
        var proposed = await _engineer.Settled(id, cancel).ConfigureAwait(false);
        Judge($"{id} is checked and proposed", ReleaseState.Proposed, proposed.State, submitted.Status is 201 or 202);
        var engineerKey = await _engineer.Key(LocalTenant.ReleaseEngineer.Name, cancel).ConfigureAwait(false);
        var self = await _engineer.Approve(id, engineerKey, cancel).ConfigureAwait(false);
        Judge($"the submitter's own approval of {id} is refused", "approval-submitter-forbidden", self.Fault ?? self.ToString());
        var device = Device("gw-early");
        var target = $"{Product}/{version}/image.bin";
        var early = await device.Find(_network, target, cancel).ConfigureAwait(false);
        Judge($"{id}, signed by the pipeline alone, is not offered to devices", "target-absent or targets-unlisted", early, early is "target-absent" or "targets-unlisted");
        await _approver.Approve(id, await _approver.Key(LocalTenant.ReleaseApprover.Name, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        var published = await _approver.Settled(id, cancel).ConfigureAwait(false);
        Judge($"{id} is published with the second person's approval", ReleaseState.Published, published.State);
    }

    private async Task Rollout(CancellationToken cancel)
    {
        _step($"firmware: {PlainDevices} devices update to {Second}");
        for (var i = 1; i <= PlainDevices; i++)
        {
            var device = Device($"gw-{i}");
            var outcome = await device.Update(_network, SecondTarget, SvnOf, cancel).ConfigureAwait(false);
            var confirmed = device.Keeps(SecondImage) && device.MinimumSvn == 2 && device.Reports is [{ Outcome: UpdateOutcome.Succeeded }];
            Judge($"{device.Name} polls, verifies, installs, confirms and reports", "", outcome, confirmed);
        }
    }

    // The gateway fetches both through TUF; the MCU behind it verifies the envelope with the one key it has pinned, and the image by it.
    private async Task Envelope(CancellationToken cancel)
    {
        _step($"firmware: a gateway carries {Second} and its SUIT envelope to an MCU");
        var gateway = Device("gw-with-an-mcu");
        var name = SuitTarget.NameOf(SecondTarget, Mcu.Hardware);
        var (outcome, image, _) = await gateway.Fetch(_network, SecondTarget, cancel).ConfigureAwait(false);
        var (found, entry, envelope) = await gateway.Fetch(_network, name, cancel).ConfigureAwait(false);
        if (image is null || entry is null)
        {
            Judge("the release's SUIT envelope is published beside its image", "", outcome.Length > 0 ? outcome : found);
            return;
        }
        var pinned = (await _app.Key("tuf-policy", cancel).ConfigureAwait(false)).Key;
        var verdict = SuitTarget.Judge(SecondTarget, image, Mcu, entry, envelope, pinned);
        Judge("the release's SUIT envelope is published beside its image, and the MCU's pinned key opens it", "", verdict.Fault?.Code ?? "", verdict.TryGet(out var manifest, out _)
            && manifest.Sequence == 2 && manifest.ImageSha256.Span.SequenceEqual(SHA256.HashData(SecondImage)));
        var stranger = SuitTarget.Judge(SecondTarget, image, Mcu, entry, envelope, (await _engineer.Key(LocalTenant.ReleaseEngineer.Name, cancel).ConfigureAwait(false)).Key);
        Judge("an MCU that has pinned another key refuses it", "suit-signature", stranger.Fault?.Code ?? "");
    }

    private async Task PowerCut(CancellationToken cancel)
    {
        _step("firmware: a device loses power in the middle of its installation");
        var device = Device("gw-power-cut");
        device.CutAtBlock = 3;
        var outcome = await device.Update(_network, SecondTarget, SvnOf, cancel).ConfigureAwait(false);
        Judge(
            $"{device.Name} loses power mid-install, starts its old image, goes on and confirms ({device.Starts} starts)", "", outcome,
            device.Keeps(SecondImage) && device.Starts == 3 && device.Reports is [{ Outcome: UpdateOutcome.Succeeded }]);
    }

    // Every attack is followed by an honest look: a refusal must not lock the device out.
    private async Task Attacks(OtaDevice victim, HostileMirror mirror, CancellationToken cancel)
    {
        _step("firmware: a device meets a hostile mirror");
        var oldTimestamp = mirror.Seen("timestamp.json");
        var oldRole = mirror.Seen($"1.{Product}.json");
        await Honest("after the rollout", victim, mirror, cancel).ConfigureAwait(false);

        mirror.Forge = name => name == "timestamp.json" ? oldTimestamp : null;
        await Attack("rollback", "timestamp-rollback", victim, mirror, cancel).ConfigureAwait(false);

        victim.ClockAhead = TimeSpan.FromDays(8);
        var frozen = mirror.Seen("timestamp.json");
        mirror.Forge = name => name == "timestamp.json" ? frozen : null;
        await Attack("indefinite freeze", "timestamp-expired", victim, mirror, cancel).ConfigureAwait(false);

        mirror.Forge = name => name == $"2.{Product}.json" ? oldRole : null;
        await Attack("mix-and-match", "metadata-length or metadata-hash", victim, mirror, cancel).ConfigureAwait(false);

        mirror.Endless = "timestamp.json";
        await Attack("endless data", "fetch-length", victim, mirror, cancel).ConfigureAwait(false);

        var swapped = OtaImages.Of(Product, "malware");
        mirror.Forge = name => name.EndsWith(".image.bin", StringComparison.Ordinal) ? swapped : null;
        await Attack("swapped target", "target-hash", victim, mirror, cancel).ConfigureAwait(false);

        await PipelineAlone(victim, mirror, cancel).ConfigureAwait(false);
        var outcome = await victim.Update(mirror, SecondTarget, SvnOf, cancel).ConfigureAwait(false);
        Judge($"{victim.Name} updates normally once the mirror is honest", "", outcome, victim.Keeps(SecondImage) && victim.MinimumSvn == 2);
        var older = await victim.Update(mirror, FirstTarget, SvnOf, cancel).ConfigureAwait(false);
        Judge("an authorised but older image is refused by the device itself", "update-svn", older, victim.Keeps(SecondImage));
    }

    private async Task Attack(string name, string expected, OtaDevice victim, HostileMirror mirror, CancellationToken cancel)
    {
        var outcome = await victim.Update(mirror, SecondTarget, SvnOf, cancel).ConfigureAwait(false);
        Judge($"{name} is refused", expected, outcome, expected.Split(" or ").Contains(outcome) && victim.Keeps(FirstImage));
        await Honest($"after {name}", victim, mirror, cancel).ConfigureAwait(false);
    }

    private async Task Honest(string when, OtaDevice victim, HostileMirror mirror, CancellationToken cancel)
    {
        mirror.Behave();
        victim.ClockAhead = TimeSpan.Zero;
        var outcome = await victim.Poll(mirror, cancel).ConfigureAwait(false);
        if (outcome.Length > 0) Judge($"{victim.Name} polls an honest server {when}", "", outcome);
    }

    // Whoever has taken over the whole function app: its identity, all three of its keys, and the network. Not the second person's key.
    private async Task PipelineAlone(OtaDevice victim, HostileMirror mirror, CancellationToken cancel)
    {
        var malware = OtaImages.Of(Product, "malware");
        var release = new Release(Product, [$"{Product}-r1"], "9.9.9", 9, OtaDevice.SlotBytes, "", new string('0', 64), _wall.GetUtcNow().AddDays(900));
        var entry = new TargetFile(malware.Length, new Hashes(SHA256.HashData(malware), null), release.ToJson());
        var expires = _wall.GetUtcNow().AddDays(30);
        var (policy, snapshotKey, timestampKey) = (await _app.Key("tuf-policy", cancel).ConfigureAwait(false), await _app.Key("tuf-snapshot", cancel).ConfigureAwait(false), await _app.Key("tuf-timestamp", cancel).ConfigureAwait(false));
        var target = $"{Product}/9.9.9/image.bin";
        var role = await OfflineCeremony.Sign(Draft.Targets(90, expires, new Dictionary<string, TargetFile> { [target] = entry }, []), policy, cancel).ConfigureAwait(false);
        var meta = new Dictionary<string, MetaFile> { [RoleName.Targets] = MetaFile.Of(1, mirror.Seen("1.targets.json")), [Product] = MetaFile.Of(90, role) };
        // In a network of its own: a snapshot so far ahead would otherwise stay with the device until its key is rotated.
        var device = Device("gw-in-a-captured-network");
        var snapshot = await OfflineCeremony.Sign(Draft.Snapshot(90, expires, meta), snapshotKey, cancel).ConfigureAwait(false);
        var timestamp = await OfflineCeremony.Sign(Draft.Timestamp(90, expires, MetaFile.Of(90, snapshot)), timestampKey, cancel).ConfigureAwait(false);
        mirror.Forge = name => name switch
        {
            "timestamp.json" => timestamp,
            "90.snapshot.json" => snapshot,
            $"90.{Product}.json" => role,
            _ => name.EndsWith(".image.bin", StringComparison.Ordinal) ? malware : null,
        };
        var outcome = await device.Update(mirror, target, SvnOf, cancel).ConfigureAwait(false);
        Judge("a release signed by the pipeline's key alone is refused, though snapshot and timestamp are signed too", "targets-threshold", outcome, device.Keeps(Factory));
        await Honest("after the captured pipeline", victim, mirror, cancel).ConfigureAwait(false);
    }

    private async Task Withdrawal(CancellationToken cancel)
    {
        _step($"firmware: {Second} is withdrawn");
        await _engineer.Withdraw(Second, "simulated: bricks one gateway in a thousand", cancel).ConfigureAwait(false);
        var id = $"{Second}~withdrawal";
        await _engineer.Approve(id, await _engineer.Key(LocalTenant.ReleaseEngineer.Name, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        var withdrawn = await _engineer.Settled(Second, cancel).ConfigureAwait(false);
        var seen = await Device("gw-late").Find(_network, SecondTarget, cancel).ConfigureAwait(false);
        Judge($"{Second} is withdrawn by one person, at once", $"{ReleaseState.Withdrawn}, target-absent", $"{withdrawn.State}, {seen}");
        var envelope = await Device("gw-late").Find(_network, SuitTarget.NameOf(SecondTarget, Mcu.Hardware), cancel).ConfigureAwait(false);
        Judge("its SUIT envelope goes with it", "target-absent", envelope);
    }

    private OtaDevice Device(string name) => new(name, Product, _root, Factory, _repository, _wall);

    // What each image says of itself.
    private static int SvnOf(byte[] slot) => slot.AsSpan(0, OtaImages.Bytes).SequenceEqual(SecondImage) ? 2 : slot.AsSpan(0, OtaImages.Bytes).SequenceEqual(FirstImage) ? 1 : 0;

    private void Judge(string promise, string expected, string outcome, bool further = true)
    {
        var kept = further && (outcome == expected || expected.Split(" or ").Contains(outcome));
        var told = outcome.Length > 0 ? outcome : "done";
        _checks.Add(new Check(promise, kept, kept ? told : $"{told}, expected {(expected.Length > 0 ? expected : "done")}{(further ? "" : ", and the device is not as it should be")}"));
    }
}
