using System.Text.Json;
using Serverless.Faults;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of withdrawals.</summary>
internal static class WithdrawRelease
{
    /// <summary>POST api/releases/{id}/withdrawal: 201 a change to approve, 404, 409.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/releases/{id}/withdrawal", async (string id, HttpContext http, Changing changing, Views views, CancellationToken cancel) =>
        {
            var body = await http.Request.ReadBounded(ReasonBytesMax, cancel).ConfigureAwait(false);
            if (!body.Then(ParseReason).TryGet(out var asked, out var fault)) return Answer.Refuse(fault);
            if (!ReleaseId.Parse(id).TryGet(out var release, out fault)) return Answer.Refuse(fault);
            var proposed = await changing.Withdraw(release, asked.Reason, Caller.Of(http.User), cancel).ConfigureAwait(false);
            return proposed.TryGet(out var record, out fault)
                ? await ReleaseAnswer.Of(http, views, record, StatusCodes.Status201Created, cancel).ConfigureAwait(false)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.ReleaseSubmit, Role.ReleaseApprove);

    /// <summary>Longest request, bytes: the reason's characters, each escaped.</summary>
    internal const int ReasonBytesMax = 8 * 1024;

    /// <summary>Reads a reason.</summary>
    /// <returns>It, or <c>json-body</c>.</returns>
    internal static Parsed<ReasonBody> ParseReason(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return JsonSerializer.Deserialize(utf8.Span, ReleaseApiJson.Default.ReasonBody) is { } body ? body : new Fault("json-body", "body");
        }
        catch (JsonException)
        {
            return new Fault("json-body", "body");
        }
    }
}
