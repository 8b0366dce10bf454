using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;

namespace Serverless.Hosting.Tests;

public class OtlpTests
{
    [Fact]
    public async Task Traces_and_metrics_reach_the_collector_that_the_setting_names()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using var collector = await Collector(received);
        var place = collector.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await using (var server = await EdgeServer.Start(
            app => app.EventHub("ehmanybin", (_, _, _, _) => Task.CompletedTask), $"--OTEL_EXPORTER_OTLP_ENDPOINT={place}", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"))
        {
            var answer = await server.Replay(
                Recording.Load("eventhub-standin/ehmanybin-1.txt"),
                header: (name, sent) => name == "User-Agent" ? $"{sent}\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" : sent);
            Assert.Equal(200, answer.Status);
        } // stopping flushes

        Assert.Contains("faas.invocation_id", received["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString("4bf92f3577b34da6a3ce929d0e0e4736")), received["/v1/traces"], StringComparison.Ordinal);
        Assert.Contains("functions.events", received["/v1/metrics"], StringComparison.Ordinal);
        Assert.Contains("functions.invocations", received["/v1/metrics"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_collector_nothing_of_it_is_loaded()
    {
        var loaded = true;
        await using var server = await EdgeServer.Start(app => app.Timer("tick", (_, _, all, _) =>
        {
            loaded = all.GetService<MeterProvider>() is not null;
            return Task.CompletedTask;
        }));
        await server.Replay(Recording.Load("tick-1.txt"));
        Assert.False(loaded);
    }

    private static async Task<WebApplication> Collector(ConcurrentDictionary<string, string> received)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate(context.Request.Path, Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
