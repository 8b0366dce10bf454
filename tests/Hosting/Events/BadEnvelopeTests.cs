using System.Diagnostics;
using System.Text;

namespace Serverless.Hosting.Tests;

public class BadEnvelopeTests
{
    private static readonly string Good = Encoding.UTF8.GetString(HostEnvelope.Write(
        [HostEnvelope.FromDevice(0, "zero"u8.ToArray(), "dev-0"), HostEnvelope.FromDevice(1, "one"u8.ToArray(), "dev-1"), HostEnvelope.FromDevice(2, "two"u8.ToArray(), "dev-2")]));

    /// <summary>What the whole batch is refused for: find, replace, code and place.</summary>
    public static TheoryData<string, string, string> Envelopes() => new()
    {
        { "\"Data\":", "\"Date\":", "envelope-missing at Data" },
        { "\"Metadata\":", "\"Metadate\":", "envelope-missing at Metadata" },
        { "\"events\":\"[\\\"emVybw==\\\",\\\"b25l\\\",\\\"dHdv\\\"]\"", "", "envelope-missing at Data.events" },
        { "\"events\":\"", "\"other\":\"[]\",\"events\":\"", "envelope-type at Data" },
        { "\"[\\\"emVybw==\\\",\\\"b25l\\\",\\\"dHdv\\\"]\"", "[\"emVybw==\",\"b25l\",\"dHdv\"]", "envelope-type at Data.events" },
        { "\"[\\\"emVybw==\\\",\\\"b25l\\\",\\\"dHdv\\\"]\"", "null", "envelope-type at Data.events" },
        { "\"[\\\"emVybw==\\\",\\\"b25l\\\",\\\"dHdv\\\"]\"", "\"emVybw==\"", "envelope-cardinality at Data.events" },
        { "\"[\\\"emVybw==\\\",\\\"b25l\\\",\\\"dHdv\\\"]\"", "\"\"", "envelope-cardinality at Data.events" },
        { "\\\"dHdv\\\"]", "\\\"dHdv\\\"", "envelope-syntax at Data.events" },
        { "\\\"dHdv\\\"]", "\\\"dHdv\\\",]", "envelope-syntax at Data.events" },
        { "\\\"dHdv\\\"]", "\\\"dHdv\\\"]]", "envelope-syntax at Data.events" },
        { "\"Metadata\":{", "\"Data\":{\"events\":\"[]\"},\"Metadata\":{", "envelope-duplicate at Data" },
        { "\"PartitionKeyArray\"", "\"OffsetArray\":\"[]\",\"PartitionKeyArray\"", "envelope-duplicate at Metadata.OffsetArray" },
        { "\"PartitionContext\"", "\"PartitionContexts\"", "envelope-missing at Metadata.PartitionContext.FullyQualifiedNamespace" },
        { "\"PartitionId\"", "\"PartitionIds\"", "envelope-missing at Metadata.PartitionContext.PartitionId" },
        { "\"PartitionId\":\"3\"", "\"PartitionId\":3", "envelope-type at Metadata.PartitionContext" },
        { "\"PartitionContext\":{", "\"PartitionContext\":\"\\\"spoof\\\"\",\"x\":{", "envelope-type at Metadata.PartitionContext" },
        { "\"sys\":{", "\"RetryContext\":{\"RetryCount\":\"1\"},\"sys\":{", "envelope-type at Metadata.RetryContext" },
        { "\"sys\":{", "\"RetryContext\":[],\"sys\":{", "envelope-type at Metadata.RetryContext" },
        { "\"PartitionKeyArray\"", "\"x\"", "envelope-missing at Metadata.PartitionKeyArray" },
        { "\"OffsetArray\"", "\"x\"", "envelope-missing at Metadata.OffsetArray" },
        { "\"SequenceNumberArray\"", "\"x\"", "envelope-missing at Metadata.SequenceNumberArray" },
        { "\"EnqueuedTimeUtcArray\"", "\"x\"", "envelope-missing at Metadata.EnqueuedTimeUtcArray" },
        { "\"PropertiesArray\"", "\"x\"", "envelope-missing at Metadata.PropertiesArray" },
        { "\"SystemPropertiesArray\"", "\"x\"", "envelope-missing at Metadata.SystemPropertiesArray" },
        { "\"[41,42,43]\"", "\"[41,42]\"", "envelope-length at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "\"[41,42,43,44]\"", "envelope-length at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "\"[]\"", "envelope-length at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "[41,42,43]", "envelope-type at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "\"{}\"", "envelope-type at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "\"[41,42,43\"", "envelope-syntax at Metadata.SequenceNumberArray" },
        { "\"[41,42,43]\"", "\"[41 42,43]\"", "envelope-syntax at Metadata.SequenceNumberArray" },
        { "{\\\"level\\\":\\\"info\\\"},{", "{\\\"level\\\":\\\"info\\\",{", "envelope-syntax at Metadata.PropertiesArray" },
        { "\"[{\\\"level", "\"[{1:\\\"level", "envelope-syntax at Metadata.PropertiesArray" },
        { "\"PartitionId\"", "\"Partition\\xId\"", "envelope-syntax at envelope" },
    };

