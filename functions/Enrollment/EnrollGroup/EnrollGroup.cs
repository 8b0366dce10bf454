using Serverless.Enrollment.Admission;
using Serverless.Hosting;

namespace Serverless.Enrollment.EnrollGroup;

/// <summary>HTTP edge of group enrolment.</summary>
internal static class EnrollGroup
{
    /// <summary>POST api/enrollment-groups: 201 the group; 400 fault code; 409 enrolled differently.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/enrollment-groups", async (HttpRequest request, GroupEnroller enroller, CancellationToken cancel) =>
        {
            var body = await request.ReadBounded(GroupPlan.WireBytesMax, cancel).ConfigureAwait(false);
            return body.TryGet(out var bytes, out var fault)
                ? Answer.From(await enroller.Enroll(bytes, Caller.Of(request.HttpContext.User), cancel).ConfigureAwait(false), EnrollmentJson.Default.GroupView, 201)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.DeviceEnroll);
}
