using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>A webhook over HTTPS that answers as a test wants, and keeps what it was asked.</summary>
internal sealed class ScriptedWebhook : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;

    private ScriptedWebhook(WebApplication app, X509Certificate2 certificate) => (_app, _certificate) = (app, certificate);

    /// <summary>Its address, with the key that must never show.</summary>
    public Uri Url => new(_app.Urls.Single() + "/api/Allocate?code=the-key");

    public ConcurrentQueue<(HttpContextShot Request, JsonObject Body)> Calls { get; } = new();

    /// <summary>What it does with a call.</summary>
    public Func<JsonObject, HttpContext, Task> Answer { get; set; } = (asked, http) => Give(http, new JsonObject { ["iotHubHostName"] = asked["linkedHubs"]![0]!.DeepClone() });

    public static async Task<ScriptedWebhook> Start()
    {
        var certificate = ProvisioningFixture.Authority.IssueServer();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.UseHttps(certificate);
            }));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var webhook = new ScriptedWebhook(app, certificate);
        app.Run(webhook.Take);
        await app.StartAsync(ProvisioningFixture.Cancel);
        return webhook;
    }

    /// <summary>Answers 200 with a body.</summary>
    public static Task Give(HttpContext http, JsonNode body) => http.Response.WriteAsync(body.ToJsonString(), http.RequestAborted);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private async Task Take(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var asked = (JsonObject)JsonNode.Parse(body.ToArray())!;
        Calls.Enqueue((new HttpContextShot(http.Request.Method, http.Request.Path, http.Request.QueryString.ToString(), http.Request.ContentType, http.Request.ContentLength, http.Request.Headers.TransferEncoding.Count, (int)body.Length), asked));
        await Answer(asked, http);
    }
}

/// <summary>What a request looked like.</summary>
internal sealed record HttpContextShot(string Method, string Path, string Query, string? ContentType, long? ContentLength, int TransferEncodings, int BytesRead);
