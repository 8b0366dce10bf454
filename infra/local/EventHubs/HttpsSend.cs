using System.Buffers;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Serverless.Local.EventHubs;

/// <summary>Event Hubs' HTTPS endpoint: send only, as the service's.</summary>
internal sealed class HttpsSend(IReadOnlyDictionary<string, HubLog> hubs, TokenDesk desk, int messageBytesMax, Func<string, PublishFault> fault) : IAsyncDisposable
{
    private WebApplication? _app;

    /// <summary>The port.</summary>
    public int Port { get; private set; }

    /// <summary>Starts listening.</summary>
    /// <param name="port">On 127.0.0.1; 0 takes a free one.</param>
    /// <param name="certificate">The server certificate.</param>
    /// <param name="cancel">Cancels the start.</param>
    public async Task Start(int port, X509Certificate2 certificate, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 2L * messageBytesMax; // a little too much is read and answered with 413, a lot closes the connection
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024; // a token may have 16
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(certificate));
        });
        _app = builder.Build();
        _app.MapPost("/{hub}/messages", Publish);
        _app.MapPost("/{hub}/partitions/{partition}/messages", Publish);
        _app.MapPost("/{hub}/publishers/{publisher}/messages", Publish);
        await _app.StartAsync(cancel).ConfigureAwait(false);
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Port = new Uri(address).Port;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync().ConfigureAwait(false);
    }

    // 201 taken, 400 malformed, 401 no valid token, 403 no right, 404 no hub or partition, 413 too large, 503 throttled.
    private async Task Publish(HttpContext context)
    {
        var cancel = context.RequestAborted;
        var name = (string)context.Request.RouteValues["hub"]!;
        var partitionId = context.Request.RouteValues["partition"] as string;
        var publisher = context.Request.RouteValues["publisher"] as string;
        var status = await Authorise(context, name, partitionId, publisher, cancel).ConfigureAwait(false);
        if (status != 0 || !hubs.TryGetValue(name, out var hub))
        {
            context.Response.StatusCode = status == 0 ? 404 : status;
            return;
        }

        var partition = partitionId is null ? null : hub.Partition(partitionId);
        if (partitionId is not null && partition is null) context.Response.StatusCode = 404;
        else if (await ReadBody(context.Request, cancel).ConfigureAwait(false) is not { } body) context.Response.StatusCode = 413;
        else context.Response.StatusCode = Append(context, hub, partition, publisher, body);
    }

    private async Task<int> Authorise(HttpContext context, string hub, string? partition, string? publisher, CancellationToken cancel)
    {
        var header = context.Request.Headers.Authorization.ToString();
        var token = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..] : header;
        var path = (partition, publisher) switch
        {
            (not null, _) => $"{hub}/partitions/{partition}",
            (_, not null) => $"{hub}/publishers/{publisher}",
            _ => hub,
        };
        var grant = await desk.Verify(token, path.ToLowerInvariant(), cancel).ConfigureAwait(false);
        if (grant is null) return 401;
        var scope = "eventhubs/" + (hubs.TryGetValue(hub, out var known) ? known.Name : hub);
        return grant.Allows(EventHubActions.Send, scope) ? 0 : 403;
    }

    private async Task<byte[]?> ReadBody(HttpRequest request, CancellationToken cancel)
    {
        if (request.ContentLength > messageBytesMax) return null;
        try
        {
            while (true)
            {
                var read = await request.BodyReader.ReadAsync(cancel).ConfigureAwait(false);
                var tooLarge = read.Buffer.Length > messageBytesMax;
                var body = read.IsCompleted && !tooLarge ? read.Buffer.ToArray() : null;
                request.BodyReader.AdvanceTo(tooLarge || read.IsCompleted ? read.Buffer.End : read.Buffer.Start, read.Buffer.End);
                if (tooLarge || read.IsCompleted) return body;
            }
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == 413)
        {
            return null;
        }
    }

    private int Append(HttpContext context, HubLog hub, PartitionLog? partition, string? publisher, byte[] body)
    {
        var played = fault(hub.Name);
        if (played == PublishFault.ServerBusy)
        {
            context.Response.Headers.RetryAfter = 4.ToString(CultureInfo.InvariantCulture);
            return 503;
        }

        if (played == PublishFault.DropBeforeAppend)
        {
            context.Abort();
            return 500;
        }

        if (HttpsEvents.Read(context.Request.ContentType, context.Request.Headers, body) is not { Count: > 0 } drafts) return 400;
        var key = publisher ?? drafts[0].PartitionKey;
        var events = drafts.Select(draft => Publishing.Encode(draft with { PartitionKey = key })).ToArray();
        var refusal = hub.Append(events, key, partition);
        if (played == PublishFault.DropAfterAppend) context.Abort();
        return refusal is null ? 201 : 400;
    }
}
