using Serverless.Enrollment.Admission;
using Serverless.Hosting;

namespace Serverless.Enrollment.EnrollDevice;

/// <summary>HTTP edge of enrolment: bound, parse, ask, answer. Every rule is in <see cref="EnrollmentRules"/>.</summary>
internal static class EnrollDevice
{
    /// <summary>POST api/devices: 201 receipt; 400 fault code; 401/403 caller; 404 unknown model; 409 enrolled differently or key of another
    /// device; 410 decommissioned; 413 body over 64 KB.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/devices", async (HttpRequest request, Enroller enroller, CancellationToken cancel) =>
        {
            var body = await request.ReadBounded(EnrollmentRequest.WireBytesMax, cancel).ConfigureAwait(false);
            return body.Then(bytes => EnrollmentRequest.Parse(bytes.Span)).TryGet(out var asked, out var fault)
                ? Answer.From(await enroller.Enroll(asked, Caller.Of(request.HttpContext.User), "enrolled by itself", cancel).ConfigureAwait(false), EnrollmentJson.Default.EnrollmentReceipt, 201)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.DeviceEnroll);
}
