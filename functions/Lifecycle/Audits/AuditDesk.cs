using Serverless.Faults;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Audits;

/// <summary>Where people look at findings and accept them.</summary>
internal sealed class AuditDesk(IFindings findings, TimeProvider clock)
{
    /// <summary>Longest acceptance.</summary>
    public static readonly TimeSpan AcceptMax = TimeSpan.FromDays(365);

    /// <summary>Accepts every open finding of one kind and subject for a time: it is still seen, but raises no alert and costs no points.</summary>
    /// <returns>The findings; or <c>finding-unknown</c>, <c>reason-missing</c>, <c>reason-length</c>, <c>acceptance-range</c>.</returns>
    public async Task<Parsed<IReadOnlyList<OpenFinding>>> Accept(string code, string subject, string reason, TimeSpan time, string caller, CancellationToken cancel)
    {
        if (Decommissioning.Check(new EndingRequest(reason, TimeSpan.Zero, false), TimeSpan.Zero) is { } refused) return refused;
        if (time <= TimeSpan.Zero || time > AcceptMax) return new Fault("acceptance-range", "days");
        var accepted = new List<OpenFinding>();
        foreach (var finding in (await findings.All(cancel).ConfigureAwait(false)).Where(finding => finding.Code == code && finding.Subject == subject))
        {
            var one = finding with { AcceptedUntil = clock.GetUtcNow() + time, AcceptedWhy = reason, AcceptedBy = caller };
            await findings.Put(one, cancel).ConfigureAwait(false);
            accepted.Add(one);
        }

        return accepted.Count > 0 ? accepted : new Fault("finding-unknown", "code");
    }
}
