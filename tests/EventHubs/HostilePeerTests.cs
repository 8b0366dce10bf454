using System.Security.Cryptography;
using Amqp;
using Amqp.Framing;
using Serverless.EventHubs.Wire;
using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

/// <summary>Whatever a stranger does on the port, his connection ends and nobody else notices.</summary>
public class HostilePeerTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static async Task OthersAreServed(Broker broker)
    {
        await using var client = broker.Client();
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("tls")]
    public async Task Garbage_ends_only_its_own_connection(string stage)
    {
        await using var broker = await Broker.Start();
        await using var peer = stage == "tcp" ? await RawPeer.Tcp(broker) : await RawPeer.Tls(broker);
        await peer.Stream.WriteAsync(RandomNumberGenerator.GetBytes(4096), Broker.Cancel);
        Assert.True(await peer.IsClosedBy(Soon));
        await OthersAreServed(broker);
    }

    [Fact]
    public async Task A_stalled_handshake_blocks_nobody()
    {
        await using var broker = await Broker.Start();
        var stalled = new List<RawPeer>();
        for (var i = 0; i < 20; i++) stalled.Add(i % 2 == 0 ? await RawPeer.Tcp(broker) : await RawPeer.Tls(broker));
        await OthersAreServed(broker);
        foreach (var peer in stalled) await peer.DisposeAsync();
        for (var i = 0; i < 400 && broker.Service.Connections > 0; i++) await Task.Delay(50, Broker.Cancel);
        Assert.Equal(0, broker.Service.Connections);
    }

    [Fact]
    public async Task Connections_above_the_bound_are_closed_at_once_and_their_places_come_back()
    {
        await using var broker = await Broker.Start(new EventHubsOptions { ConnectionsMax = 2 });
        await using var client = broker.Client();
        var first = await RawPeer.Tls(broker);
        var second = await RawPeer.Tls(broker);
        await using var third = await RawPeer.Tcp(broker);
        Assert.True(await third.IsClosedBy(Soon));
        await first.DisposeAsync();
        await second.DisposeAsync();
        await client.Publish("validated", [Broker.Event(1, "k")], Broker.Cancel);
        Assert.Equal(1, broker.Service.Appended);
    }

    [Fact]
    public async Task A_hundred_connects_all_answer_and_all_sockets_close()
    {
        await using var broker = await Broker.Start();
        for (var i = 0; i < 10; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
            {
                await using var client = broker.Client();
                Assert.Equal(4, (await client.GetHub("validated", Broker.Cancel)).PartitionIds.Count);
            }));
        }

        for (var i = 0; i < 400 && broker.Service.Connections > 0; i++) await Task.Delay(50, Broker.Cancel);
        Assert.Equal(0, broker.Service.Connections);
    }

    public static TheoryData<string, byte[]> BadFrames => new()
    {
        { "descriptors nested to overflow a recursive decoder's stack", new byte[60_000] },
        { "lists nested deeply", [0x00, 0x53, 0x12, .. Nested(1000)] },
        { "a list that claims four billion items", [0x00, 0x53, 0x12, 0xd0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40] },
        { "a truncated list", [0x00, 0x53, 0x12, 0xc0, 200, 3, 0x40] },
        { "a symbolic descriptor", [0x00, 0xa3, 4, .. "open"u8, 0x45] },
        { "no described type", [0x40] },
    };

    private static byte[] Nested(int levels)
    {
        using var writer = new AmqpWriter();
        var marks = new Stack<int>();
        for (var i = 0; i < levels; i++) marks.Push(writer.Begin(0xd0));
        foreach (var mark in marks) writer.End(mark, mark == marks.First() ? 0 : 1);
        return writer.Written.ToArray();
    }

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task A_frame_that_would_harm_a_decoder_ends_the_connection(string what, byte[] body)
    {
        await using var broker = await Broker.Start();
        await using var peer = await RawPeer.Amqp(broker);
        await peer.Frame(body);
        Assert.True(await peer.IsClosedBy(Soon), what);
        await OthersAreServed(broker);
    }

    [Fact]
    public async Task A_frame_above_the_announced_size_ends_the_connection()
    {
        await using var broker = await Broker.Start();
        await using var peer = await RawPeer.Amqp(broker);
        await peer.Stream.WriteAsync(new byte[] { 0x7f, 0xff, 0xff, 0xff, 2, 0, 0, 0 }, Broker.Cancel);
        Assert.True(await peer.IsClosedBy(Soon));
    }

    [Fact]
    public async Task A_delivery_without_end_ends_the_connection_before_it_fills_the_memory()
    {
        await using var broker = await Broker.Start();
        await using var peer = await RawPeer.Amqp(broker);
        await peer.Send(0x12, writer => RawPeer.Attach(writer, 0, "endless", "$cbs", receives: false));
        var sent = 0;
        try
        {
            for (; sent < 100; sent++) await peer.Send(0x14, writer => RawPeer.Transfer(writer, 0, more: true), new byte[60_000]);
        }
        catch (IOException)
        {
            // it closed while we were sending
        }

        Assert.True(await peer.IsClosedBy(Soon));
        await OthersAreServed(broker);
    }

    [Theory]
    [InlineData("amqp.annotation.x-opt-offset > '-1' or 1=1")]
    [InlineData("amqp.annotation.x-opt-offset")]
    [InlineData("amqp.annotation.x-opt-colour > 'red'")]
    [InlineData("amqp.annotation.x-opt-sequence-number > '99999999999999999999'")]
    [InlineData("")]
    public async Task A_start_filter_that_is_not_understood_is_refused(string text)
    {
        Assert.False(StartFilter.TryParse(text, out _));
        await using var broker = await Broker.Start();
        var connection = await ThirdParty(broker, "validated/ConsumerGroups/ops/Partitions/0");
        var filter = new Amqp.Types.Symbol("apache.org:selector-filter:string");
        var refused = await Assert.ThrowsAsync<AmqpException>(() => ClientLinks.Receiver(
            connection,
            "r",
            new Attach
            {
                Source = new Source { Address = "validated/ConsumerGroups/ops/Partitions/0", FilterSet = new Amqp.Types.Map { [filter] = new Amqp.Types.DescribedValue(filter, text) } },
                Target = new Target(),
            },
            Broker.Cancel));
        Assert.Equal("amqp:invalid-field", refused.Error.Condition.ToString());
        await connection.CloseAsync();
    }

    [Fact]
    public async Task A_malformed_message_is_rejected_and_its_neighbours_are_taken()
    {
        await using var broker = await Broker.Start();
        var connection = await ThirdParty(broker, "validated");
        var (link, _) = await ClientLinks.Sender(connection, "s", new Attach { Source = new Source(), Target = new Target { Address = "validated" } }, Broker.Cancel);

        // A batch whose second section is no message.
        var bad = new Message { Format = 0x80013700, BodySection = new DataList() };
        ((DataList)bad.BodySection).Add(new Data { Binary = [0x00, 0x53, 0x75, 0xa0, 1, 65] });
        ((DataList)bad.BodySection).Add(new Data { Binary = [1, 2, 3] });
        var rejected = await Assert.ThrowsAsync<AmqpException>(() => link.SendAsync(bad));
        Assert.Equal("amqp:decode-error", rejected.Error.Condition.ToString());
        Assert.Equal(0, broker.Service.Appended); // all of a batch or nothing
        await link.SendAsync(new Message { BodySection = new Data { Binary = [65] } });
        Assert.Equal(1, broker.Service.Appended);
        await connection.CloseAsync();
    }

    [Fact]
    public async Task An_oversize_transfer_is_rejected_politely_and_a_huge_one_ends_the_connection()
    {
        await using var broker = await Broker.Start();
        var connection = await ThirdParty(broker, "validated");
        var (link, answer) = await ClientLinks.Sender(connection, "s", new Attach { Source = new Source(), Target = new Target { Address = "validated" } }, Broker.Cancel);
        Assert.Equal(1024ul * 1024, answer.MaxMessageSize);
        var rejected = await Assert.ThrowsAsync<AmqpException>(() => link.SendAsync(new Message { BodySection = new Data { Binary = new byte[1024 * 1024] } }));
        Assert.Equal("amqp:link:message-size-exceeded", rejected.Error.Condition.ToString());
        await Assert.ThrowsAnyAsync<Exception>(() => link.SendAsync(new Message { BodySection = new Data { Binary = new byte[3 * 1024 * 1024] } }, Soon));
        for (var i = 0; i < 1000 && !connection.IsClosed; i++) await Task.Delay(20, Broker.Cancel);
        Assert.True(connection.IsClosed);
        await OthersAreServed(broker);
    }

    [Fact]
    public async Task A_publisher_cannot_forge_the_brokers_stamps()
    {
        await using var broker = await Broker.Start();
        var connection = await ThirdParty(broker, "validated");
        var (link, _) = await ClientLinks.Sender(connection, "s", new Attach { Source = new Source(), Target = new Target { Address = "validated/Partitions/2" } }, Broker.Cancel);
        await link.SendAsync(new Message
        {
            MessageAnnotations = new MessageAnnotations
            {
                [new Amqp.Types.Symbol("x-opt-sequence-number")] = 999L,
                [new Amqp.Types.Symbol("x-opt-enqueued-time")] = DateTime.UnixEpoch,
                [new Amqp.Types.Symbol("x-opt-offset")] = "999",
                [new Amqp.Types.Symbol("mine")] = "kept",
            },
            BodySection = new AmqpValue { Value = "text" },
        });
        await connection.CloseAsync();
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", "2", StartPosition.Earliest, null, 10, Broker.Cancel);
        var got = Assert.Single(await receiver.Receive(10, Soon, Broker.Cancel));
        Assert.Equal((0, "0"), (got.SequenceNumber, got.Offset));
        Assert.InRange(got.EnqueuedTime.Year, 2020, 2200);
        Assert.Equal("kept", got.Annotations["mine"]);
        Assert.Equal(4, got.Annotations.Count);
    }

    [Fact]
    public async Task A_client_that_drains_is_told_that_nothing_is_left()
    {
        await using var broker = await Broker.Start();
        var address = "validated/ConsumerGroups/ops/Partitions/0";
        var connection = await ThirdParty(broker, address);
        var filter = new Amqp.Types.Symbol("apache.org:selector-filter:string");
        var key = Enumerable.Range(0, 100).Select(i => $"k{i}").First(k => PartitionKeyHash.Partition(k, 4) == 0);
        for (var i = 0; i < 3; i++) broker.Service.Append("validated", new EventDraft(Broker.Body(i), key));
        var (link, _) = await ClientLinks.Receiver(
            connection,
            "drain",
            new Attach
            {
                Source = new Source { Address = address, FilterSet = new Amqp.Types.Map { [filter] = new Amqp.Types.DescribedValue(filter, StartPosition.Earliest.Filter) } },
                Target = new Target(),
                SndSettleMode = SenderSettleMode.Settled,
            },
            Broker.Cancel);
        link.SetCredit(10, CreditMode.Drain);
        for (var i = 0; i < 3; i++) Assert.NotNull(await link.ReceiveAsync(Soon));
        await Task.Delay(300, Broker.Cancel);
        broker.Service.Append("validated", new EventDraft(Broker.Body(4), key));
        Assert.Null(await link.ReceiveAsync(TimeSpan.FromMilliseconds(400))); // its credit was used up by the drain
        link.SetCredit(10, CreditMode.Drain);
        Assert.NotNull(await link.ReceiveAsync(Soon));
        await connection.CloseAsync();
    }

    // AMQPNetLite's own client, as any third party would use it: it decodes by itself, and knows nothing of our code.
    private static async Task<Connection> ThirdParty(Broker broker, string path)
    {
        var factory = new ConnectionFactory();
        factory.SSL.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        factory.SASL.Profile = Amqp.Sasl.SaslProfile.Anonymous;
        var connection = await factory.CreateAsync(new Address("127.0.0.1", broker.Service.AmqpPort, null, null, "/", "amqps"));
        var session = new Session(connection);
        var sender = new SenderLink(session, "cbs-s", "$cbs");
        var receiver = new ReceiverLink(session, "cbs-r", new Attach { Source = new Source { Address = "$cbs" }, Target = new Target { Address = "me" } }, null);
        receiver.SetCredit(5);
        var (token, _) = broker.Tokens.Issue(Broker.Owner, "https://eventhubs.azure.net");
        sender.Send(
            new Message
            {
                Properties = new Properties { MessageId = "1", ReplyTo = "me" },
                ApplicationProperties = new ApplicationProperties { ["operation"] = "put-token", ["type"] = "jwt", ["name"] = "amqps://localhost/" + path },
                BodySection = new AmqpValue { Value = token },
            },
            null,
            null);
        var answer = await receiver.ReceiveAsync(Soon);
        Assert.Equal(202, answer.ApplicationProperties["status-code"]);
        Assert.Equal("1", answer.Properties.CorrelationId);
        return connection;
    }
}