    /// <summary>What one event is refused for, its neighbours being read as ever: find, replace, code.</summary>
    public static TheoryData<string, string, string> Events() => new()
    {
        { "\\\"b25l\\\"", "\\\"b25\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"b2 5l\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"b25l\\\\n\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"b2=l\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"b25l====\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"b_-l\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"é\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"\\\\ud800\\\"", "event-base64" },
        { "\\\"b25l\\\"", "\\\"\\\\q\\\"", "event-base64" },
        { "\\\"b25l\\\"", "null", "event-body" },
        { "\\\"b25l\\\"", "7", "event-body" },
        { "\\\"b25l\\\"", "{\\\"a\\\":[1,\\\"]\\\"]}", "event-body" },
        { "[41,42,43]", "[41,null,43]", "event-sequence-number" },
        { "[41,42,43]", "[41,-1,43]", "event-sequence-number" },
        { "[41,42,43]", "[41,4.2,43]", "event-sequence-number" },
        { "[41,42,43]", "[41,9223372036854775808,43]", "event-sequence-number" },
        { "[41,42,43]", "[41,\\\"42\\\",43]", "event-sequence-number" },
        { "[\\\"1064\\\",\\\"1128\\\"", "[\\\"1064\\\",1128", "event-offset" },
        { "[\\\"1064\\\",\\\"1128\\\"", "[\\\"1064\\\",null", "event-offset" },
        { "\\\"2026-01-02T03:04:05.679\\\",\\\"2026", "\\\"2026-13-02T03:04:05.679\\\",\\\"2026", "event-enqueued-time" },
        { "\\\"2026-01-02T03:04:05.679\\\",\\\"2026", "1767323045679,\\\"2026", "event-enqueued-time" },
        { "[\\\"dev-0\\\",\\\"dev-1\\\"", "[\\\"dev-0\\\",{}", "event-partition-key" },
        { "{\\\"level\\\":\\\"info\\\"},{\\\"level\\\":\\\"info\\\"},", "{\\\"level\\\":\\\"info\\\"},null,", "event-properties" },
        { "{\\\"level\\\":\\\"info\\\"},{\\\"level\\\":\\\"info\\\"},", "{\\\"level\\\":\\\"info\\\"},{\\\"level\\\":NaN},", "event-properties" },
        { "{\\\"level\\\":\\\"info\\\"},{\\\"level\\\":\\\"info\\\"},", "{\\\"level\\\":\\\"info\\\"},[1,{\\\"a\\\":[]}],", "event-properties" },
        { "{\\\"x-opt-sequence-number\\\":42,", "{\\\"x-opt-sequence-number\\\":undefined,", "event-system-properties" },
    };

    [Fact]
    public void The_envelope_these_cases_change_is_good_itself()
    {
        using var batch = EventBatch.Read(Encoding.UTF8.GetBytes(Good));
        Assert.Equal((3, 0), (batch.Count, batch.FaultCount));
    }

    [Theory]
    [MemberData(nameof(Envelopes))]
    public void A_broken_envelope_is_refused_as_a_whole(string find, string replace, string expect)
    {
        var broken = Assert.Throws<EnvelopeException>(() => EventBatch.Read(Changed(find, replace)));
        Assert.Equal(expect, broken.Fault.ToString());
    }

    [Theory]
    [MemberData(nameof(Events))]
    public void A_broken_event_is_refused_alone(string find, string replace, string code)
    {
        using var batch = EventBatch.Read(Changed(find, replace));
        Assert.Equal((3, 1), (batch.Count, batch.FaultCount));
        Assert.Equal($"{code} at events[1]", batch[1].Fault!.ToString());
        Assert.Equal(code is "event-system-properties" ? "" : "dev-1", Encoding.UTF8.GetString(batch[1].System.Text(SystemProperty.DeviceId)));
        AssertWhole(batch[0], "zero");
        AssertWhole(batch[2], "two");
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}{}")]
    [InlineData("\u0000")]
    public void What_is_no_envelope_at_all_is_refused(string text)
    {
        var broken = Assert.Throws<EnvelopeException>(() => EventBatch.Read(Encoding.UTF8.GetBytes(text)));
        Assert.Equal("envelope-syntax", broken.Fault.Code);
    }

    [Fact]
    public void Invalid_UTF8_is_refused()
    {
        var bytes = Encoding.UTF8.GetBytes(Good);
        bytes[Good.IndexOf("dev-1", StringComparison.Ordinal)] = 0xFF;
        Assert.Equal("envelope-utf8 at envelope", Assert.Throws<EnvelopeException>(() => EventBatch.Read(bytes)).Fault.ToString());
    }

    [Fact]
    public void Nesting_is_followed_to_the_limit_and_not_one_level_further()
    {
        var limits = new EventBatchLimits { DepthMax = 8 };
        using var last = EventBatch.Read(Nested(8), limits);
        Assert.Equal(3, last.Count);
        Assert.Equal("envelope-depth at envelope", Assert.Throws<EnvelopeException>(() => EventBatch.Read(Nested(9), limits)).Fault.ToString());
        Assert.Equal("envelope-depth", Assert.Throws<EnvelopeException>(() => EventBatch.Read(Nested(1_000_000))).Fault.Code);
    }

