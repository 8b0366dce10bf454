using Azure.Core;
using Microsoft.Extensions.Time.Testing;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;

namespace Serverless.EventHubs.Tests;

public class TokenTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static async Task<string> ConditionOf(Func<Task> step) => (await Assert.ThrowsAsync<EventHubsOutageException>(step)).Condition;

    [Fact]
    public async Task A_role_opens_its_own_hub_and_direction_and_nothing_else()
    {
        await using var broker = await Broker.Start();
        await using var sender = broker.Client(Broker.Sender);
        await using var receiver = broker.Client(Broker.Receiver);
        await sender.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => sender.Publish("alerts", [Broker.Event(1)], Broker.Cancel)));
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => sender.OpenReceiver("validated", "ops", "0", StartPosition.Latest, null, 1, Broker.Cancel)));
        await using var allowed = await receiver.OpenReceiver("validated", "ops", "0", StartPosition.Latest, null, 1, Broker.Cancel);
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => receiver.OpenReceiver("validated", "functions", "0", StartPosition.Latest, null, 1, Broker.Cancel)));
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => receiver.Publish("validated", [Broker.Event(1)], Broker.Cancel)));
        Assert.Equal(1, broker.Service.Appended);
        Assert.Equal(4, (await sender.GetHub("validated", Broker.Cancel)).PartitionIds.Count);
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => sender.GetHub("alerts", Broker.Cancel)));
    }

    [Theory]
    [InlineData("audience")]
    [InlineData("signature")]
    [InlineData("none")]
    [InlineData("garbage")]
    [InlineData("expired")]
    [InlineData("stranger")]
    public async Task A_token_that_does_not_hold_is_refused(string what)
    {
        await using var broker = await Broker.Start();
        using var otherKey = new Tokens(broker.Directory_, broker.Tokens.TenantId, TimeProvider.System);
        using var past = new Tokens(broker.Directory_, broker.Tokens.TenantId, new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(-2)));
        var good = broker.Tokens.Issue(Broker.Owner, Audiences.EventHubs).Token;
        var stranger = new Principal("stranger", new Guid(99, 0, 0, new byte[8]), default, [], []);
        var token = what switch
        {
            "audience" => broker.Tokens.Issue(Broker.Owner, Audiences.Storage).Token,
            "signature" => otherKey.Issue(Broker.Owner, Audiences.EventHubs).Token,
            "none" => "eyJhbGciOiJub25lIn0." + good.Split('.')[1] + ".",
            "expired" => past.Issue(Broker.Owner, Audiences.EventHubs).Token,
            "stranger" => broker.Tokens.Issue(stranger, Audiences.EventHubs).Token,
            _ => new string('x', 20_000),
        };
        await using var client = broker.Client(credential: new FixedCredential(token));
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => client.Publish("validated", [Broker.Event(1)], Broker.Cancel)));
        Assert.Equal(0, broker.Service.Appended);
    }

    [Fact]
    public async Task Links_end_with_their_token()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var broker = await Broker.Start(wall: wall);
        var credential = new FixedCredential(broker.Tokens.Issue(Broker.Owner, Audiences.EventHubs).Token);
        await using var client = broker.Client(credential: credential);
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        await using var receiver = await client.OpenReceiver("validated", "ops", "0", StartPosition.Latest, null, 1, Broker.Cancel);
        wall.Advance(TimeSpan.FromMinutes(59));
        await client.Publish("validated", [Broker.Event(2, "k")], Broker.Cancel);
        wall.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => client.Publish("validated", [Broker.Event(3, "k")], Broker.Cancel)));
        Assert.Equal("amqp:unauthorized-access", await ConditionOf(() => receiver.Receive(1, TimeSpan.FromSeconds(20), Broker.Cancel)));
        Assert.Equal(2, broker.Service.Appended);

        // A fresh token heals both without a new client.
        credential.Token = broker.Tokens.Issue(Broker.Owner, Audiences.EventHubs).Token;
        await client.Publish("validated", [Broker.Event(3, "k")], Broker.Cancel);
        Assert.Empty(await receiver.Receive(1, TimeSpan.FromMilliseconds(200), Broker.Cancel));
    }

    [Fact]
    public async Task Tokens_are_renewed_before_they_end()
    {
        var wall = new FakeTimeProvider(Start);
        await using var broker = await Broker.Start(wall: wall);
        var credential = new LocalCredential(broker.Tokens, Broker.Owner);
        await using var client = broker.Client(credential: credential, clock: wall);
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal(1, credential.Asked);
        await Step(wall, TimeSpan.FromMinutes(54));
        Assert.Equal(1, credential.Asked); // 6 minutes before its end: not yet
        await Step(wall, TimeSpan.FromMinutes(2));
        Assert.Equal(2, credential.Asked);
        await Step(wall, TimeSpan.FromMinutes(10)); // past the end of the first token
        await client.Publish("validated", [Broker.Event(2, "k")], Broker.Cancel);
        Assert.Equal(2, credential.Asked); // the link lived on: nothing was opened anew
        Assert.Equal(2, broker.Service.Appended);
    }

    [Fact]
    public async Task A_connection_that_never_shows_a_token_is_closed()
    {
        var wall = new FakeTimeProvider(Start);
        await using var broker = await Broker.Start(wall: wall);
        await using var peer = await RawPeer.Amqp(broker);
        Assert.False(await peer.IsClosedBy(TimeSpan.FromMilliseconds(500))); // meanwhile the broker notes when it came
        await Step(wall, TimeSpan.FromSeconds(58));
        Assert.False(await peer.IsClosedBy(TimeSpan.FromMilliseconds(300)));
        await Step(wall, TimeSpan.FromSeconds(4)); // told to close, which it does not answer
        for (var i = 0; i < 400 && broker.Service.Connections > 0; i++) await Step(wall, TimeSpan.FromSeconds(1)); // time goes on for as long as it takes
        Assert.Equal(0, broker.Service.Connections);
    }

    [Fact]
    public async Task A_shared_access_signature_opens_what_it_names_until_it_ends()
    {
        await using var broker = await Broker.Start(new EventHubsOptions { SharedAccess = true });
        var policy = broker.Service.Policy!;
        var now = TimeProvider.System.GetUtcNow();
        string Sign(string path, TimeSpan life) => policy.Sign(new Uri("amqps://localhost/" + path), now + life);
        Assert.NotNull(policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)), "validated/partitions/1", now));
        Assert.NotNull(policy.Verify(Sign("", TimeSpan.FromMinutes(1)), "validated", now));
        Assert.Null(policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)), "validated2", now));
        Assert.Null(policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)), "alerts", now));
        Assert.Null(policy.Verify(Sign("validated", TimeSpan.Zero), "validated", now.AddSeconds(1)));
        Assert.Null(policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)).Replace("skn=local", "skn=other", StringComparison.Ordinal), "validated", now));
        Assert.Null(policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)).Replace("&se=", "&se=9", StringComparison.Ordinal), "validated", now));
        Assert.Null(policy.Verify("SharedAccessSignature sr=&sig=!!&se=x&skn=local-tools", "validated", now));
        Assert.Null(SharedAccessPolicy.Create("local-tools").Verify(Sign("validated", TimeSpan.FromMinutes(1)), "validated", now));
        var grant = policy.Verify(Sign("validated", TimeSpan.FromMinutes(1)), "validated", now)!;
        Assert.True(grant.Allows(EventHubActions.Send, "eventhubs/validated"));
        Assert.False(grant.Allows(EventHubActions.Send, "eventhubs/alerts"));
    }

    private static async Task Step(FakeTimeProvider wall, TimeSpan time)
    {
        // In steps, as time passes: timers start anew between them, and the other side needs a moment to act.
        for (var i = 0; i < 4; i++)
        {
            wall.Advance(time / 4);
            await Task.Delay(60, Broker.Cancel);
        }
    }

    private sealed class FixedCredential(string token) : TokenCredential
    {
        public string Token { get; set; } = token;

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(Token, TimeProvider.System.GetUtcNow().AddHours(5));

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }
}
