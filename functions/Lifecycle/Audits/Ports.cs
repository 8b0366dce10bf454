using Serverless.Devices;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Audits;

/// <summary>A finding that is open.</summary>
/// <param name="Code">Its kind.</param>
/// <param name="Subject">Device or group.</param>
/// <param name="Where">Where it was seen.</param>
/// <param name="OpenedAt">Since when, UTC.</param>
/// <param name="Round">The last round that saw it.</param>
internal sealed record OpenFinding(string Code, string Subject, string Where, DateTimeOffset OpenedAt, long Round)
{
    /// <summary>Accepted until then, UTC.</summary>
    public DateTimeOffset? AcceptedUntil { get; init; }

    /// <summary>Why it is accepted.</summary>
    public string? AcceptedWhy { get; init; }

    /// <summary>By whom.</summary>
    public string? AcceptedBy { get; init; }

    /// <summary>Whether somebody accepted it for now.</summary>
    public bool IsAccepted(DateTimeOffset now) => AcceptedUntil > now;
}

/// <summary>How far the audit is. One row; whoever loses the race for it stops.</summary>
/// <param name="Round">Rounds begun.</param>
/// <param name="Pass">Which pass of this round: 0 ledger, 1 groups, 2 enrolments, 3 and on the hubs.</param>
/// <param name="After">Where in the pass; <see langword="null"/> at its start.</param>
/// <param name="Devices">Ledger rows of this round.</param>
/// <param name="Checked">Things looked at in this round.</param>
/// <param name="BeganAt">When this round began, UTC.</param>
/// <param name="Scores">Of the last rounds, oldest first; at most 60.</param>
internal sealed record AuditCursor(long Round, int Pass, string? After, long Devices, long Checked, DateTimeOffset BeganAt, IReadOnlyList<RoundScore> Scores)
{
    /// <summary>The row's version; empty before it was stored.</summary>
    public string ETag { get; init; } = "";

    /// <summary>The last finished round's score.</summary>
    public double? Score => Scores.Count > 0 ? Scores[^1].Score : null;
}

/// <summary>What a round came to.</summary>
/// <param name="Round">Its number.</param>
/// <param name="At">When it began, UTC.</param>
/// <param name="Score">0 to 100.</param>
/// <param name="Open">Open findings that nobody accepted.</param>
/// <param name="Devices">Ledger rows.</param>
internal sealed record RoundScore(long Round, DateTimeOffset At, double Score, int Open, long Devices);

/// <summary>Where findings are kept. Outages are exceptions; a write may have landed, and twice is once. Thread-safe.</summary>
internal interface IFindings
{
    /// <summary>All open findings, at most <see cref="AuditRun.FindingsMax"/>.</summary>
    Task<IReadOnlyList<OpenFinding>> All(CancellationToken cancel);

    /// <summary>Keeps one, in place of what was there of the same kind, subject and place.</summary>
    Task Put(OpenFinding finding, CancellationToken cancel);

    /// <summary>Removes one; none is as good.</summary>
    Task Remove(OpenFinding finding, CancellationToken cancel);

    /// <summary>Notes that a certificate was seen with a device in this round.</summary>
    /// <returns>Another device it was seen with before in this round; or <see langword="null"/>.</returns>
    Task<string?> Claim(string thumbprint, string id, long round, CancellationToken cancel);

    /// <summary>How far the audit is; <see langword="null"/> before the first.</summary>
    Task<AuditCursor?> Cursor(CancellationToken cancel);

    /// <summary>Moves it on, if nobody else did.</summary>
    /// <returns>The cursor as stored, or <see langword="null"/> when somebody else was faster.</returns>
    Task<AuditCursor?> Move(AuditCursor cursor, CancellationToken cancel);
}

/// <summary>An enrolment with what it says of its certificate.</summary>
/// <param name="Fact">The enrolment.</param>
/// <param name="Key">Its public key, when the service shows the certificate itself.</param>
/// <param name="Certificate">SHA-256 of its certificate, 64 lower-case hex characters; <see langword="null"/> when it has none.</param>
internal sealed record EnrollmentSeen(EnrollmentFact Fact, KeyThumbprint? Key, string? Certificate);

/// <summary>One page of what a service has.</summary>
internal sealed record Seen<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>DPS and hubs, read page by page. Outages are exceptions. Thread-safe.</summary>
internal interface IFleetReader
{
    /// <summary>Hubs there are.</summary>
    int Hubs { get; }

    /// <summary>Groups of DPS.</summary>
    Task<Seen<GroupFact>> Groups(string? after, CancellationToken cancel);

    /// <summary>Individual enrolments of DPS.</summary>
    Task<Seen<EnrollmentSeen>> Enrollments(string? after, CancellationToken cancel);

    /// <summary>Identities of one hub.</summary>
    Task<Seen<IdentityFact>> Identities(int hub, string? after, CancellationToken cancel);

    /// <summary>Whether a disabled individual enrolment stands for a dead device.</summary>
    Task<bool> StandsDisabled(DeviceId device, CancellationToken cancel);
}
