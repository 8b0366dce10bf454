using FsCheck;
using FsCheck.Fluent;
using Serverless.EventHubs.Wire;
using Serverless.Local.EventHubs;

namespace Serverless.EventHubs.Tests;

public class WireTests
{
    [Fact]
    public void Every_primitive_survives_the_wire()
    {
        object?[] values =
        [
            null, "text", "", new string('x', 300), "kö🙂", true, false, 0, int.MinValue, long.MaxValue, 0u, uint.MaxValue, ulong.MaxValue, short.MinValue, ushort.MaxValue,
            byte.MaxValue, sbyte.MinValue, 1.5, 2.5f, new DateTimeOffset(2030, 1, 2, 3, 4, 5, 678, TimeSpan.Zero), new Guid("00112233-4455-6677-8899-aabbccddeeff"), new byte[] { 1, 2, 3 },
        ];
        using var writer = new AmqpWriter(16);
        foreach (var value in values) writer.Value(value);
        var wire = writer.Written;
        foreach (var value in values) Assert.Equal(value, AmqpReader.Read(ref wire));
        Assert.True(wire.IsEmpty);
        Assert.Throws<ArgumentException>(() => writer.Value(new object()));
    }

    [Fact]
    public void AMQPNetLite_reads_what_we_write()
    {
        using var writer = new AmqpWriter();
        BatchEncoder.Append(writer, new OutgoingEvent("body"u8.ToArray(), "key", "text/plain", "m", new Dictionary<string, object?> { ["a"] = 1L, ["b"] = "x" }));
        var message = Amqp.Message.Decode(new Amqp.ByteBuffer(writer.Written.ToArray(), 0, writer.Length, writer.Length));
        Assert.Equal("body"u8.ToArray(), message.Body);
        Assert.Equal("key", message.MessageAnnotations[new Amqp.Types.Symbol("x-opt-partition-key")]);
        Assert.Equal("text/plain", message.Properties.ContentType.ToString());
        Assert.Equal("m", message.Properties.MessageId);
        Assert.Equal(1L, message.ApplicationProperties["a"]);
    }

    [Fact]
    public void We_read_what_AMQPNetLite_writes()
    {
        var message = new Amqp.Message
        {
            Header = new Amqp.Framing.Header { Durable = true },
            MessageAnnotations = new Amqp.Framing.MessageAnnotations { [new Amqp.Types.Symbol("list")] = new Amqp.Types.List { 1, "two", new Amqp.Types.Map { ["three"] = 3 } } },
            Properties = new Amqp.Framing.Properties { MessageId = "m", CreationTime = DateTime.UnixEpoch },
            ApplicationProperties = new Amqp.Framing.ApplicationProperties { ["when"] = DateTime.UnixEpoch, ["names"] = new[] { "a", "bb" } },
            BodySection = new Amqp.Framing.AmqpSequence { List = new object[] { 1, 2 } },
        };
        var buffer = message.Encode();
        var got = ReceivedEvent.Read(buffer.Buffer.AsMemory(buffer.Offset, buffer.Length));
        var list = Assert.IsType<object?[]>(got.Annotations["list"]);
        Assert.Equal([1, "two"], list[..2]);
        Assert.Equal(3, Assert.IsType<Dictionary<string, object?>>(list[2])["three"]);
        Assert.Equal("m", got.Properties["message-id"]);
        Assert.Equal(DateTimeOffset.UnixEpoch, got.ApplicationProperties["when"]);
        Assert.Equal(["a", "bb"], Assert.IsType<object?[]>(got.ApplicationProperties["names"]));
        Assert.False(got.Body.IsEmpty);
    }

    [Fact]
    public void Several_data_sections_are_one_body()
    {
        var message = new Amqp.Message { BodySection = new Amqp.Framing.DataList() };
        ((Amqp.Framing.DataList)message.BodySection).Add(new Amqp.Framing.Data { Binary = [1, 2] });
        ((Amqp.Framing.DataList)message.BodySection).Add(new Amqp.Framing.Data { Binary = [3] });
        var buffer = message.Encode();
        Assert.Equal([1, 2, 3], ReceivedEvent.Read(buffer.Buffer.AsMemory(buffer.Offset, buffer.Length)).Body.ToArray());
    }

    [Fact]
    public void Hostile_bytes_never_throw_and_some_are_accepted()
    {
        using var writer = new AmqpWriter();
        BatchEncoder.Append(writer, new OutgoingEvent(new byte[40], "key", "text/plain", "m", new Dictionary<string, object?> { ["a"] = 1L, ["b"] = "x" }));
        var good = writer.Written.ToArray();
        var (accepted, refused) = (0, 0);

        // A good message with up to three bytes changed and a cut: near misses reach further than noise.
        var hostile = Gen.Choose(0, int.MaxValue).ArrayOf(7);
        Prop.ForAll(hostile.ToArbitrary(), change =>
        {
            var bytes = good.ToArray();
            for (var i = 0; i < 3; i++) bytes[change[i] % bytes.Length] = unchecked((byte)change[i + 3]);
            if (change[6] % 4 == 0) bytes = bytes[..^(change[6] / 4 % 10)];
            if (!Publishing.TryRead(bytes, isBatch: false, out var events, out _))
            {
                refused++;
                return;
            }

            accepted++;
            var stamped = ReceivedEvent.Read(events[0].Stamp(1, 2, 3));
            Assert.Equal(1, stamped.SequenceNumber);
            _ = stamped.Annotations.Count + stamped.Properties.Count + stamped.ApplicationProperties.Count;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithReplay(1, 1));
        Assert.True(accepted > 200, $"{accepted} accepted");
        Assert.True(refused > 200, $"{refused} refused");
    }

    [Theory]
    [InlineData("amqp.annotation.x-opt-offset > '-1'", StartKind.Earliest, 0)]
    [InlineData("amqp.annotation.x-opt-offset >= '-1'", StartKind.Earliest, 0)]
    [InlineData("amqp.annotation.x-opt-offset > '@latest'", StartKind.Latest, 0)]
    [InlineData("amqp.annotation.x-opt-offset > '41'", StartKind.Offset, 42)]
    [InlineData("amqp.annotation.x-opt-offset >= '41'", StartKind.Offset, 41)]
    [InlineData("amqp.annotation.x-opt-sequence-number > '7'", StartKind.SequenceNumber, 8)]
    [InlineData("amqp.annotation.x-opt-sequence-number>='7'", StartKind.SequenceNumber, 7)]
    [InlineData("amqp.annotation.x-opt-enqueued-time > '1700000000000'", StartKind.EnqueuedTime, 1700000000001)]
    public void Start_filters_are_read(string text, object kind, long first)
    {
        Assert.True(StartFilter.TryParse(text, out var filter));
        Assert.Equal(new StartFilter((StartKind)kind, first), filter);
    }

    [Theory]
    [InlineData(DepthAccepted, true)]
    [InlineData(DepthAccepted + 1, false)]
    public void Nesting_is_bounded(int levels, bool accepted)
    {
        using var writer = new AmqpWriter();
        var marks = new Stack<int>();
        for (var i = 0; i < levels; i++) marks.Push(writer.Begin(0xd0));
        writer.Null();
        foreach (var mark in marks) writer.End(mark, 1);
        Assert.Equal(accepted ? writer.Length : -1, AmqpScan.Measure(writer.Written));
    }

    private const int DepthAccepted = AmqpScan.DepthMax;
}
