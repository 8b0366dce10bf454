using System.Globalization;
using System.Text.Json.Nodes;
using Azure.Core.Pipeline;
using Serverless.KeyVault;
using Serverless.Lifecycle.Endings;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Run.Detection;
using Serverless.Local.Run.Enrollment;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Lifecycle;

/// <summary>The main job's part on ends: devices are retired in every way there is, the timer closes their planes, they try to come back, and
/// the audit finds what was put wrong by hand and nothing else.</summary>
internal sealed class LifecycleChapter : IAsyncDisposable
{
    private const string KeyName = "death-certificates", OtherOwner = "fabrikam", NextOwner = "northwind";
    private const int GraceSeconds = 5;
    private const double TimersAreQuick = 30; // at this speed and above the timers' five minutes are ten seconds
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3); // for a machine that does much else
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private readonly LocalCloud _cloud;
    private readonly FleetEnrollment _fleet;
    private readonly AppApi _ops;
    private readonly TimeProvider _wall;
    private readonly double _speed;
    private readonly string _suffix;
    private readonly List<string> _lines = [];
    private readonly List<Check> _checks = [];
    private readonly List<Retiree> _retirees;

    private LifecycleChapter(LocalCloud cloud, FleetEnrollment fleet, string suffix, double speed, TimeProvider wall)
    {
        (_cloud, _fleet, _suffix, _speed, _wall) = (cloud, fleet, suffix, speed, wall);
        _ops = new AppApi(cloud, "lifecycle", LocalTenant.Ops);
        _retirees =
        [
            Make("now", FleetEnrollment.Owner, "at once, while it is connected"),
            Make("grace", FleetEnrollment.Owner, "after a grace period"),
            Make("query-1", OtherOwner, "by query"),
            Make("query-2", OtherOwner, "by query"),
            Make("transfer", FleetEnrollment.Owner, "by transfer to a new owner"),
            Make("offline", FleetEnrollment.Owner, "while it is offline"),
            Make("by-hand", FleetEnrollment.Owner, "after its hub identity was deleted by hand"),
            Make("group", FleetEnrollment.Owner, "as a group's device", EnrolledBy.Group),
        ];
    }

    /// <summary>What function app <c>lifecycle</c> is told beside its connections: a run has no hour to wait for the audit's next round, and hubs
    /// stamp a device's last activity in device time, which runs ahead of the apps' clock.</summary>
    public static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["Audit__roundsApart"] = "00:00:00", ["Audit__cutOffWithin"] = "7.00:00:00" };

    /// <summary>Enrols, registers and connects the devices that will be retired.</summary>
    /// <param name="cloud">A cloud in which function apps <c>enrollment</c> and <c>lifecycle</c> run.</param>
    /// <param name="fleet">The fleet; its group has one place left.</param>
    /// <param name="suffix">End of every device id.</param>
    /// <param name="speed">Device seconds per wall second.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task<LifecycleChapter> Prepare(LocalCloud cloud, FleetEnrollment fleet, string suffix, double speed, TimeProvider wall, CancellationToken cancel)
    {
        var chapter = new LifecycleChapter(cloud, fleet, suffix, speed, wall);
        foreach (var one in chapter._retirees)
        {
            if (one.Device.By == EnrolledBy.Batch)
                (await fleet.Api.Enroll(one.Id, one.Device.Script.Model, one.Owner, one.Device.Leaf.ExportCertificatePem(), cancel).ConfigureAwait(false)).Accepted();
            one.Hub = await fleet.Admit(one.Device, cancel).ConfigureAwait(false);
            if (one.How.Contains("offline", StringComparison.Ordinal)) continue;
            one.Session = new SimulatedDevice(one.Device.Script, one.Device.Leaf, one.Hub, wall);
            await one.Session.Connect(cancel).ConfigureAwait(false);
        }

        return chapter;
    }

    /// <summary>Plays it.</summary>
    /// <param name="cancel">Ends it early.</param>
    /// <returns>What happened, and what must hold of it.</returns>
    public async Task<Chapter> Play(CancellationToken cancel)
    {
        await Decommission(cancel).ConfigureAwait(false);
        foreach (var one in _retirees) await Bury(one, cancel).ConfigureAwait(false);
        foreach (var one in _retirees) await TryToReturn(one, cancel).ConfigureAwait(false);
        await SendLate(The("now"), cancel).ConfigureAwait(false);
        await NextLife(cancel).ConfigureAwait(false);
        await Audit(cancel).ConfigureAwait(false);
        return new Chapter("lifecycle", _lines, _checks);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var one in _retirees) await one.DisposeAsync().ConfigureAwait(false);
        _ops.Dispose();
    }

    private Retiree Make(string name, string owner, string how, EnrolledBy by = EnrolledBy.Batch) => new(
        new EnrolledDevice(new DeviceScript(0, $"retired-{name}{_suffix}", Signals.Models[0], Misbehaviour.None, RunOptions.Interval), by, by == EnrolledBy.Group ? _fleet.GroupAuthority : _cloud.Authority),
        owner,
        how);

    private Retiree The(string name) => _retirees.Single(one => one.Id == $"retired-{name}{_suffix}");

    private async Task Decommission(CancellationToken cancel)
    {
        foreach (var name in new[] { "now", "offline", "group" }) await End(The(name), "decommission", new() { ["reason"] = "end of the run", ["graceSeconds"] = 0 }, cancel).ConfigureAwait(false);
        await End(The("grace"), "decommission", new() { ["reason"] = "replaced", ["graceSeconds"] = GraceSeconds }, cancel).ConfigureAwait(false);
        await End(The("transfer"), "transfer", new() { ["reason"] = "sold", ["newOwner"] = NextOwner, ["graceSeconds"] = 0, ["factoryReset"] = false }, cancel).ConfigureAwait(false);
        foreach (var hub in _cloud.IotHubs) hub.Delete(The("by-hand").Id);
        await End(The("by-hand"), "decommission", new() { ["reason"] = "somebody deleted its hub identity", ["graceSeconds"] = 0 }, cancel).ConfigureAwait(false);

        var query = new JsonObject { ["reason"] = "the customer left", ["owner"] = OtherOwner, ["graceSeconds"] = 0 };
        var dry = (await _ops.Send(HttpMethod.Post, "decommissions", query, cancel).ConfigureAwait(false)).Accepted();
        query["confirm"] = new JsonObject { ["count"] = (int)dry["count"]!, ["digest"] = (string)dry["digest"]! };
        var done = (await _ops.Send(HttpMethod.Post, "decommissions", query, cancel).ConfigureAwait(false)).Accepted();
        Judge($"a query ends exactly what its dry run listed", (int)dry["count"]! == 2 && (int)done["count"]! == 2, $"{(int)dry["count"]!} listed, {(int)done["count"]!} ended");
    }

    private async Task End(Retiree one, string how, JsonObject body, CancellationToken cancel) =>
        (await _ops.Send(HttpMethod.Post, $"devices/{one.Id}/{how}", body, cancel).ConfigureAwait(false)).Accepted();

    // Waits for the timer, then verifies the statement as anybody could who has the public key.
    private async Task Bury(Retiree one, CancellationToken cancel)
    {
        var began = _wall.GetTimestamp();
        while (true)
        {
            var answer = await _ops.Send(HttpMethod.Get, $"devices/{one.Id}/death-certificate", null, cancel).ConfigureAwait(false);
            if (answer.Status == 200)
            {
                var said = await Verify((string)answer.Body!["statement"]!, cancel).ConfigureAwait(false);
                Judge($"{one.Id}, ended {one.How}, is dead, and its signed statement verifies offline", said.StartsWith(one.Id, StringComparison.Ordinal), said);
                return;
            }

            if (_wall.GetElapsedTime(began) > Patience)
            {
                Judge($"{one.Id}, ended {one.How}, is dead, and its signed statement verifies offline", false, $"not after {Patience.TotalSeconds:0} s: {answer.Status} {answer.Fault}");
                return;
            }

            await Tick("ExpireCredentials", cancel).ConfigureAwait(false);
        }
    }

    private async Task<string> Verify(string statement, CancellationToken cancel)
    {
        using var http = new HttpClient(LocalTrust.Handler(_cloud.Authority));
        var vault = new KeyVaultClient(_cloud.KeyVault.VaultUri, _cloud.Credential(LocalTenant.Lifecycle), _wall, new KeyVaultClientOptions { Transport = new HttpClientTransport(http) });
        if (!(await vault.GetKey(KeyName, null, cancel).ConfigureAwait(false)).TryGet(out var key, out var fault)) return fault.ToString();
        using var publicKey = key.ToECDsa();
        if (!DeathStatement.Verify(statement, publicKey).TryGet(out var said, out fault)) return fault.ToString();
        var body = JsonNode.Parse(said.GetRawText())!;
        var planes = body["planes"]?.AsArray().Select(plane => $"{(string?)plane!["plane"]} {(string?)plane["stage"]}") ?? [];
        return $"{(string?)body["device"]}: {string.Join(", ", planes)}";
    }

    private async Task TryToReturn(Retiree one, CancellationToken cancel)
    {
        var ways = new List<string>();
        var back = new List<string>();
        void Tried(string way, bool isIn)
        {
            ways.Add(way);
            if (isIn) back.Add(way);
        }

        if (one.Session is { } session)
        {
            for (var looks = 0; session.IsConnected && looks < 50; looks++) await Task.Delay(100, cancel).ConfigureAwait(false);
            Tried("its live session", session.IsConnected);
        }

        var fresh = new SimulatedDevice(one.Device.Script, one.Device.Leaf, one.Hub, _wall);
        await using (fresh.ConfigureAwait(false)) Tried("a fresh connection", await Connects(fresh, cancel).ConfigureAwait(false));
        Tried("DPS", (await _fleet.Register(one.Device.Shown, cancel).ConfigureAwait(false)).Assigned is not null);
        Tried("DPS with a new certificate of the group's CA", await Renewed(one, cancel).ConfigureAwait(false));
        var again = await _fleet.Api.Enroll(one.Id, one.Device.Script.Model, one.Owner, one.Device.Leaf.ExportCertificatePem(), cancel).ConfigureAwait(false);
        Tried("enrolment under its id", again.Status < 300);
        using (var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(one.Device.Leaf))
        using (var other = _cloud.Authority.IssueDevice($"{one.Id}-risen", key: key))
        {
            var renamed = await _fleet.Api.Enroll($"{one.Id}-risen", one.Device.Script.Model, one.Owner, other.ExportCertificatePem(), cancel).ConfigureAwait(false);
            Tried("enrolment of its key under another id", renamed.Status < 300);
        }

        Tried("firmware, which its twin would have to name", _cloud.IotHubs.Any(hub => hub.TwinOf(one.Id) is { } twin && (twin.Tags.ContainsKey("ring") || twin.Desired.ContainsKey("firmware"))));
        // Where there is no hub identity either, the audit has nothing to say of a row that is gone for a moment.
        if (one == The("by-hand")) await WithoutItsRow(one, Tried, cancel).ConfigureAwait(false);

        Judge($"{one.Id} does not come back", back.Count == 0, back.Count == 0 ? $"tried: {string.Join(", ", ways)}" : $"came back by {string.Join(", ", back)}");
    }

    private async Task WithoutItsRow(Retiree one, Action<string, bool> tried, CancellationToken cancel)
    {
        using var hand = new LedgerByHand(_cloud);
        var copy = await hand.TakeOut(one.Id, cancel).ConfigureAwait(false);
        tried("DPS without its row in the ledger", (await _fleet.Register(one.Device.Shown, cancel).ConfigureAwait(false)).Assigned is not null);
        tried("DPS without its row, with a new certificate of the group's CA", await Renewed(one, cancel).ConfigureAwait(false));
        var again = await _fleet.Api.Enroll(one.Id, one.Device.Script.Model, one.Owner, one.Device.Leaf.ExportCertificatePem(), cancel).ConfigureAwait(false);
        tried("enrolment without its row", again.Status < 300);
        if (again.Status >= 300) await hand.PutBack(copy, cancel).ConfigureAwait(false);
    }

    private async Task<bool> Renewed(Retiree one, CancellationToken cancel)
    {
        using var next = _fleet.GroupAuthority.IssueDevice(one.Id);
        return (await _fleet.Register(EnrolledDevice.Show(one.Id, one.Device.Script.Model, next, _fleet.GroupAuthority), cancel).ConfigureAwait(false)).Assigned is not null;
    }

    private static async Task<bool> Connects(SimulatedDevice device, CancellationToken cancel)
    {
        try
        {
            await device.Connect(cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception refused) when (refused is InvalidOperationException or MQTTnet.Exceptions.MqttCommunicationException)
        {
            return false;
        }
    }

    // A hub may take minutes to cut a session; ours does so at once. What it would let through meanwhile looks like this: a good message, stamped as ever.
    private async Task SendLate(Retiree one, CancellationToken cancel)
    {
        var rejected = new RejectedObserver(_cloud.BlobsAs(LocalTenant.Ops).GetBlobContainerClient("rejected"));
        await rejected.Skip(cancel).ConfigureAwait(false);
        var late = one.Device.Script.Messages(seed: 1, _cloud.Clock.GetUtcNow() - RunOptions.Interval, RunOptions.Interval).First();
        _cloud.EventHubs.Append("telemetry", new EventDraft(late.Body, one.Id, AttackHistory.Stamps(one.Id, "Telemetry"), new EventProperties(ContentType: "application/json", ContentEncoding: "utf-8")));
        var began = _wall.GetTimestamp();
        while (!rejected.Seen.Any(refused => refused.Device == one.Id) && _wall.GetElapsedTime(began) < Patience)
        {
            await Task.Delay(Look, _wall, cancel).ConfigureAwait(false);
            await rejected.Look(cancel).ConfigureAwait(false);
        }

        var fault = rejected.Seen.FirstOrDefault(refused => refused.Device == one.Id)?.Fault;
        Judge($"what a hub still lets through of {one.Id} is evidence, not data", fault == "identity-ended", fault is null ? $"not refused after {Patience.TotalSeconds:0} s" : $"refused, {fault}");
    }

    private async Task NextLife(CancellationToken cancel)
    {
        var id = The("transfer").Id;
        using var next = new EnrolledDevice(The("transfer").Device.Script, EnrolledBy.Batch, _cloud.Authority);
        var enrolled = await _fleet.Api.Enroll(id, next.Script.Model, NextOwner, next.Leaf.ExportCertificatePem(), cancel).ConfigureAwait(false);
        var admitted = enrolled.Status < 300 && (await _fleet.Register(next.Shown, cancel).ConfigureAwait(false)).Assigned is not null;
        Judge($"{id} lives again for its new owner, with a new key only", admitted, admitted ? $"{NextOwner}, admitted" : $"{enrolled.Status} {enrolled.Fault}");
    }

    private async Task Audit(CancellationToken cancel)
    {
        // Two things put wrong by hand: an identity that nobody enrolled, and the identity of a dead device enabled again.
        var stray = $"stray{_suffix}";
        var dead = The("now");
        var hub = _cloud.IotHubs.Single(one => one.HostName == dead.Hub.HubHostName);
        if (hub.Create(new DeviceSpec(stray, DeviceCredentials.CertificateAuthority)).Fault is { } fault) throw new InvalidOperationException($"the hub refused the stray identity: {fault}");
        if (hub.SetStatus(dead.Id, DeviceStatus.Enabled).Fault is { } kept) throw new InvalidOperationException($"the hub refused to enable {dead.Id}: {kept}");
        var planted = new HashSet<string>(StringComparer.Ordinal) { $"identity-orphaned {stray}", $"identity-open-after-end {dead.Id}" };
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var began = _wall.GetTimestamp();
        double? score = null;
        while (!planted.IsSubsetOf(seen) && _wall.GetElapsedTime(began) < Patience)
        {
            await Tick("AuditFleet", cancel).ConfigureAwait(false);
            var answer = (await _ops.Send(HttpMethod.Get, "findings", null, cancel).ConfigureAwait(false)).Accepted();
            score = (double?)answer["score"];
            foreach (var finding in answer["findings"]!.AsArray()) seen.Add($"{(string?)finding!["code"]} {(string?)finding["subject"]}");
        }

        var others = seen.Where(finding => !planted.Contains(finding)).Order(StringComparer.Ordinal).ToList();
        var missed = planted.Where(finding => !seen.Contains(finding)).ToList();
        _lines.Add(string.Create(CultureInfo.InvariantCulture, $"the audit's score is {score:0.#}; found: {string.Join(", ", seen.Order(StringComparer.Ordinal).Take(6))}"));
        Judge(
            "the audit finds what was put wrong by hand, and nothing else",
            others.Count == 0 && missed.Count == 0,
            others.Count == 0 && missed.Count == 0 ? $"{planted.Count} findings" : $"missed: {string.Join(", ", missed.Take(3))}; besides: {string.Join(", ", others.Take(3))}");
        while (hub.Find(dead.Id)?.Status == DeviceStatus.Enabled && _wall.GetElapsedTime(began) < Patience) await Tick("ExpireCredentials", cancel).ConfigureAwait(false);
        Judge($"the identity of {dead.Id}, enabled by hand, is closed again by the sweep", hub.Find(dead.Id)?.Status == DeviceStatus.Disabled, $"{hub.Find(dead.Id)?.Status}");
    }

    // The timers fire by themselves where device time is fast; where it is not, a person would press the button.
    private async Task Tick(string function, CancellationToken cancel)
    {
        if (_speed < TimersAreQuick) await _ops.Fire(function, cancel).ConfigureAwait(false);
        await Task.Delay(Look, _wall, cancel).ConfigureAwait(false);
    }

    private void Judge(string promise, bool kept, string evidence) => _checks.Add(new Check(promise, kept, evidence));
}
