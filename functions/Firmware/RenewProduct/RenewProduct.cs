using Serverless.Faults;
using Serverless.Firmware.Desk;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of renewals.</summary>
internal static class RenewProduct
{
    /// <summary>POST api/products/{product}/renewal: 201 a change to approve, 404, 409.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/products/{product}/renewal", async (string product, HttpContext http, Changing changing, Views views, CancellationToken cancel) =>
        {
            var body = await http.Request.ReadBounded(WithdrawRelease.ReasonBytesMax, cancel).ConfigureAwait(false);
            if (!body.Then(WithdrawRelease.ParseReason).TryGet(out var asked, out var fault)) return Answer.Refuse(fault);
            if (!FirmwareSigning.Trust.Release.IsId(product)) return Answer.Refuse(new Fault("product-unknown", "product"));
            var proposed = await changing.Renew(product, asked.Reason, Caller.Of(http.User), cancel).ConfigureAwait(false);
            return proposed.TryGet(out var record, out fault)
                ? await ReleaseAnswer.Of(http, views, record, StatusCodes.Status201Created, cancel).ConfigureAwait(false)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.ReleaseApprove);
}
