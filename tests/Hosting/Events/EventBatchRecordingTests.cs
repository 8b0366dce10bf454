using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Serverless.Hosting.Tests;

public class EventBatchRecordingTests
{
    private static readonly DateTimeOffset Enqueued = DateTimeOffset.Parse("2026-01-02T03:04:05.678Z", CultureInfo.InvariantCulture);

    [Fact]
    public void A_recorded_binary_batch_is_read_to_the_last_stamp()
    {
        using var batch = EventBatch.Read(Recording.Load("eventhub-standin/ehmanybin-1.txt").Body);

        Assert.Equal(new EventBatchSource("ns.servicebus.windows.net", "ehmanybin", "cg1", "1", 0, null), batch.Source);
        Assert.Equal(4, batch.Count);
        Assert.Equal(0, batch.FaultCount);
        Assert.Equal("""{"t":"2026-01-02T03:04:05.10+02:00","v":1.50,"s":"a/b<>é"}""", Encoding.UTF8.GetString(batch[0].Body.Span));
        Assert.Equal("plain text", Encoding.UTF8.GetString(batch[1].Body.Span));
        Assert.Equal([0x00, 0xFF, 0xFE, 0x41], batch[2].Body.ToArray());
        Assert.StartsWith("""{"SystemProperties":{"iothub-connection-device-id":"victim"}""", Encoding.UTF8.GetString(batch[3].Body.Span), StringComparison.Ordinal);
        foreach (var one in batch)
        {
            Assert.Null(one.Fault);
            Assert.Equal(41 + one.Index, one.SequenceNumber);
            Assert.Equal((1064 + 64 * one.Index).ToString(CultureInfo.InvariantCulture), Encoding.UTF8.GetString(one.Offset));
            Assert.Equal(Enqueued, one.EnqueuedAt);
            Assert.False(one.HasPartitionKey);
            Assert.Equal($"dev-{one.Index + 1}", Encoding.UTF8.GetString(one.System.Text(SystemProperty.DeviceId)));
            Assert.Equal("638000000000000000", Encoding.UTF8.GetString(one.System.Text(SystemProperty.AuthGenerationId)));
            Assert.Equal("""{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}""", Encoding.UTF8.GetString(one.System.Text(SystemProperty.AuthMethod)));
            Assert.Equal("Telemetry", Encoding.UTF8.GetString(one.System.Text(SystemProperty.MessageSource)));
            Assert.True(one.System.TryGetTime(SystemProperty.EnqueuedTime, out var taken));
            Assert.Equal(DateTimeOffset.Parse("2026-01-02T03:04:05.6Z", CultureInfo.InvariantCulture), taken);
            Assert.Equal(one.Index is 0 or 3 ? "application/json" : "", Encoding.UTF8.GetString(one.System.Text(SystemProperty.ContentType)));
            Assert.Equal("warn", Encoding.UTF8.GetString(one.Application.Text("level"u8)));
            Assert.True(one.Application.TryGet("n"u8, out var n) && n.TryGetInt64(out var number) && number == one.Index + 1);
            Assert.True(one.System.TryGet("PartitionKey"u8, out var key));
            Assert.Equal(JsonValueKind.Null, key.Kind);
        }
    }

    [Theory]
    [InlineData("ehretry-1", 0)]
    [InlineData("ehretry-2", 1)]
    [InlineData("ehretry-3", 2)]
    public void A_recorded_retry_says_which_try_it_is(string name, int retries)
    {
        using var batch = EventBatch.Read(Recording.Load($"eventhub-standin/{name}.txt").Body);
        Assert.Equal(retries, batch.Source.RetryCount);
        Assert.Equal(2, batch.Source.MaxRetryCount);
    }

    [Theory]
    [InlineData("ehmanystr-1")]
    [InlineData("ehretry-1")]
    public void Events_bound_as_strings_are_refused_one_by_one_since_they_are_not_base64(string name)
    {
        using var batch = EventBatch.Read(Recording.Load($"eventhub-standin/{name}.txt").Body);
        Assert.Equal(4, batch.FaultCount);
        foreach (var one in batch)
        {
            Assert.Equal("event-base64", one.Fault!.Code);
            Assert.True(one.Body.IsEmpty);
            Assert.Equal(41 + one.Index, one.SequenceNumber); // still known, so that the refusal can be filed
        }
    }

    [Theory] // with cardinality one a device's body overwrites the metadata, ehone-4 forges its device id that way
    [InlineData("ehone-1")]
    [InlineData("ehone-4")]
    [InlineData("ehonebin-1")]
    [InlineData("ehonestr-1")]
    [InlineData("ehonestr-3")]
    public void A_single_event_binding_is_refused_as_a_whole(string name)
    {
        var refusal = Assert.Throws<EnvelopeException>(() => EventBatch.Read(Recording.Load($"eventhub-standin/{name}.txt").Body));
        Assert.Equal("envelope-cardinality", refusal.Fault.Code);
    }

    [Theory]
    [InlineData("hello-1.txt")]
    [InlineData("hello-2.txt")]
    [InlineData("hello-3.txt")]
    [InlineData("b64-1.txt")]
    [InlineData("boom-1.txt")]
    [InlineData("emptybody-1.txt")]
    [InlineData("eventhub-standin/out-1.txt")]
    [InlineData("eventhub-standin/spoof-1.txt")]
    [InlineData("responses/chunked-inbound-no-body.txt")]
    [InlineData("responses/with-appinsights-traceparent.txt")]
    [InlineData("tick-1.txt")]
    public void An_envelope_of_another_trigger_is_not_taken_for_events(string name)
    {
        var refusal = Assert.Throws<EnvelopeException>(() => EventBatch.Read(Recording.Load(name).Body));
        Assert.Equal("envelope-type at Data.events", refusal.Fault.ToString());
    }

    [Fact]
    public void A_request_in_pieces_reads_like_one_in_one_piece()
    {
        var body = Recording.Load("eventhub-standin/ehmanybin-1.txt").Body;
        using var whole = EventBatch.Read(body);
        for (var cut = 1; cut < body.Length; cut += 97)
        {
            var first = new Piece(body.AsMemory(0, cut));
            var last = first.Then(body.AsMemory(cut));
            using var pieces = EventBatch.Read(new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length));
            Assert.Equal(whole.Source, pieces.Source);
            Assert.Equal(whole[3].Body.ToArray(), pieces[3].Body.ToArray());
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Then(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
