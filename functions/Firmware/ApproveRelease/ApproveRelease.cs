using System.Text.Json;
using Serverless.Faults;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of approvals.</summary>
internal static class ApproveRelease
{
    private const int WireBytesMax = 4096;

    /// <summary>POST api/releases/{id}/approvals: 200 taken or published, 202 being published, 400, 403, 404, 409, 412.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/releases/{id}/approvals", async (string id, HttpContext http, Approving approving, Views views, CancellationToken cancel) =>
        {
            var body = await http.Request.ReadBounded(WireBytesMax, cancel).ConfigureAwait(false);
            if (!body.Then(Parse).TryGet(out var given, out var fault)) return Answer.Refuse(fault);
            if (!ReleaseId.Parse(id).TryGet(out var release, out fault)) return Answer.Refuse(fault);
            var approved = await approving.Approve(release, given, Caller.Of(http.User), cancel).ConfigureAwait(false);
            return approved.TryGet(out var record, out fault)
                ? await ReleaseAnswer.Of(http, views, record, StatusCodes.Status200OK, cancel).ConfigureAwait(false)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.ReleaseApprove);

    private static Parsed<GivenApproval> Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            if (JsonSerializer.Deserialize(utf8.Span, ReleaseApiJson.Default.ApprovalBody) is not { } body) return new Fault("json-body", "body");
            if (!Submission.IsSha256(body.Sha256)) return new Fault("hash-format", "sha256");
            return Submission.IsSha256(body.KeyId) ? new GivenApproval(body.Sha256, body.KeyId, body.Signature) : new Fault("hash-format", "keyId");
        }
        catch (JsonException)
        {
            return new Fault("json-body", "body");
        }
    }
}
