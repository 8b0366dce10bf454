using Serverless.Devices;
using Serverless.Hosting;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Audits;

/// <summary>How much one tick of the audit reads. Section <c>Audit</c>. Trusted: whoever edits it decides what is overlooked.</summary>
internal sealed record AuditSettings : ISettings<AuditSettings>
{
    public static string Section => "Audit";

    /// <summary>How long a tick reads. 10 s to 30 min, default 4 min.</summary>
    public TimeSpan TickTime { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>Least time between the beginnings of two rounds. 0 to 7 days, default 1 h.</summary>
    public TimeSpan RoundsApart { get; init; } = TimeSpan.FromHours(1);

    /// <summary>What the fleet is held against.</summary>
    public AuditPolicy Policy { get; init; } = new();

    public static AuditSettings Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        static IEnumerable<string> Items(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(item => item != "-");
        var least = System.Collections.Immutable.ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var item in Items(read.Text("firmwareMin", "model=version with commas between, or -", 16 * 1024, "-")))
        {
            if (item.Split('=') is not [{ Length: > 0 } model, { Length: > 0 } version]) throw new SettingException("Audit__firmwareMin", "malformed", "model=version with commas between");
            least[model] = version;
        }

        return new AuditSettings
        {
            TickTime = read.Duration("tickTime", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(4)),
            RoundsApart = read.Duration("roundsApart", TimeSpan.Zero, TimeSpan.FromDays(7), TimeSpan.FromHours(1)),
            Policy = new AuditPolicy
            {
                NeverSeenAfter = read.Duration("neverSeenAfter", TimeSpan.FromMinutes(1), TimeSpan.FromDays(365), TimeSpan.FromDays(30)),
                CutOffWithin = read.Duration("cutOffWithin", TimeSpan.FromMinutes(1), TimeSpan.FromDays(7), TimeSpan.FromMinutes(10)),
                OverdueAfter = read.Duration("overdueAfter", TimeSpan.FromMinutes(1), TimeSpan.FromDays(30), TimeSpan.FromDays(1)),
                SymmetricModels = [.. Items(read.Text("symmetricModels", "models that may use symmetric keys, with commas between, or -", 16 * 1024, "-"))],
                FirmwareMin = least.ToImmutable(),
            },
        };
    }
}

/// <summary>What a tick of the audit did.</summary>
/// <param name="Checked">Things looked at.</param>
/// <param name="RoundEnded">Whether a round ended in it.</param>
/// <param name="Score">The last finished round's, or <see langword="null"/> before the first.</param>
internal sealed record AuditReport(long Checked, bool RoundEnded, double? Score);

