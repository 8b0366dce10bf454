using Serverless.Hosting;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Desk;

namespace Serverless.Lifecycle;

/// <summary>HTTP edge of findings.</summary>
internal static class ShowFindings
{
    /// <summary>GET api/findings: 200. PUT api/findings/{code}/{subject}/acceptance: 200, 400, 404 <c>finding-unknown</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("api/findings", Show).RequireRole(Role.FleetRead, Role.DeviceDecommission);
        routes.MapPut("api/findings/{code}/{subject}/acceptance", Accept).RequireRole(Role.DeviceDecommission);
    }

    private static async Task<IResult> Show(HttpContext http, IFindings findings, TimeProvider clock, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        var open = await findings.All(cancel).ConfigureAwait(false);
        var cursor = await findings.Cursor(cancel).ConfigureAwait(false);
        return Answer.Json(new FindingsBody(cursor?.Score, cursor?.Scores ?? [], [.. open.Select(finding => FindingBody.Of(finding, clock.GetUtcNow()))]), LifecycleJson.Default.FindingsBody);
    }

    private static async Task<IResult> Accept(string code, string subject, HttpContext http, AuditDesk desk, TimeProvider clock, CancellationToken cancel)
    {
        if (!(await LifecycleJson.Read(http.Request, LifecycleJson.Default.AcceptanceBody, cancel).ConfigureAwait(false)).TryGet(out var body, out var fault)) return Answer.Refuse(fault);
        var accepted = await desk.Accept(code, subject, body.Reason, body.Days, Caller.Of(http.User), cancel).ConfigureAwait(false);
        return Answer.From(accepted.Then<FindingsBody>(all => new FindingsBody(null, [], [.. all.Select(finding => FindingBody.Of(finding, clock.GetUtcNow()))])), LifecycleJson.Default.FindingsBody);
    }
}

/// <summary>A wish that a finding is accepted for a time.</summary>
/// <param name="Reason">Required.</param>
/// <param name="Days">How long, 1 to 365.</param>
internal sealed record AcceptanceBody(string Reason, int Days);

/// <summary>Score, its trend, and what is open.</summary>
internal sealed record FindingsBody(double? Score, IReadOnlyList<RoundScore> Trend, IReadOnlyList<FindingBody> Findings);

/// <summary>One open finding.</summary>
internal sealed record FindingBody(string Code, string Severity, string Subject, string Where, DateTimeOffset OpenedAt, string Mend, bool Accepted, DateTimeOffset? AcceptedUntil, string? AcceptedWhy, string? AcceptedBy)
{
    public static FindingBody Of(OpenFinding finding, DateTimeOffset now)
    {
        var kind = Endings.Findings.Kinds.FirstOrDefault(kind => kind.Code == finding.Code);
        return new(finding.Code, kind?.Severity ?? "warning", finding.Subject, finding.Where, finding.OpenedAt, kind?.Mend ?? "", finding.IsAccepted(now), finding.AcceptedUntil, finding.AcceptedWhy, finding.AcceptedBy);
    }
}
