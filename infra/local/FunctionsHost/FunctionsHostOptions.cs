using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.Tls;

namespace Serverless.Local.FunctionsHost;

/// <summary>How a function app is run.</summary>
public sealed record FunctionsHostOptions
{
    /// <summary>Name of the app: its host id in storage and its name in logs. Lower-case letters, digits and <c>-</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The app as published: host.json, function folders, executable.</summary>
    public required string AppFolder { get; init; }

    /// <summary>App settings: the handler's environment, <c>%NAME%</c> in bindings, connections by prefix.</summary>
    public IReadOnlyDictionary<string, string> AppSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>The host's storage (<c>AzureWebJobsStorage__blobServiceUri</c>): keys, checkpoints, timers.</summary>
    public required Uri BlobServiceUri { get; init; }

    /// <summary>The app's own identity: the host reads storage and hubs with it, as in Azure.</summary>
    public required TokenCredential Credential { get; init; }

    /// <summary>Whom the host and the handler trust beside the machine's roots.</summary>
    public LocalAuthority? Authority { get; init; }

    /// <summary>Serves HTTPS with this certificate; plain HTTP on loopback without one.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Opens an event hub: connection prefix of the trigger, hub, consumer group. By default over AMQP, at the address in setting
    /// <c>{connection}__fullyQualifiedNamespace</c>, with <see cref="Credential"/>.</summary>
    public Func<string, string, string, IEventHubSource>? EventHubs { get; init; }

    /// <summary>Wall clock: leases, retries, timeouts.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Clock of timer schedules: may be a <see cref="CloudClock"/> that runs fast.</summary>
    public TimeProvider ScheduleClock { get; init; } = TimeProvider.System;

    /// <summary>Longest wait for a handler's first answer. Default 30 s, as the real host.</summary>
    public TimeSpan InitializationTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Deaths of the handler within half an hour that stop the host, 1 or more. Default 3, as the real host; a run that kills
    /// the handler on purpose raises it.</summary>
    public int HandlerDeathsMax { get; init; } = 3;

    /// <summary>How often ownership of partitions is renewed and balanced. The real default is 30 s.</summary>
    public TimeSpan BalanceEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After how long without renewal an ownership is free. The real default is 2 min; more than twice <see cref="BalanceEvery"/>.</summary>
    public TimeSpan OwnershipLasts { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Where the host and the handler's lines go.</summary>
    public ILogger Log { get; init; } = NullLogger.Instance;
}
