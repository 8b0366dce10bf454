using Serverless.Local.EventHubs;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Messages;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub;

/// <summary>The parts of one hub that its edges (MQTT, REST, in-process) share.</summary>
internal sealed class Hub
{
    private volatile IReadOnlyList<string> _hosts;

    public Hub(IotHubOptions options, IEventRoute route, TimeProvider clock, TimeProvider wall)
    {
        (Options, Route, Clock, Wall) = (options, route, clock, wall);
        _hosts = [options.HostName];
        Throttles = new Throttles(options, wall, Counters);
        Events = new HubEvents(options, route, clock, Counters);
        Registry = new DeviceRegistry(Events, clock, options.DevicesMax);
        Twins = new Twins(Registry, Events, clock);
        Methods = new MethodCalls(Registry, wall, Counters);
        Authenticator = new DeviceAuthenticator(Registry, Policies, options.DeviceAuthorities, () => _hosts, wall);
    }

    public IotHubOptions Options { get; }

    public IEventRoute Route { get; }

    /// <summary>Device time, for stamps.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Wall time, for tokens, certificates and timeouts.</summary>
    public TimeProvider Wall { get; }

    public HubCounters Counters { get; } = new();

    public AccessPolicies Policies { get; } = HubPolicies.Create();

    public Throttles Throttles { get; }

    public HubEvents Events { get; }

    public DeviceRegistry Registry { get; }

    public Twins Twins { get; }

    public MethodCalls Methods { get; }

    public DeviceAuthenticator Authenticator { get; }

    /// <summary>Names the hub answers to: its own, and the loopback address with its ports once they are known.</summary>
    public IReadOnlyList<string> Hosts
    {
        get => _hosts;
        set => _hosts = value;
    }
}
