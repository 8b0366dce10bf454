using System.Globalization;
using Azure.Core;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.EventHubs.Tests;

/// <summary>A broker with its tenant: an owner, a sender and a receiver of everything, and one with rights on one hub.</summary>
internal sealed class Broker : IAsyncDisposable
{
    public static readonly Principal Owner = Principal(1, "owner", "Azure Event Hubs Data Owner", "eventhubs");
    public static readonly Principal Sender = Principal(2, "sender", "Azure Event Hubs Data Sender", "eventhubs/validated");
    public static readonly Principal Receiver = Principal(3, "receiver", "Azure Event Hubs Data Receiver", "eventhubs/validated/consumergroups/ops");
    private readonly string _folder = Directory.CreateTempSubdirectory("eventhubs-").FullName;

    private Broker(TimeProvider? clock, TimeProvider? wall)
    {
        Wall = wall ?? TimeProvider.System;
        Clock = clock ?? Wall;
        Directory_ = new TenantDirectory([Owner, Sender, Receiver]);
        Tokens = new Tokens(Directory_, Guid.Parse("00000000-0000-0000-0000-00000000000f"), Wall);
        Authority = new LocalAuthority(_folder, TimeProvider.System.GetUtcNow());
    }

    public TimeProvider Wall { get; }

    public TimeProvider Clock { get; }

    public TenantDirectory Directory_ { get; }

    public Tokens Tokens { get; }

    public LocalAuthority Authority { get; }

    public EventHubsService Service { get; private set; } = null!;

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<Broker> Start(EventHubsOptions? options = null, TimeProvider? clock = null, TimeProvider? wall = null)
    {
        var broker = new Broker(clock, wall);
        broker.Service = await EventHubsService.Start(options ?? new EventHubsOptions(), broker.Authority, broker.Tokens, broker.Directory_, broker.Clock, broker.Wall, Cancel);
        return broker;
    }

    /// <summary>Stops the broker and starts another on the same port, going on with the numbers.</summary>
    public async Task Restart(bool seeded = true)
    {
        var seeds = Service.PartitionHeads.ToDictionary(head => (head.Hub, head.Partition), head => head.Seed);
        var port = Service.AmqpPort;
        await Service.DisposeAsync();
        var options = new EventHubsOptions { AmqpPort = port, Seeds = seeded ? seeds : new Dictionary<(string, int), PartitionSeed>() };
        Service = await EventHubsService.Start(options, Authority, Tokens, Directory_, Clock, Wall, Cancel);
    }

    public EventHubsClient Client(Principal? principal = null, EventHubsClientOptions? options = null, TimeProvider? clock = null, TokenCredential? credential = null) =>
        new(Service.FullyQualifiedNamespace, credential ?? new LocalCredential(Tokens, principal ?? Owner), clock ?? TimeProvider.System,
            (options ?? Quick) with { TrustRoot = Authority.Certificate });

    public static EventHubsClientOptions Quick { get; } = new()
    {
        TryTimeout = TimeSpan.FromSeconds(10),
        RetryBound = TimeSpan.FromSeconds(15),
        RetryWait = TimeSpan.FromMilliseconds(20),
        ServerBusyWait = TimeSpan.FromMilliseconds(50),
    };

    public static OutgoingEvent Event(int number, string? key = null, int bytes = 0) =>
        new(Body(number, bytes), key, "application/json", "id-" + number.ToString(CultureInfo.InvariantCulture));

    public static byte[] Body(int number, int bytes = 0)
    {
        var text = System.Text.Encoding.UTF8.GetBytes("{\"n\":" + number.ToString(CultureInfo.InvariantCulture) + "}");
        Array.Resize(ref text, Math.Max(bytes, text.Length));
        return text;
    }

    public static int Number(ReceivedEvent one) => int.Parse(((string)one.Properties["message-id"]!).AsSpan(3), CultureInfo.InvariantCulture);

    /// <summary>Reads until so many events came, or nothing comes for 10 s.</summary>
    public static async Task<List<ReceivedEvent>> Read(PartitionReceiver receiver, int count)
    {
        var events = new List<ReceivedEvent>();
        while (events.Count < count)
        {
            var more = await receiver.Receive(count - events.Count, TimeSpan.FromSeconds(10), Cancel);
            if (more.Count == 0) break;
            events.AddRange(more);
        }

        return events;
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        Tokens.Dispose();
        Authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Principal Principal(int id, string name, string role, string scope) =>
        new(name, new Guid(id, 0, 0, new byte[8]), new Guid(id, 1, 0, new byte[8]), [new RoleAssignment(role, scope)], []);
}

/// <summary>Hands out tokens of the local tenant, as a managed identity does; counts.</summary>
internal sealed class LocalCredential(Tokens tokens, Principal principal, string audience = Audiences.EventHubs) : TokenCredential
{
    public int Asked { get; private set; }

    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        Assert.Equal("https://eventhubs.azure.net/.default", Assert.Single(requestContext.Scopes));
        Asked++;
        var (token, expires) = tokens.Issue(principal, audience);
        return new AccessToken(token, expires);
    }

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        ValueTask.FromResult(GetToken(requestContext, cancellationToken));
}
