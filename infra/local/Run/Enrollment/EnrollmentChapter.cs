using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Serverless.Local.Fleet;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Enrollment;

/// <summary>What happens to identities while the fleet lives: one certificate is rotated, and intruders try to get in.</summary>
/// <param name="cloud">The cloud.</param>
/// <param name="fleet">The fleet as it was enrolled.</param>
/// <param name="events">Keeps the Enrollment app's events 3001 and 3002.</param>
internal sealed class EnrollmentChapter(LocalCloud cloud, FleetEnrollment fleet, HandlerEvents events)
{
    private const int AdmittedEvent = 3001, RefusedEvent = 3002;
    private const int ComparedMax = 20;
    private readonly List<string> _lines = [];
    private readonly List<Check> _checks = [];

    /// <summary>Plays it.</summary>
    /// <param name="simulated">The fleet's devices, connected, in the order of the plan.</param>
    /// <param name="cancel">Ends it early.</param>
    /// <returns>What happened, and what must hold of it.</returns>
    public async Task<Chapter> Play(IReadOnlyList<SimulatedDevice> simulated, CancellationToken cancel)
    {
        Admitted();
        await Rotate(simulated, cancel).ConfigureAwait(false);
        await Intrude(cancel).ConfigureAwait(false);
        await Compare(cancel).ConfigureAwait(false);
        return new Chapter("enrolment", _lines, _checks);
    }

