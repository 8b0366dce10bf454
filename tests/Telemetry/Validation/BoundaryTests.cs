using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Every limit one step either side: the last accepted, the first refused, the code and the path.</summary>
public class BoundaryTests
{
    private readonly Bench _bench = new();

    [Theory]
    [InlineData("\"n\":10", "accepted")]
    [InlineData("\"n\":10.000000000000002", "metric-range at metrics.n")]
    [InlineData("\"n\":-10", "accepted")]
    [InlineData("\"n\":-10.000000000000002", "metric-range at metrics.n")]
    [InlineData("\"n\":1e1", "accepted")]
    [InlineData("\"n\":\"1\"", "metric-type at metrics.n")]
    [InlineData("\"n\":null", "metric-type at metrics.n")]
    [InlineData("\"n\":true", "metric-type at metrics.n")]
    [InlineData("\"n\":[1,2,3]", "metric-type at metrics.n")]
    [InlineData("\"n\":{\"a\":1}", "metric-type at metrics.n")]
    [InlineData("\"any\":1.7976931348623157e308", "accepted")]
    [InlineData("\"any\":1.7976931348623159e308", "number-not-finite at body")]
    [InlineData("\"any\":-1e400", "number-not-finite at body")]
    [InlineData("\"i\":9007199254740991", "accepted")]
    [InlineData("\"i\":9007199254740992", "metric-not-integer at metrics.i")]
    [InlineData("\"i\":9007199254740993", "metric-not-integer at metrics.i")]
    [InlineData("\"i\":-5", "accepted")]
    [InlineData("\"i\":-6", "metric-range at metrics.i")]
    [InlineData("\"i\":1.0", "metric-not-integer at metrics.i")]
    [InlineData("\"i\":1e3", "metric-not-integer at metrics.i")]
    [InlineData("\"i\":false", "metric-type at metrics.i")]
    [InlineData("\"b\":true", "accepted")]
    [InlineData("\"b\":1", "metric-type at metrics.b")]
    [InlineData("\"b\":\"true\"", "metric-type at metrics.b")]
    [InlineData("\"e\":\"off\"", "accepted")]
    [InlineData("\"e\":\"o\\u0066f\"", "accepted")]
    [InlineData("\"e\":\"Off\"", "metric-member at metrics.e")]
    [InlineData("\"e\":\"\"", "metric-member at metrics.e")]
    [InlineData("\"e\":1", "metric-type at metrics.e")]
    [InlineData("\"s\":\"ab\"", "accepted")]
    [InlineData("\"s\":\"a\"", "metric-length at metrics.s")]
    [InlineData("\"s\":\"abcde\"", "accepted")]
    [InlineData("\"s\":\"abcdef\"", "metric-length at metrics.s")]
    [InlineData("\"s\":\"\\u00e9\\u00e9e\"", "accepted")]
    [InlineData("\"s\":\"\\u00e9\\u00e9\\u00e9\"", "metric-length at metrics.s")]
    [InlineData("\"s\":5", "metric-type at metrics.s")]
    [InlineData("\"v\":[1,-1,0]", "accepted")]
    [InlineData("\"v\":[1,-1,1.0000000000000002]", "metric-range at metrics.v")]
    [InlineData("\"v\":[-1.0000000000000002,0,0]", "metric-range at metrics.v")]
    [InlineData("\"v\":[1,1]", "metric-length at metrics.v")]
    [InlineData("\"v\":[]", "metric-length at metrics.v")]
    [InlineData("\"v\":[1,1,1,1]", "metric-length at metrics.v")]
    [InlineData("\"v\":[1,1,\"1\"]", "metric-type at metrics.v")]
    [InlineData("\"v\":[1,1,[1]]", "metric-type at metrics.v")]
    [InlineData("\"v\":1", "metric-type at metrics.v")]
    [InlineData("\"other\":1", "metric-unknown at metrics")]
    [InlineData("\"N\":1", "metric-unknown at metrics")]
    [InlineData("\"n\":1,\"n\":1", "json-duplicate-member at body")]
    [InlineData("\"n\":1,\"\\u006e\":1", "json-duplicate-member at body")]
    [InlineData("", "accepted")]
    public void A_metric_is_judged_by_its_profile(string metrics, string expected) =>
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, metrics)));

    [Theory]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":{}}", "accepted")]
    [InlineData("{\"metrics\":{},\"deviceId\":\"sensor-1\",\"sequence\":1,\"sentAt\":\"2026-06-01T12:00:00Z\",\"messageId\":\"m\"}", "accepted")]
    [InlineData("{\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":{}}", "message-id-missing at messageId")]
    [InlineData("{\"messageId\":1,\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":{}}", "message-id-type at messageId")]
    [InlineData("{\"messageId\":\"\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":{}}", "message-id-length at messageId")]
    [InlineData("{\"messageId\":\"m\",\"sequence\":1,\"metrics\":{}}", "sent-at-missing at sentAt")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":1,\"sequence\":1,\"metrics\":{}}", "sent-at-type at sentAt")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"today\",\"sequence\":1,\"metrics\":{}}", "sent-at-format at sentAt")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"metrics\":{}}", "sequence-missing at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":\"1\",\"metrics\":{}}", "sequence-type at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1.0,\"metrics\":{}}", "sequence-type at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":0,\"metrics\":{}}", "accepted")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":-0,\"metrics\":{}}", "sequence-range at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":-1,\"metrics\":{}}", "sequence-range at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":9007199254740991,\"metrics\":{}}", "accepted")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":9007199254740992,\"metrics\":{}}", "sequence-range at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":99999999999999999999999,\"metrics\":{}}", "sequence-range at sequence")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"deviceId\":null,\"metrics\":{}}", "device-id-type at deviceId")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"deviceId\":\"Sensor-1\",\"metrics\":{}}", "identity-spoofed at deviceId")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"deviceId\":\"\",\"metrics\":{}}", "identity-spoofed at deviceId")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1}", "metrics-missing at metrics")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":[]}", "metrics-type at metrics")]
    [InlineData("{\"messageId\":\"m\",\"sentAt\":\"2026-06-01T12:00:00Z\",\"sequence\":1,\"metrics\":{},\"extra\":1}", "member-unknown at body")]
    [InlineData("[]", "message-not-object at body")]
    public void The_envelope_has_these_members_and_no_other(string body, string expected) =>
        Assert.Equal(expected, Bench.Outcome(_bench.Judged(body)));

    [Theory]
    [InlineData(128, "accepted")]
    [InlineData(129, "message-id-length at messageId")]
    public void A_message_id_has_at_most_128_bytes(int length, string expected)
    {
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, "", id: new string('m', length))));
        _bench.State = default;
        // The same length of text, written as six times as many bytes.
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, "", id: string.Concat(Enumerable.Repeat("\\u006d", length)))));
    }

    [Theory]
    [InlineData(-60.0, "accepted")]
    [InlineData(-60.0000001, "clock-ahead at sentAt")]
    [InlineData(3600.0, "accepted")]
    [InlineData(3600.0000001, "sent-too-late at sentAt")]
    public void An_event_is_sent_before_it_arrives_and_not_long_before(double secondsBefore, string expected) =>
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, "", Bench.Noon - TimeSpan.FromTicks((long)Math.Round(secondsBefore * TimeSpan.TicksPerSecond)))));

    [Theory]
    [InlineData("bytesMax", 100, 100, "accepted")]
    [InlineData("bytesMax", 100, 101, "event-too-large at body")]
    [InlineData("bytesMax", 262144, 262144, "accepted")]
    [InlineData("bytesMax", 262144, 262145, "event-too-large at body")]
    public void A_body_has_at_most_the_profiles_bytes(string member, int limit, int bytes, string expected)
    {
        _bench.Profile = Profiles.Of(Profiles.AllMetrics, FormattableString.Invariant($"{member}={limit}"));
        var message = Bench.Message(1);
        Assert.Equal(expected, Bench.Outcome(_bench.Judged(message.PadRight(bytes))));
    }

    [Fact]
    public void An_empty_body_is_refused() => Assert.Equal("event-empty at body", Bench.Outcome(_bench.Judged("")));

    [Fact]
    public void Without_a_profile_the_hubs_own_limit_holds_and_the_event_is_refused_all_the_same()
    {
        _bench.Profile = null;
        Assert.Equal("profile-unknown at profile", Bench.Outcome(_bench.Judged(Bench.Message(1).PadRight(262_144))));
        Assert.Equal("event-too-large at body", Bench.Outcome(_bench.Judged(Bench.Message(1).PadRight(262_145))));
        Assert.Equal("json-malformed at body", Bench.Outcome(_bench.Judged("{")));
    }

    [Theory]
    [InlineData("application/json", "accepted")]
    [InlineData("application/json;charset=utf-8", "accepted")]
    [InlineData("Application/JSON ; Charset=UTF-8", "accepted")]
    [InlineData("application/json;", "content-type-unsupported at contentType")]
    [InlineData("application/json;charset=utf-16", "content-type-unsupported at contentType")]
    [InlineData("application/cbor;charset=utf-8", "content-type-unsupported at contentType")]
    [InlineData("application/jsonp", "content-type-unsupported at contentType")]
    [InlineData("text/plain", "content-type-unsupported at contentType")]
    [InlineData("", "content-type-missing at contentType")]
    [InlineData("application/cbor", "content-type-not-allowed at contentType")]
    public void The_content_type_is_one_the_profile_allows(string type, string expected)
    {
        _bench.Profile = Profiles.Of(Profiles.AllMetrics, "contentTypes=[\"application/json\"]");
        _bench.ContentType = type;
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, "")));
    }

    [Theory]
    [InlineData("", "accepted")]
    [InlineData("utf-8", "accepted")]
    [InlineData("identity", "accepted")]
    [InlineData("gzip", "gzip-malformed at body")]
    [InlineData("br", "content-encoding-unsupported at contentEncoding")]
    [InlineData("gzip, gzip", "content-encoding-unsupported at contentEncoding")]
    public void The_content_encoding_is_none_or_gzip(string encoding, string expected)
    {
        _bench.ContentEncoding = encoding;
        Assert.Equal(expected, Bench.Outcome(_bench.Sent(1, "")));
    }

    [Theory]
    [InlineData(1000, "accepted")]
    [InlineData(1001, "gzip-too-large at body")]
    [InlineData(10_000_000, "gzip-too-large at body")]
    public void A_gzip_body_inflates_to_at_most_the_profiles_bytes(int bytes, string expected)
    {
        _bench.ContentEncoding = "gzip";
        _bench.Profile = Profiles.Of(Profiles.AllMetrics, bytes > 100_000 ? "bytesMax=200000" : "bytesMax=1000");
        var packed = Gzipped(Encoding.UTF8.GetBytes(Bench.Message(1, "\"n\":1.50").PadRight(bytes)));
        Assert.Equal(expected, Bench.Outcome(_bench.Judged(packed)));
        if (expected == "accepted") Assert.Contains("\"n\":1.50", _bench.Normalised(packed), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-06-01T12:00:00Z", true)]
    [InlineData("2026-06-01T12:00:00.1Z", true)]
    [InlineData("2026-06-01T12:00:00.123456789Z", true)]
    [InlineData("2026-06-01T12:00:00.1234567890Z", false)]
    [InlineData("2026-06-01T12:00:00.Z", false)]
    [InlineData("2026-06-01T14:00:00+02:00", true)]
    [InlineData("2026-06-01T11:59:00-00:01", true)]
    [InlineData("2026-06-02T11:59:00+23:59", true)]
    [InlineData("2026-06-02T12:00:00+24:00", false)]
    [InlineData("2026-06-01T12:00:00+0200", false)]
    [InlineData("2026-06-01T12:00:00", false)]
    [InlineData("2026-06-01T12:00:00z", false)]
    [InlineData("2026-06-01t12:00:00Z", false)]
    [InlineData("2026-06-01 12:00:00Z", false)]
    [InlineData("2026-06-01T12:00:60Z", false)]
    [InlineData("2026-06-01T24:00:00Z", false)]
    [InlineData("2026-06-31T12:00:00Z", false)]
    [InlineData("2026-02-29T12:00:00Z", false)]
    [InlineData("2026-00-01T12:00:00Z", false)]
    [InlineData("2026-13-01T12:00:00Z", false)]
    [InlineData("2026-06-00T12:00:00Z", false)]
    [InlineData("1969-12-31T23:59:59Z", false)]
    [InlineData("3000-01-01T00:00:00Z", false)]
    [InlineData("202a-06-01T12:00:00Z", false)]
    [InlineData("2026-06-01T12:00:0 Z", false)]
    [InlineData("2026-06-01T12:00:00ZZ", false)]
    public void An_instant_is_written_as_RFC_3339_says(string text, bool accepted)
    {
        var outcome = Bench.Outcome(_bench.Judged($$$"""{"messageId":"m","sentAt":"{{{text}}}","sequence":1,"metrics":{}}"""));
        Assert.Equal(accepted ? "accepted" : "sent-at-format at sentAt", outcome);
        if (!accepted) return;
        var fraction = text.Contains('.', StringComparison.Ordinal) ? double.Parse("0" + text[19..^1], CultureInfo.InvariantCulture) : 0;
        Assert.Equal((long)(fraction * TimeSpan.TicksPerSecond), (_bench.Readings.SentAt - Bench.Noon).Ticks);
    }

    [Fact]
    public void A_leap_day_is_a_day_only_in_leap_years()
    {
        _bench.Profile = Profiles.Of(Profiles.AllMetrics, "lateSeconds=31536000");
        foreach (var (year, leap) in new[] { (2024, true), (2026, false), (2100, false), (2400, true) })
        {
            _bench.State = default;
            _bench.Now = new DateTimeOffset(year, 3, 1, 0, 0, 0, TimeSpan.Zero);
            var outcome = Bench.Outcome(_bench.Judged($$$"""{"messageId":"m","sentAt":"{{{year}}}-02-29T00:00:00Z","sequence":1,"metrics":{}}"""));
            Assert.Equal(leap ? "accepted" : "sent-at-format at sentAt", outcome);
            Assert.Equal(leap, _bench.Readings.SentAt == _bench.Now.AddDays(-1));
        }
    }

    internal static byte[] Gzipped(byte[] bytes)
    {
        using var into = new MemoryStream();
        using (var gzip = new GZipStream(into, CompressionLevel.Optimal)) gzip.Write(bytes);
        return into.ToArray();
    }
}
