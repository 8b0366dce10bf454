using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Serverless.Local.Identity;

namespace Serverless.Local.Storage;

/// <summary>The HTTPS address of the storage account: verifies the caller's token and roles, then streams to Azurite and back.</summary>
internal sealed class StorageFront : IAsyncDisposable
{
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
        { "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "TE", "Trailer", "Upgrade" };

    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _azurite;
    private readonly StorageBackends _backends;
    private readonly StorageDoor _door;
    private readonly string _authority;
    private readonly TimeProvider _clock;
    private int[] _ports = [];

    private StorageFront(WebApplication app, HttpMessageInvoker azurite, StorageBackends backends, StorageDoor door, string authority, TimeProvider clock)
    {
        _app = app;
        _azurite = azurite;
        _backends = backends;
        _door = door;
        _authority = authority;
        _clock = clock;
    }

    public Uri BlobServiceUri => Address(StorageService.Blob);

    public Uri QueueServiceUri => Address(StorageService.Queue);

    public Uri TableServiceUri => Address(StorageService.Table);

    public static async Task<StorageFront> Start(
        StorageBackends backends, X509Certificate2 certificate, Tokens tokens, TenantDirectory directory, IReadOnlyList<string> publicContainers, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // Azurite applies the service's own limits
            for (var service = 0; service < 3; service++)
            {
                kestrel.Listen(IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1;
                    listen.UseHttps(certificate);
                });
            }
        });
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var door = new StorageDoor(tokens, directory, publicContainers, TimeProvider.System);
        var azurite = new HttpMessageInvoker(Pinned.Handler(certificate));
        var front = new StorageFront(app, azurite, backends, door, tokens.Issuer, TimeProvider.System);
        app.Run(front.Answer);
        await app.StartAsync(cancel).ConfigureAwait(false);
        front._ports = [.. app.Urls.Select(url => new Uri(url).Port)];
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false); // idle connections are not waited for
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _azurite.Dispose();
    }

    private Uri Address(StorageService service) => new($"https://127.0.0.1:{_ports[(int)service]}/{Azurite.Account}");

    private async Task Answer(HttpContext http)
    {
        var service = (StorageService)Array.IndexOf(_ports, http.Connection.LocalPort);
        if (await _door.Judge(http, service).ConfigureAwait(false) is { } refusal)
        {
            await refusal.Write(http, service, _authority, _clock.GetUtcNow()).ConfigureAwait(false);
            return;
        }

        using var forwarded = Forward(http, _backends.Of(service));
        HttpResponseMessage answer;
        try
        {
            answer = await _azurite.SendAsync(forwarded, http.RequestAborted).ConfigureAwait(false);
        }
        catch (HttpRequestException)
        {
            await StorageRefusal.Unreachable.Write(http, service, _authority, _clock.GetUtcNow()).ConfigureAwait(false);
            return;
        }

        using (answer)
        {
            http.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.NonValidated) Copy(http.Response.Headers, name, values);
            foreach (var (name, values) in answer.Content.Headers.NonValidated) Copy(http.Response.Headers, name, values);
            await answer.Content.CopyToAsync(http.Response.Body, http.RequestAborted).ConfigureAwait(false);
        }
    }

    private static void Copy(IHeaderDictionary headers, string name, System.Net.Http.Headers.HeaderStringValues values)
    {
        if (!HopByHop.Contains(name)) headers[name] = values.ToArray();
    }

    private static HttpRequestMessage Forward(HttpContext http, Uri backend)
    {
        // The raw target, byte for byte: what was judged is what Azurite reads.
        var raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var address = new Uri($"{backend.GetLeftPart(UriPartial.Authority)}{raw}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var forwarded = new HttpRequestMessage(new HttpMethod(http.Request.Method), address) { Version = HttpVersion.Version11 };
        var hasBody = http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true || http.Request.ContentLength is not null;
        if (hasBody) forwarded.Content = new StreamContent(http.Request.Body);
        foreach (var (name, values) in http.Request.Headers)
        {
            if (HopByHop.Contains(name)) continue;
            if (!forwarded.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values)) forwarded.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }

        return forwarded;
    }
}
