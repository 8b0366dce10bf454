using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Local.FunctionsHost.App;

namespace Serverless.Local.FunctionsHost.Http;

/// <summary>The address of the app: routes, methods, keys; then the handler.</summary>
internal sealed class HttpFront : IAsyncDisposable
{
    private const long BodyBytesMax = 104_857_600; // ScriptConstants.DefaultMaxRequestBodySize of the real host

    private readonly WebApplication _app;

    private HttpFront(WebApplication app)
    {
        _app = app;
        Address = new Uri(app.Urls.Single());
    }

    public Uri Address { get; }

    /// <summary>Listens on a free port; requests wait until <paramref name="ready"/> yields who answers them.</summary>
    public static async Task<HttpFront> Start(AppFolder app, FunctionsHostOptions options, Task<HttpFunctions> ready, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = BodyBytesMax;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (options.Certificate is { } certificate) listen.UseHttps(certificate);
            });
        });
        builder.Logging.ClearProviders();
        var web = builder.Build();
        web.UseRouting();
        MapFunctions(web, app, ready);
        web.MapGet("/", () => Results.StatusCode(StatusCodes.Status204NoContent)); // the real one shows a page here
        web.MapGet("/admin/host/status", async (HttpContext http) => await (await ready.ConfigureAwait(false)).Status(http).ConfigureAwait(false));
        web.MapPost("/admin/functions/{name}", async (HttpContext http, string name) => await (await ready.ConfigureAwait(false)).RunNow(http, name).ConfigureAwait(false));
        web.UseEndpoints(_ => { });
        await web.StartAsync(cancel).ConfigureAwait(false);
        return new HttpFront(web);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>One endpoint a template, so that functions may share one by method; a method nobody takes is 404, as the real host's
    /// method constraints make it.</summary>
    private static void MapFunctions(WebApplication web, AppFolder app, Task<HttpFunctions> ready)
    {
        var routed = app.Functions.Where(function => function is { IsDisabled: false, Trigger: HttpTrigger });
        foreach (var group in routed.GroupBy(function => Template(app, (HttpTrigger)function.Trigger), StringComparer.OrdinalIgnoreCase))
        {
            var candidates = group.ToArray();
            var names = TemplateParser.Parse(group.Key.TrimStart('/')).Parameters.Select(parameter => parameter.Name!).ToArray();
            web.Map(group.Key, async http =>
            {
                var function = candidates.FirstOrDefault(candidate => Takes((HttpTrigger)candidate.Trigger, http.Request.Method));
                if (function is null)
                {
                    http.Response.StatusCode = StatusCodes.Status404NotFound;
                    return;
                }

                var functions = await ready.WaitAsync(http.RequestAborted).ConfigureAwait(false);
                await functions.Answer(http, function, names).ConfigureAwait(false);
            });
        }
    }

    private static string Template(AppFolder app, HttpTrigger trigger) =>
        app.Host.RoutePrefix.Length == 0 ? "/" + trigger.Route : $"/{app.Host.RoutePrefix}/{trigger.Route}";

    private static bool Takes(HttpTrigger trigger, string method) => trigger.Methods.Count == 0 || trigger.Methods.Contains(method);
}
