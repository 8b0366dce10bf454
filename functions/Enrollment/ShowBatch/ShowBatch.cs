using Serverless.Enrollment.SubmitBatch;
using Serverless.Hosting;

namespace Serverless.Enrollment.ShowBatch;

/// <summary>HTTP edge of a batch's progress.</summary>
internal static class ShowBatch
{
    /// <summary>GET api/device-batches/{id}: 200 progress, rate and predicted finish; 404 <c>batch-unknown</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("api/device-batches/{id}", async (string id, BatchDesk desk, CancellationToken cancel) =>
            Answer.From(await desk.Show(id, cancel).ConfigureAwait(false), EnrollmentJson.Default.BatchView))
        .RequireRole(Role.DeviceEnroll, Role.FleetRead);
}
