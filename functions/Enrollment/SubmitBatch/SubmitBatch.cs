using Microsoft.AspNetCore.Http.Features;
using Serverless.Enrollment.Admission;
using Serverless.Faults;
using Serverless.Hosting;

namespace Serverless.Enrollment.SubmitBatch;

/// <summary>HTTP edge of batches.</summary>
internal static class SubmitBatch
{
    /// <summary>POST api/device-batches, <c>text/csv</c> or <c>application/jsonl</c>, up to 100,000 rows and 100 MiB: 202 the batch, whose
    /// progress is at <c>Location</c>; 400 fault code; 411, 413, 415.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/device-batches", async (HttpRequest request, BatchDesk desk, HttpResponse response, CancellationToken cancel) =>
        {
            if (!Format(request).TryGet(out var format, out var fault)) return Answer.Refuse(fault);
            if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = BatchDesk.BytesMax;
            var batch = await desk.Submit(request.Body, format, Caller.Of(request.HttpContext.User), cancel).ConfigureAwait(false);
            if (batch.TryGet(out var taken, out _)) response.Headers.Location = $"/api/device-batches/{taken.Id}";
            return Answer.From(batch, EnrollmentJson.Default.BatchView, 202);
        })
        .RequireRole(Role.DeviceEnroll);

    /// <summary>What kind of body comes.</summary>
    /// <returns>Its format, or <c>body-length-missing</c> (the host would have dropped it), <c>body-missing</c>, <c>body-too-large</c>,
    /// <c>media-type</c>.</returns>
    private static Parsed<RowFormat> Format(HttpRequest request)
    {
        if (request.ContentLength is null) return new Fault("body-length-missing", "Content-Length");
        if (request.ContentLength == 0) return new Fault("body-missing", "body");
        if (request.ContentLength > BatchDesk.BytesMax) return new Fault("body-too-large", "body");
        return request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() switch
        {
            "text/csv" => RowFormat.Csv,
            "application/jsonl" or "application/x-ndjson" => RowFormat.JsonLines,
            _ => new Fault("media-type", "Content-Type"),
        };
    }
}
