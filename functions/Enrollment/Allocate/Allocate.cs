using Serverless.Enrollment.Admission;
using Serverless.Hosting;

namespace Serverless.Enrollment.Allocate;

/// <summary>The webhook of DPS's custom allocation. Every rule is in <see cref="Allocation"/>.</summary>
internal static class Allocate
{
    /// <summary>POST api/allocate: 200 with the hub; anything else refuses the device. The Functions host has checked the function's key
    /// before the call gets here, and DPS shows nothing else, so there is no token and no role. The storm limits of the policy stand in for the
    /// caller's rate, since every call has the same caller.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/allocate", async (HttpRequest request, Allocator allocator, ILogger<Allocator> log, CancellationToken cancel) =>
        {
            var body = await request.ReadBounded(AllocationRequest.WireBytesMax, cancel).ConfigureAwait(false);
            if (!body.Then(AllocationRequest.Parse).TryGet(out var asked, out var malformed))
            {
                Log.RegistrationRefused(log, "", malformed.Code, malformed.Where);
                return Answer.Refuse(malformed);
            }

            return (await allocator.Allocate(asked, cancel).ConfigureAwait(false)).TryGet(out var admitted, out var fault)
                ? Answer.Json(admitted.ToJson(), EnrollmentJson.Default.JsonObject)
                : Answer.Refuse(fault);
        })
        .AllowAnonymous()
        .WithoutCallerRate();
}
