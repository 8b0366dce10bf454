using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Access;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;
using Serverless.Local.Provisioning.Registrations;
using Serverless.Local.Provisioning.Rest;

namespace Serverless.Local.Provisioning;

/// <summary>The parts of one service that its edges (MQTT, HTTPS, in-process) share.</summary>
internal sealed class Dps : IAsyncDisposable
{
    private volatile IReadOnlyList<string> _hosts;

    public Dps(ProvisioningOptions options, IReadOnlyList<IotHubService> hubs, HttpClient webhooks, TimeProvider clock, TimeProvider wall)
    {
        (Options, Hubs, Clock, Wall) = (options, new LinkedHubs(hubs), clock, wall);
        _hosts = [options.HostName, ProvisioningOptions.GlobalHostName];
        Enrollments = new EnrollmentStore(Authorities, () => Hubs.Names, options.RecordsMax, clock);
        Registrations = new RegistrationStore(options.RecordsMax, clock, wall);
        Attestor = new Attestor(Enrollments, Authorities, options.IdScope, wall);
        Throttles = new ProvisioningThrottle(options.Throttles, wall, Counters);
        Registrar = new Registrar(this, new AllocationWebhook(webhooks, options.WebhookTimeout, wall));
    }

    public ProvisioningOptions Options { get; }

    public LinkedHubs Hubs { get; }

    /// <summary>Device time, for stamps.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Wall time, for tokens, certificates and timeouts.</summary>
    public TimeProvider Wall { get; }

    public HubCounters Counters { get; } = new();

    public AccessPolicies Policies { get; } = ServicePolicies.Create();

    public AuthorityStore Authorities { get; } = new();

    public EnrollmentStore Enrollments { get; }

    public RegistrationStore Registrations { get; }

    public Attestor Attestor { get; }

    public ProvisioningThrottle Throttles { get; }

    public Registrar Registrar { get; }

    /// <summary>Names the service answers to: its own, the global one, and the loopback address with its ports once they are known.</summary>
    public IReadOnlyList<string> Hosts
    {
        get => _hosts;
        set => _hosts = value;
    }

    public async ValueTask DisposeAsync()
    {
        await Registrar.DisposeAsync().ConfigureAwait(false);
        Authorities.Dispose();
    }
}