    private void Admitted()
    {
        var hubs = fleet.Outcomes.GroupBy(outcome => outcome.Assigned!.HubHostName).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Count()} to {group.Key}");
        var grouped = fleet.Devices.Count(device => device.By == EnrolledBy.Group);
        _lines.Add($"{fleet.Batched} devices enrolled by a batch, {grouped} by group {fleet.Group}; admitted: {string.Join(", ", hubs)}");
        var admitted = events.Seen.Where(one => one.Id == AdmittedEvent).Select(one => one.Fields["Device"]).ToHashSet(StringComparer.Ordinal);
        var strangers = fleet.Devices.Where(device => !admitted.Contains(device.Script.DeviceId)).Select(device => device.Script.DeviceId).ToList();
        _checks.Add(new Check(
            "every device that connects was admitted by the webhook",
            strangers.Count == 0,
            strangers.Count == 0 ? $"{fleet.Devices.Count} devices" : $"not so: {string.Join(", ", strangers.Take(3))}"));
    }

    private async Task Rotate(IReadOnlyList<SimulatedDevice> simulated, CancellationToken cancel)
    {
        var at = Honest(EnrolledBy.Batch);
        if (at < 0) return;
        var (device, id) = (fleet.Devices[at], fleet.Devices[at].Script.DeviceId);
        var old = device.Leaf;
        device.Leaf = cloud.Authority.IssueDevice(id);
        (await fleet.Api.AddCertificate(id, device.Leaf.ExportCertificatePem(), cancel).ConfigureAwait(false)).Accepted();
        var both = await fleet.Register(new DeviceIdentityShown(id, old), cancel).ConfigureAwait(false);
        RegistrationOutcome? next = null;
        await simulated[at].Reregister(
            async stop =>
            {
                next = await fleet.Register(device.Shown, stop).ConfigureAwait(false);
                return next.Assigned is { } assigned ? (device.Leaf, cloud.AddressOf(assigned.HubHostName)) : null;
            },
            cancel).ConfigureAwait(false);
        (await fleet.Api.RemoveCertificate(id, EnrolledDevice.Thumbprint(old), cancel).ConfigureAwait(false)).Accepted();
        var after = await fleet.Register(new DeviceIdentityShown(id, old), cancel).ConfigureAwait(false);
        _lines.Add($"{id} rotated its certificate while it sent: {Told(both)} with the old one beside the next, {Told(next!)} with the next, then {Told(after)} with the old one");
        _checks.Add(new Check(
            "a certificate is rotated without an outage, and the old one is good for nothing afterwards",
            both.Assigned is not null && next!.Assigned is not null && after.Refused is not null,
            id));
        old.Dispose();
    }

    private async Task Intrude(CancellationToken cancel)
    {
        var victim = fleet.Devices[Math.Max(0, Honest(EnrolledBy.Batch))];
        var folder = Directory.CreateTempSubdirectory("serverless-foreign-");
        try
        {
            using var foreign = new LocalAuthority(folder.FullName, cloud.Authority.NotBefore.AddHours(1), "Somebody else's CA");
            using var unknown = foreign.IssueDevice("intruder-of-another-ca");
            await Try("a device of an unknown CA", new DeviceIdentityShown("intruder-of-another-ca", unknown), "CA certificate not found.", null, cancel).ConfigureAwait(false);

            using var named = cloud.Authority.IssueDevice("intruder-of-our-ca");
            await Try($"a device of our CA that says it is {victim.Script.DeviceId}", new DeviceIdentityShown(victim.Script.DeviceId, named), "Invalid certificate.", null, cancel).ConfigureAwait(false);
            using var twin = fleet.GroupAuthority.IssueDevice(victim.Script.DeviceId);
            await Try($"a certificate in the name of {victim.Script.DeviceId}, made out by the group's CA", Grouped(victim.Script.DeviceId, victim.Script.Model, twin), "Invalid certificate.", null, cancel).ConfigureAwait(false);

            using var expired = fleet.GroupAuthority.IssueDevice("intruder-expired", notAfter: cloud.Authority.NotBefore.AddMinutes(30));
            await Try("an expired certificate of the group's CA", Grouped("intruder-expired", victim.Script.Model, expired), "Invalid certificate.", null, cancel).ConfigureAwait(false);

            using var key = victim.Leaf.GetECDsaPrivateKey() ?? throw new InvalidOperationException("device certificates carry P-256 keys");
            using var copied = fleet.GroupAuthority.IssueDevice("intruder-with-a-copied-key", key: key);
            await Try($"a device with the key of {victim.Script.DeviceId}", Grouped("intruder-with-a-copied-key", victim.Script.Model, copied), "Custom allocation failed", "key-taken", cancel).ConfigureAwait(false);

            using var surplus = fleet.GroupAuthority.IssueDevice("intruder-beyond-the-cap");
            await Try("one device more than the group may have", Grouped("intruder-beyond-the-cap", victim.Script.Model, surplus), "Custom allocation failed", "group-full", cancel).ConfigureAwait(false);

            using var second = cloud.Authority.IssueDevice("intruder-at-the-desk", key: key);
            var answer = await fleet.Api.Enroll("intruder-at-the-desk", victim.Script.Model, FleetEnrollment.Owner, second.ExportCertificatePem(), cancel).ConfigureAwait(false);
            Refused("enrolling a second device with a key that is taken", answer.Fault == "key-taken", $"{answer.Status} {answer.Fault}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private DeviceIdentityShown Grouped(string id, string model, X509Certificate2 leaf) => EnrolledDevice.Show(id, model, leaf, fleet.GroupAuthority);

    private async Task Try(string who, DeviceIdentityShown shown, string told, string? reason, CancellationToken cancel)
    {
        var outcome = await fleet.Register(shown, cancel).ConfigureAwait(false);
        var logged = await Reason(shown.RegistrationId, reason, cancel).ConfigureAwait(false);
        Refused(who, outcome.Refused is { } refusal && refusal.Message.Contains(told, StringComparison.Ordinal) && logged == reason, logged is null ? Told(outcome) : $"{Told(outcome)}; our reason: {logged}");
    }

    // A handler's line takes a moment to get here.
    private async Task<string?> Reason(string id, string? expected, CancellationToken cancel)
    {
        for (var looks = 0; ; looks++)
        {
            var last = events.Seen.LastOrDefault(one => one.Id == RefusedEvent && one.Fields["Device"] == id)?.Fields["Code"];
            if (last is not null || expected is null || looks == 100) return last;
            await Task.Delay(20, cancel).ConfigureAwait(false);
        }
    }

    private void Refused(string who, bool asExpected, string evidence) => _checks.Add(new Check($"refused: {who}", asExpected, evidence));

    private async Task Compare(CancellationToken cancel)
    {
        var wrong = new List<string>();
        var compared = fleet.Devices.Take(ComparedMax).ToList();
        foreach (var device in compared)
        {
            var view = (await fleet.Api.Show(device.Script.DeviceId, cancel).ConfigureAwait(false)).Accepted();
            var said = view["disagreements"]!.AsArray().Select(code => (string)code!).ToList();
            if (said.Count > 0 || (string?)view["device"]?["state"] != "active") wrong.Add($"{device.Script.DeviceId}: {(string?)view["device"]?["state"]} {string.Join(' ', said)}");
        }

        _checks.Add(new Check(
            "ledger, DPS and IoT Hub agree on each device",
            wrong.Count == 0,
            wrong.Count == 0 ? $"{compared.Count} devices compared" : string.Join("; ", wrong.Take(3))));
    }

    private int Honest(EnrolledBy by)
    {
        for (var at = 0; at < fleet.Devices.Count; at++)
        {
            if (fleet.Devices[at].By == by && fleet.Devices[at].Script.Wrong == Misbehaviour.None) return at;
        }

        return -1;
    }

    private static string Told(RegistrationOutcome outcome) => outcome.Assigned is not null
        ? "admitted"
        : string.Create(CultureInfo.InvariantCulture, $"refused ({outcome.Refused!.ErrorCode} {outcome.Refused.Message.TrimEnd('.')})");
}
