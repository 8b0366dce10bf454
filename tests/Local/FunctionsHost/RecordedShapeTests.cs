using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Events;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>Our bodies against those of the real host, byte for byte.</summary>
public class RecordedShapeTests
{
    private static readonly byte[][] Bodies =
    [
        Encoding.UTF8.GetBytes("""{"t":"2026-01-02T03:04:05.10+02:00","v":1.50,"s":"a/b<>é"}"""),
        "plain text"u8.ToArray(),
        [0x00, 0xFF, 0xFE, 0x41],
        """{"SystemProperties":{"iothub-connection-device-id":"victim"},"partitionContext":"spoof","sys":"spoof","mine":"x","arr":[1]}"""u8.ToArray(),
    ];

    [Theory]
    [InlineData("tick-1")]
    [InlineData("tick-2")]
    [InlineData("tick-3")]
    public void A_timer_request_is_the_recorded_one(string name)
    {
        var recording = Recording.Of(name);
        Assert.Equal(recording.Body, TimerBody.Write("timer", null, false, recording.Sys(), null).ToString());
    }

    [Theory]
    [InlineData("hello-1")]
    [InlineData("hello-2")]
    [InlineData("hello-3")]
    [InlineData("b64-1")]
    [InlineData("boom-1")]
    [InlineData("emptybody-1")]
    [InlineData("eventhub-standin/out-1")]
    [InlineData("eventhub-standin/spoof-1")]
    [InlineData("responses/chunked-inbound-no-body")]
    [InlineData("responses/with-appinsights-traceparent")]
    public void An_http_request_is_the_recorded_one(string name)
    {
        var recording = Recording.Of(name);
        Assert.Equal(recording.Body, HttpBody.Write("req", Inbound(recording), recording.Sys()).ToString());
    }

    [Theory]
    [InlineData("ehmanybin", "ehmanybin-1", "Binary")]
    [InlineData("ehmanystr", "ehmanystr-1", "String")]
    public void A_batch_is_the_recorded_one(string hub, string name, string dataType)
    {
        var recording = Recording.Of("eventhub-standin/" + name);
        Assert.Equal(recording.Body, EventsBody.Many("events", Enum.Parse<EventDataType>(dataType), From(hub), Events(), recording.Sys(), null).ToString());
    }

    [Theory]
    [InlineData("ehone", "ehone-1", "None", 0)]
    [InlineData("ehone", "ehone-4", "None", 3)]
    [InlineData("ehonebin", "ehonebin-1", "Binary", 0)]
    [InlineData("ehonestr", "ehonestr-1", "String", 0)]
    [InlineData("ehonestr", "ehonestr-3", "String", 2)]
    public void A_single_event_is_the_recorded_one(string hub, string name, string dataType, int index)
    {
        var recording = Recording.Of("eventhub-standin/" + name);
        Assert.Equal(recording.Body, EventsBody.One("events", Enum.Parse<EventDataType>(dataType), From(hub), Events()[index], recording.Sys(), null).ToString());
    }

