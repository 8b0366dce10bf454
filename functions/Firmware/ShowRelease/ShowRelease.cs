using Serverless.Firmware.Desk;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;

namespace Serverless.Firmware;

/// <summary>HTTP edge of looking: releases, products, metadata.</summary>
internal static class ShowRelease
{
    private static readonly string[] Readers = [Role.ReleaseSubmit, Role.ReleaseApprove, Role.FleetRead];

    /// <summary>GET api/releases/{id}, api/releases, api/products, api/metadata: 200, 404.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("api/releases/{id}", async (string id, HttpContext http, Views views, CancellationToken cancel) =>
        {
            http.Response.Headers.CacheControl = "no-store";
            if (!ReleaseId.Parse(id).TryGet(out var release, out var fault)) return Answer.Refuse(fault);
            var shown = http.User.IsInRole(Role.ReleaseApprove) ? views.ShowToApprover(release, cancel) : views.Show(release, cancel);
            return Answer.From(await shown.ConfigureAwait(false), ReleaseApiJson.Default.ReleaseBody);
        }).RequireRole(Readers);
        routes.MapGet("api/releases", async (string? product, string? after, HttpContext http, Views views, CancellationToken cancel) =>
        {
            http.Response.Headers.CacheControl = "no-store";
            return Answer.From(await views.List(product, after, cancel).ConfigureAwait(false), ReleaseApiJson.Default.ReleasesBody);
        }).RequireRole(Readers);
        routes.MapGet("api/products", async (HttpContext http, Views views, CancellationToken cancel) =>
        {
            http.Response.Headers.CacheControl = "no-store";
            return Answer.From(await views.Products(cancel).ConfigureAwait(false), ReleaseApiJson.Default.ProductsBody);
        }).RequireRole(Readers);
        routes.MapGet("api/metadata", async (HttpContext http, Views views, CancellationToken cancel) =>
        {
            http.Response.Headers.CacheControl = "no-store";
            return Answer.From(await views.Metadata(cancel).ConfigureAwait(false), ReleaseApiJson.Default.MetadataBody);
        }).RequireRole(Readers);
    }
}
