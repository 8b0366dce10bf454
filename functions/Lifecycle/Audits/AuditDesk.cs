using Serverless.Faults;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Audits;

/// <summary>Where people look at findings and accept them.</summary>
internal sealed class AuditDesk(IFindings findings, TimeProvider clock)
{
    /// <summary>Longest acceptance, days.</summary>
    public const int DaysMax = 365;

    /// <summary>Accepts every open finding of one kind and subject for a time: it is still seen, but raises no alert and costs no points.</summary>
    /// <returns>The findings; or <c>finding-unknown</c>, <c>reason-missing</c>, <c>reason-length</c>, <c>acceptance-range</c>.</returns>
    public async Task<Parsed<IReadOnlyList<OpenFinding>>> Accept(string code, string subject, string reason, int days, string caller, CancellationToken cancel)
    {
        if (Decommissioning.Check(new EndingRequest(reason, TimeSpan.Zero, false), TimeSpan.Zero) is { } refused) return refused;
        if (days is < 1 or > DaysMax) return new Fault("acceptance-range", "days");
        var accepted = new List<OpenFinding>();
        foreach (var finding in (await findings.All(cancel).ConfigureAwait(false)).Where(finding => finding.Code == code && finding.Subject == subject))
        {
            var one = finding with { AcceptedUntil = clock.GetUtcNow().AddDays(days), AcceptedWhy = reason, AcceptedBy = caller };
            await findings.Put(one, cancel).ConfigureAwait(false);
            accepted.Add(one);
        }

        return accepted.Count > 0 ? accepted : new Fault("finding-unknown", "code");
    }
}