    [Theory]
    [InlineData("ehretry-1", 0)]
    [InlineData("ehretry-2", 1)]
    [InlineData("ehretry-3", 2)]
    public void A_retry_is_the_recorded_one_but_for_stack_traces(string name, int retry)
    {
        var recording = Recording.Of("eventhub-standin/" + name);
        var invocation = Guid.Parse("102cd318-3a4b-4825-b4e0-3aa050d50f7a");
        var failure = retry == 0 ? null : new AttemptFailure(invocation, "ehretry", 500, "Response status code does not indicate success: 500 (Internal Server Error).");
        var body = EventsBody.Many("events", EventDataType.String, From("ehretry"), Events(), recording.Sys(), new RetryContext(retry, 2, failure)).ToString();
        Assert.Equal(Recording.Normal(recording.Body), Recording.Normal(body));
        Assert.Contains(retry == 0 ? "\"Exception\":null" : invocation.ToString(), body, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_without_data_type_fails_on_one_event_that_is_no_json_before_the_handler_is_called()
    {
        var sys = new Sys("ehmany", default, default);
        Assert.ThrowsAny<JsonException>(() => EventsBody.Many("events", EventDataType.None, From("ehmany"), Events(), sys, null));
        var good = EventsBody.Many("events", EventDataType.None, From("ehmany"), [Events()[0]], sys, null).ToString();
        using var json = JsonDocument.Parse(good);
        using var events = JsonDocument.Parse(json.RootElement.GetProperty("Data").GetProperty("events").GetString()!);
        Assert.Equal(1.5, events.RootElement[0].GetProperty("v").GetDouble());
    }

    [Fact]
    public void Every_string_survives_two_rounds_of_reading()
    {
        var text = new string([.. Enumerable.Range(0, 0x3000).Select(code => (char)code)]) + "😀\u2028\u2029\u0085";
        var inner = new HostText().Raw("["u8).Text(text).Raw("]"u8);
        using var outer = JsonDocument.Parse(new HostText().Quoted(inner).WrittenMemory);
        using var again = JsonDocument.Parse(outer.RootElement.GetString()!);
        Assert.Equal(text, again.RootElement[0].GetString());
    }

    [Theory]
    [InlineData("\u2028\u2029\u0085", @"""\u2028\u2029\u0085""")]
    [InlineData("\u0000\u001f\b\t\n\f\r", @"""\u0000\u001f\b\t\n\f\r""")]
    [InlineData("<>&'/\u007fé\u00a0\u2027😀", "\"<>&'/\u007fé\u00a0\u2027😀\"")]
    [InlineData("\"\\", @"""\""\\""")]
    public void A_string_is_escaped_as_the_real_serializer_escapes_it(string value, string expected) =>
        Assert.Equal(expected, new HostText().Text(value).ToString());

    [Theory]
    [InlineData(1.0, "1.0")]
    [InlineData(1.5, "1.5")]
    [InlineData(1e300, "1E+300")]
    [InlineData(double.NaN, "\"NaN\"")]
    public void A_real_number_is_printed_as_the_real_serializer_prints_it(double value, string expected) =>
        Assert.Equal(expected, new HostText().Value(value).ToString());

    private static PartitionContext From(string hub) => new("ns.servicebus.windows.net", hub, "cg1", "1", true);

    private static HubEvent[] Events() => [.. Bodies.Select((body, index) =>
    {
        var at = DateTimeOffset.Parse("2026-01-02T03:04:05.678Z", CultureInfo.InvariantCulture);
        var (number, offset) = (41L + index, (1064 + 64 * index).ToString(CultureInfo.InvariantCulture));
        var system = new List<KeyValuePair<string, object?>>
        {
            new("x-opt-sequence-number", number),
            new("x-opt-offset", offset),
            new("x-opt-enqueued-time", at),
            new("iothub-connection-device-id", $"dev-{index + 1}"),
            new("iothub-connection-auth-method", """{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"""),
            new("iothub-connection-auth-generation-id", "638000000000000000"),
            new("iothub-enqueuedtime", DateTimeOffset.Parse("2026-01-02T03:04:05.6Z", CultureInfo.InvariantCulture)),
            new("iothub-message-source", "Telemetry"),
        };
        if (index is 0 or 3) system.AddRange([new("content-type", "application/json"), new("content-encoding", "utf-8")]);
        return new HubEvent(body, number, offset, at, null, [new("level", "warn"), new("n", index + 1)], system);
    })];

    /// <summary>The inbound request behind a recording, from the recorded Data: what Kestrel would show.</summary>
    private static InboundHttp Inbound(Recording recording)
    {
        using var json = JsonDocument.Parse(recording.Body);
        var req = json.RootElement.GetProperty("Data").GetProperty("req");
        var contentType = req.GetProperty("Headers").TryGetProperty("Content-Type", out var type) ? type[0].GetString() : null;
        var text = req.TryGetProperty("Body", out var given) ? given.GetString() : null;
        return new InboundHttp(
            req.GetProperty("Url").GetString()!,
            req.GetProperty("Method").GetString()!,
            [.. req.GetProperty("Query").EnumerateObject().Select(item => new KeyValuePair<string, string[]>(item.Name, item.Value.GetString()!.Split(',')))],
            [.. req.GetProperty("Headers").EnumerateObject().Select(item => new KeyValuePair<string, string[]>(item.Name, [.. item.Value.EnumerateArray().Select(value => value.GetString()!)]))],
            [.. req.GetProperty("Params").EnumerateObject().Select(item => new KeyValuePair<string, object?>(item.Name, item.Value.GetString()))],
            text is null ? null : contentType == "application/octet-stream" ? Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text),
            contentType);
    }
}
