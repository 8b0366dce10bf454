using Serverless.Enrollment.SubmitBatch;
using Serverless.Hosting;

namespace Serverless.Enrollment.ShowBatchResults;

/// <summary>HTTP edge of a batch's results.</summary>
internal static class ShowBatchResults
{
    /// <summary>GET api/device-batches/{id}/results: 200 JSON Lines, one a row done so far, with receipt or fault; 404 <c>batch-unknown</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("api/device-batches/{id}/results", async (string id, BatchDesk desk, CancellationToken cancel) =>
            (await desk.Results(id, cancel).ConfigureAwait(false)).TryGet(out var lines, out var fault)
                ? TypedResults.Stream(lines, "application/jsonl")
                : Answer.Refuse(fault))
        .RequireRole(Role.DeviceEnroll);
}
