using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub;

/// <summary>How a device-facing service listens.</summary>
/// <param name="MqttPort">Port of MQTT over TLS, 0 for any free one.</param>
/// <param name="HttpsPort">Port of HTTPS, 0 for any free one.</param>
/// <param name="BodyBytesMax">Largest HTTPS request body.</param>
/// <param name="AsksOverHttps">Whether HTTPS asks for a client certificate too: DPS serves devices there, a hub does not.</param>
internal sealed record DoorOptions(int MqttPort, int HttpsPort, long BodyBytesMax, bool AsksOverHttps);

/// <summary>The two doors of a device-facing service, on 127.0.0.1 and under one certificate: MQTT over TLS and HTTPS.</summary>
internal static class DeviceDoors
{
    /// <summary>Builds the server; nothing listens yet.</summary>
    /// <param name="options">Where and what.</param>
    /// <param name="certificate">The server's; must live as long as the server.</param>
    /// <param name="mqtt">Serves one MQTT connection to its end.</param>
    public static WebApplication Build(DoorOptions options, X509Certificate2 certificate, ConnectionDelegate mqtt)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Logging.ClearProviders(); // devices' refusals are counters, not log lines
        builder.WebHost.UseSetting(WebHostDefaults.PreventHostingStartupKey, "true");
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoSignals>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.BodyBytesMax;
            kestrel.Limits.MaxConcurrentConnections = 20_000;
            kestrel.Listen(IPAddress.Loopback, options.MqttPort, listen =>
            {
                listen.UseHttps(Asking(certificate));
                listen.Use(_ => mqtt);
            });
            kestrel.Listen(IPAddress.Loopback, options.HttpsPort, listen =>
            {
                if (options.AsksOverHttps) listen.UseHttps(Asking(certificate));
                else listen.UseHttps(certificate);
            });
        });
        return builder.Build();
    }

    /// <summary>The ports of a started server.</summary>
    public static (int Mqtt, int Https) Ports(WebApplication server)
    {
        // Addresses come in the order of Listen.
        var ports = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address).Port)
            .ToArray();
        return (ports[0], ports[1]);
    }

    /// <summary>The names a service answers to once its ports are known.</summary>
    public static IReadOnlyList<string> Hosts(string hostName, (int Mqtt, int Https) ports)
    {
        string[] names = ["localhost", "127.0.0.1"];
        return [hostName, .. names, .. names.SelectMany(name => new[] { $"{name}:{ports.Mqtt}", $"{name}:{ports.Https}" })];
    }

    /// <summary>Stops listening and frees the certificate.</summary>
    public static async ValueTask Stop(WebApplication server, X509Certificate2 certificate)
    {
        using var brief = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await server.StopAsync(brief.Token).ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
        certificate.Dispose();
    }

    private static TlsHandshakeCallbackOptions Asking(X509Certificate2 certificate) => new()
    {
        OnConnection = tls => ValueTask.FromResult(PeerCertificates.Ask(certificate, tls.Connection)),
    };

    // The program that hosts the cloud decides when to stop; a service must not listen for Ctrl-C itself.
    private sealed class NoSignals : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
