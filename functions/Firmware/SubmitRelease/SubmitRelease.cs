using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of submissions: bound, parse, ask, answer.</summary>
internal static class SubmitRelease
{
    /// <summary>POST api/releases: 201 proposed (or refused: see <c>state</c>), 202 being checked, 200 known already, 400, 404, 409.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/releases", async (HttpContext http, Submitting submitting, Views views, CancellationToken cancel) =>
        {
            var body = await http.Request.ReadBounded(Submission.WireBytesMax, cancel).ConfigureAwait(false);
            if (!body.Then(Submission.Parse).TryGet(out var submission, out var fault)) return Answer.Refuse(fault);
            var taken = await submitting.Submit(submission, Caller.Of(http.User), cancel).ConfigureAwait(false);
            if (!taken.TryGet(out var submitted, out fault)) return Answer.Refuse(fault);
            // A refusal found while the caller waited is the answer; it stays readable under the release's id.
            if (submitted is { IsNew: true, Record: { State: ReleaseState.Refused, Fault: { } refused } }) return Answer.Refuse(refused);
            return await ReleaseAnswer.Of(http, views, submitted.Record, submitted.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, cancel).ConfigureAwait(false);
        })
        .RequireRole(Role.ReleaseSubmit);
}

/// <summary>How a change is answered: 202 while someone still works on it.</summary>
internal static class ReleaseAnswer
{
    private const int AskAgainSeconds = 5;

    public static async Task<IResult> Of(HttpContext http, Views views, ReleaseRecord record, int status, CancellationToken cancel)
    {
        if (!(await views.Show(record, cancel).ConfigureAwait(false)).TryGet(out var shown, out var fault)) return Answer.Refuse(fault);
        if (shown.State is ReleaseState.Checking or ReleaseState.Approved)
        {
            status = StatusCodes.Status202Accepted;
            http.Response.Headers.RetryAfter = AskAgainSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        if (status != StatusCodes.Status200OK) http.Response.Headers.Location = $"/api/releases/{record.Id.Text}";
        http.Response.Headers.CacheControl = "no-store";
        return Answer.Json(shown, ReleaseApiJson.Default.ReleaseBody, status);
    }
}