/// <summary>One tick of the audit: compares ledger, DPS and hubs page by page, and goes on where the last tick stopped.</summary>
/// <remarks>Findings are written as they are seen, each under its own name, and the cursor moves after them: a crash in between looks at one page
/// again. At the end of a round what it did not see is closed. Queries of the hub lag by seconds, so a finding may appear one round late or stay
/// one round long; nothing is mended on the word of a query, but the ledger's row of a dead device is made due, and the sweep reads for itself.</remarks>
internal sealed class AuditRun(
    IDeviceLedger ledger, IDeviceGroups groups, IFleetReader fleet, IFindings findings, IAlerts alerts, IReturns returns, ExpiryPolicy expiry, AuditSettings settings, TimeProvider clock, ILogger<AuditRun> log)
{
    /// <summary>Most findings that are kept; more would say no more.</summary>
    public const int FindingsMax = 10_000;

    /// <summary>Who the audit trail names.</summary>
    public const string Who = "AuditFleet";

    private const int PageRows = 200;
    private readonly AuditPolicy _policy = settings.Policy with { CertificateAgeMax = expiry.CertificateAgeMax }; // one age for warnings and findings
    private const int ScoresMax = 60;

    /// <summary>Reads until the round is done or the time is over.</summary>
    /// <param name="cancel">Stops it; the next tick goes on.</param>
    public async Task<AuditReport> Run(CancellationToken cancel)
    {
        var (began, now) = (clock.GetTimestamp(), clock.GetUtcNow());
        var known = (await findings.All(cancel).ConfigureAwait(false)).ToDictionary(finding => (finding.Code, finding.Subject, finding.Where));
        var cursor = await findings.Cursor(cancel).ConfigureAwait(false);
        var waits = cursor is { Pass: 0, After: null, Round: > 0 } && now - cursor.BeganAt < settings.RoundsApart;
        if (waits) return new AuditReport(0, false, cursor!.Score);
        cursor = cursor is null or { Pass: 0, After: null }
            ? new AuditCursor((cursor?.Round ?? 0) + 1, 0, null, 0, 0, now, cursor?.Scores ?? []) { ETag = cursor?.ETag ?? "" }
            : cursor;
        var start = cursor.Checked;
        var round = new Round(cursor.Round, known);
        while (true)
        {
            var (next, count, devices) = await Page(cursor, round, cancel).ConfigureAwait(false);
            await Keep(round, cancel).ConfigureAwait(false);
            var pass = next is null ? cursor.Pass + 1 : cursor.Pass;
            var moved = cursor with { Pass = pass, After = next, Checked = cursor.Checked + count, Devices = cursor.Devices + devices };
            var ended = pass == 3 + fleet.Hubs;
            if (ended) moved = await End(moved, round, cancel).ConfigureAwait(false);
            if (await findings.Move(moved, cancel).ConfigureAwait(false) is not { } stored) return new AuditReport(moved.Checked - start, false, cursor.Score); // another instance goes on
            if (ended || clock.GetElapsedTime(began) >= settings.TickTime)
            {
                var open = known.Values.Count(finding => !finding.IsAccepted(now));
                Log.Audited(log, moved.Checked - start, open, stored.Score ?? 0, moved.Round, ended ? "ended" : "goes on");
                return new AuditReport(moved.Checked - start, ended, stored.Score);
            }

            cursor = stored;
        }
    }

    private async Task<(string? Next, int Count, int Devices)> Page(AuditCursor cursor, Round round, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        switch (cursor.Pass)
        {
            case 0:
                var rows = (await ledger.List(new DeviceQuery(), cursor.After, PageRows, cancel).ConfigureAwait(false)).TryGet(out var page, out var fault) ? page
                    : throw new System.Diagnostics.UnreachableException(fault.ToString());
                foreach (var row in rows.Items) await Row(row, round, now, cancel).ConfigureAwait(false);
                return (rows.Next, rows.Items.Count, rows.Items.Count);
            case 1:
                var seen = await fleet.Groups(cursor.After, cancel).ConfigureAwait(false);
                foreach (var group in seen.Items)
                {
                    var of = await groups.Get(group.Id, cancel).ConfigureAwait(false);
                    round.Add(Findings.OfGroup(group, of, now));
                    // From the begin of the round before: what came due after it had looked at this group would never be told else. Told twice has one id.
                    var last = cursor.Scores.Count > 0 ? cursor.Scores[^1].At : DateTimeOffset.MinValue;
                    if (of is not null) round.Warn(Expiry.Due(of, expiry, last, now).Select(warning => LifecycleAlert.Of(warning, now)));
                }

                return (seen.Next, seen.Items.Count, 0);
            case 2:
                var enrollments = await fleet.Enrollments(cursor.After, cancel).ConfigureAwait(false);
                foreach (var item in enrollments.Items)
                {
                    var row = await Find(item.Fact.Id, cancel).ConfigureAwait(false);
                    var holder = item.Key is { } key ? await ledger.FindByKey(key, cancel).ConfigureAwait(false) : null;
                    if (item.Certificate is { } certificate && await findings.Claim(certificate, item.Fact.Id, round.Number, cancel).ConfigureAwait(false) is { } other)
                    {
                        // One certificate, two entries: the service shows no key to ask the ledger about, and neither may be the right one.
                        round.Add([new Finding(Findings.KeyShared, item.Fact.Id, "dps"), new Finding(Findings.KeyShared, other, "dps")]);
                    }

                    await Judge([.. Findings.OfEnrollment(item.Fact with { KeyHolder = holder }, row, _policy, now)], row, Findings.EnrollmentOpen, Planes.Enrollment, round, cancel).ConfigureAwait(false);
                }

                return (enrollments.Next, enrollments.Items.Count, 0);
            default:
                var identities = await fleet.Identities(cursor.Pass - 3, cursor.After, cancel).ConfigureAwait(false);
                foreach (var fact in identities.Items)
                {
                    var row = await Find(fact.Id, cancel).ConfigureAwait(false);
                    await Judge([.. Findings.OfIdentity(fact, row, _policy, now)], row, Findings.IdentityOpen, Planes.Hub, round, cancel).ConfigureAwait(false);
                }

                return (identities.Next, identities.Items.Count, 0);
        }
    }

    private async Task Row(DeviceRecord row, Round round, DateTimeOffset now, CancellationToken cancel)
    {
        round.Add(Findings.OfRow(row, _policy, now));
        if (row.State == DeviceState.Dead)
        {
            // The planted entry is what keeps a group from admitting it: that it is missing shows in no query.
            if (!await fleet.StandsDisabled(row.Id, cancel).ConfigureAwait(false))
                await Judge([new Finding(Findings.EnrollmentOpen, row.Id.Text, "dps")], row, Findings.EnrollmentOpen, Planes.Enrollment, round, cancel).ConfigureAwait(false);
        }
        else if (row.Ending is null && row.DueAt is null && Expiry.NextLook(row, expiry, now) is { } look)
        {
            // Nobody set when to look at it. Somebody faster is as good.
            await ledger.Change(row, row with { DueAt = look }, new Deed(Act.Observe, Who, "next look", now), cancel).ConfigureAwait(false);
        }
    }

    private async Task Judge(IReadOnlyList<Finding> found, DeviceRecord? row, FindingKind open, string plane, Round round, CancellationToken cancel)
    {
        round.Add(found);
        if (row?.State != DeviceState.Dead || row.Closings[plane]?.Stage == Stages.Failed || found.All(finding => finding.Kind != open)) return;
        var now = clock.GetUtcNow();
        var reopened = ClosingPlan.After(row, [new PlaneReading(plane, false, "found open by the audit")], now, now);
        await ledger.Change(row, reopened, new Deed(Act.Close, Who, plane + " was found open", now), cancel).ConfigureAwait(false);
    }

    private async Task<DeviceRecord?> Find(string id, CancellationToken cancel) =>
        DeviceId.Parse(id).TryGet(out var device, out _) ? await ledger.Get(device, cancel).ConfigureAwait(false) : null; // not one of our ids: not one of ours

    /// <summary>Writes what a page showed: new findings with an alert first, so that a crash tells twice under one id rather than never.</summary>
    private async Task Keep(Round round, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var told = new List<LifecycleAlert>(round.TakeWarnings());
        var write = new List<OpenFinding>();
        foreach (var finding in round.TakeFound())
        {
            var key = (finding.Kind.Code, finding.Subject, finding.Where);
            if (round.Known.TryGetValue(key, out var there))
            {
                if (there.Round == round.Number) continue;
                round.Known[key] = there with { Round = round.Number };
            }
            else
            {
                if (round.Known.Count >= FindingsMax) continue;
                round.Known[key] = new OpenFinding(finding.Kind.Code, finding.Subject, finding.Where, now, round.Number);
                if (finding.Kind == Findings.ActiveAfterEnd && DeviceId.Parse(finding.Subject).TryGet(out var device, out _))
                    await returns.Note(device, new ReturnAttempt(now, "hub-session", "active after it was cut off, at " + finding.Where), cancel).ConfigureAwait(false);
                told.Add(new LifecycleAlert(finding.Kind.Code, finding.Kind.Severity, finding.Subject, finding.Kind.Mend, $"{finding.Where}\n{now.UtcTicks / TimeSpan.TicksPerDay}", now));
            }

            write.Add(round.Known[key]);
        }

        if (told.Count > 0) await alerts.Raise(told, cancel).ConfigureAwait(false);
        foreach (var finding in write) await findings.Put(finding, cancel).ConfigureAwait(false);
    }

    private async Task<AuditCursor> End(AuditCursor cursor, Round round, CancellationToken cancel)
    {
        foreach (var (key, finding) in round.Known.Where(item => item.Value.Round < round.Number).ToList())
        {
            await findings.Remove(finding, cancel).ConfigureAwait(false);
            round.Known.Remove(key);
        }

        var now = clock.GetUtcNow();
        var open = round.Known.Values.Where(finding => !finding.IsAccepted(now)).GroupBy(finding => finding.Code).ToDictionary(group => group.Key, group => group.Count());
        var score = new RoundScore(cursor.Round, cursor.BeganAt, Findings.Score(open, cursor.Devices), open.Values.Sum(), cursor.Devices);
        return cursor with { Pass = 0, After = null, Scores = [.. cursor.Scores.TakeLast(ScoresMax - 1), score] };
    }

    private sealed class Round(long number, Dictionary<(string Code, string Subject, string Where), OpenFinding> known)
    {
        private List<Finding> _found = [];
        private List<LifecycleAlert> _warnings = [];

        public long Number => number;

        public Dictionary<(string Code, string Subject, string Where), OpenFinding> Known => known;

        public void Add(IEnumerable<Finding> found) => _found.AddRange(found);

        public void Warn(IEnumerable<LifecycleAlert> warnings) => _warnings.AddRange(warnings);

        public List<Finding> TakeFound() => Interlocked.Exchange(ref _found, []);

        public List<LifecycleAlert> TakeWarnings() => Interlocked.Exchange(ref _warnings, []);
    }
}
