using Serverless.Firmware.Desk;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of offline ceremonies' files.</summary>
internal static class PublishMetadata
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2); // megabytes over an engineer's home line

    /// <summary>POST api/metadata: 200 published, 400, 404, 409, 412, 413.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/metadata", async (HttpContext http, Ceremonies ceremonies, CancellationToken cancel) =>
        {
            var body = await http.Request.ReadBounded(Ceremonies.WireBytesMax, Patience, cancel).ConfigureAwait(false);
            if (!body.TryGet(out var files, out var fault)) return Answer.Refuse(fault);
            var published = await ceremonies.Publish(files, cancel).ConfigureAwait(false);
            return Answer.From(
                published.Then<MetadataPublishedBody>(seen => new MetadataPublishedBody(seen.TimestampVersion, seen.SnapshotVersion)),
                ReleaseApiJson.Default.MetadataPublishedBody);
        })
        .RequireRole(Role.ReleaseApprove);
}