    [Fact]
    public void Events_are_counted_to_the_limit_and_not_one_further()
    {
        using var last = EventBatch.Read(Encoding.UTF8.GetBytes(Good), new EventBatchLimits { EventsMax = 3 });
        Assert.Equal(3, last.Count);
        var broken = Assert.Throws<EnvelopeException>(() => EventBatch.Read(Encoding.UTF8.GetBytes(Good), new EventBatchLimits { EventsMax = 2 }));
        Assert.Equal("envelope-count at Data.events", broken.Fault.ToString());
    }

    [Fact]
    public void Bytes_are_counted_to_the_limit_and_not_one_further()
    {
        var bytes = Encoding.UTF8.GetBytes(Good);
        using var last = EventBatch.Read(bytes, new EventBatchLimits { WireBytesMax = bytes.Length });
        var broken = Assert.Throws<EnvelopeException>(() => EventBatch.Read(bytes, new EventBatchLimits { WireBytesMax = bytes.Length - 1 }));
        Assert.Equal("envelope-size at envelope", broken.Fault.ToString());
    }

    [Fact]
    public void Properties_are_counted_to_the_limit_and_one_more_costs_only_that_event()
    {
        using var last = EventBatch.Read(Encoding.UTF8.GetBytes(Good), new EventBatchLimits { PropertiesMax = 15 });
        Assert.Equal(0, last.FaultCount);
        using var batch = EventBatch.Read(
            Changed("{\\\"x-opt-sequence-number\\\":42,", "{\\\"one-more\\\":1,\\\"x-opt-sequence-number\\\":42,"), new EventBatchLimits { PropertiesMax = 15 });
        Assert.Equal("event-system-properties", batch[1].Fault!.Code);
        Assert.Equal(1, batch.FaultCount);
        AssertWhole(batch[2], "two");
    }

    [Fact]
    public void A_name_that_occurs_twice_has_no_value()
    {
        using var batch = EventBatch.Read(Changed("{\\\"x-opt-sequence-number\\\":42,", "{\\\"iothub-connection-device-id\\\":\\\"victim\\\",\\\"x-opt-sequence-number\\\":42,"));
        Assert.False(batch[1].System.TryGet(SystemProperty.DeviceId, out _));
        Assert.True(batch[1].System.Text(SystemProperty.DeviceId).IsEmpty);
    }

    [Fact]
    public void A_hundred_megabytes_of_nothing_are_refused_in_time_and_given_back()
    {
        var bytes = new byte[100 * 1024 * 1024];
        foreach (var filler in "[{\"\\ 1"u8.ToArray())
        {
            Array.Fill(bytes, filler);
            var watch = Stopwatch.StartNew();
            Assert.Throws<EnvelopeException>(() => EventBatch.Read(bytes));
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{(char)filler} took {watch.Elapsed}");
        }
    }

    [Fact]
    public void A_full_batch_of_the_largest_messages_is_read()
    {
        var body = new byte[256 * 1024];
        Array.Fill(body, (byte)'7');
        using var batch = EventBatch.Read(HostEnvelope.Write([.. Enumerable.Range(0, 100).Select(i => HostEnvelope.FromDevice(i, body, $"dev-{i}"))]));
        Assert.Equal((100, 0), (batch.Count, batch.FaultCount));
        Assert.True(batch[99].Body.Span.SequenceEqual(body));
    }

    [Fact]
    public void A_batch_given_back_gives_nothing_out()
    {
        var batch = EventBatch.Read(Encoding.UTF8.GetBytes(Good));
        var one = batch[0];
        batch.Dispose();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => one.Body);
        Assert.Throws<ObjectDisposedException>(() => one.System.Text(SystemProperty.DeviceId).Length);
    }

    private static void AssertWhole(HubEvent one, string body)
    {
        Assert.Null(one.Fault);
        Assert.Equal(body, Encoding.UTF8.GetString(one.Body.Span));
        Assert.Equal(41 + one.Index, one.SequenceNumber);
        Assert.Equal($"dev-{one.Index}", Encoding.UTF8.GetString(one.PartitionKey));
        Assert.Equal($"dev-{one.Index}", Encoding.UTF8.GetString(one.System.Text(SystemProperty.DeviceId)));
        Assert.Equal("info", Encoding.UTF8.GetString(one.Application.Text("level"u8)));
        Assert.Equal(15, one.System.Count);
    }

    private static byte[] Changed(string find, string replace)
    {
        Assert.Contains(find, Good, StringComparison.Ordinal);
        var at = Good.IndexOf(find, StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes($"{Good[..at]}{replace}{Good[(at + find.Length)..]}");
    }

    /// <summary>An ignored member that is nested this deep.</summary>
    private static byte[] Nested(int depth) => Changed("\"sys\":", $"\"deep\":{new string('[', depth)}{new string(']', depth)},\"sys\":");
}
