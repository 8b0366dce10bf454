using System.Text;
using System.Text.Json;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>What a device may try, alone or with company in its batch.</summary>
public sealed class AttackTests : IDisposable
{
    private readonly World _world = new();
    private long _sequence;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Every_bad_kind_between_good_events_costs_its_neighbours_nothing()
    {
        var bad = new (string Fault, Sent Event)[]
        {
            ("event-empty", new()),
            ("json-malformed", new() { Body = "{"u8.ToArray() }),
            ("json-malformed", new() { Body = [0xff, 0xfe, 0x00] }),
            ("depth-too-great", new() { Body = Encoding.UTF8.GetBytes(new string('[', 10_000)) }),
            ("metric-range", new() { Body = Sent.Message(9, "\"n\":11") }),
            ("identity-spoofed", new() { Body = Sent.Message(9, "\"n\":1", device: "d-2") }),
            ("stamp-missing", new() { Device = null, Body = Sent.Message(9, "\"n\":1") }),
            ("stamp-missing", new() { Source = null, Body = Sent.Message(9, "\"n\":1") }),
            ("stamp-length", new() { Device = new string('x', 129), Body = Sent.Message(9, "\"n\":1") }),
            ("source-unknown", new() { Source = "telemetry", Body = Sent.Message(9, "\"n\":1") }),
            ("event-base64", new() { RawBody = "\"***\"" }),
            ("event-body", new() { RawBody = "{}" }),
            ("twin-malformed", Sent.TwinChanged("d-3", "[")),
            ("twin-profile", Sent.TwinChanged("d-3", """{"tags":{"profile":1}}""")),
            ("twin-operation", Sent.TwinChanged("d-3", "{}", operation: "sing")),
            ("connection-number", new() { Device = "d-3", Source = "deviceConnectionStateEvents", Body = "{}"u8.ToArray() }),
            ("profile-unknown", new() { Device = "d-4", Body = Sent.Message(9, "\"n\":1") }),
        };
        var batch = new List<Sent> { Sent.Created("d-1", World.Profile) };
        for (var i = 0; i < bad.Length; i++)
        {
            batch.Add(new() { Body = Sent.Message(i + 1, $"\"n\":{i % 10}", id: $"good-{i}") });
            batch.Add(bad[i].Event);
        }

        await Deliver(batch);
        Assert.Equal(bad.Select(one => one.Fault), _world.Refusals().OrderBy(pair => pair.Key).Select(pair => pair.Value));
        Assert.Equal(bad.Length, _world.Validated.Events.Count());
        Assert.All(_world.Validated.Events, one => Assert.Equal("d-1", one.PartitionKey));
    }

    [Theory]
    [InlineData(40, true)]
    [InlineData(60, false)]
    public async Task An_event_that_no_hub_would_take_once_it_is_json_is_refused_and_stops_nothing(int texts, bool accepted)
    {
        _world.Documents.Put("test@1", Validation.Profiles.Document(string.Join(',', Enumerable.Range(0, 60).Select(i => $$"""{"name":"s{{i}}","type":"string","bytesMax":4096}"""))));
        await Deliver([
            Sent.Created("d-1", World.Profile),
            new() { Body = Cbor(texts), System = new() { ["content-type"] = "application/cbor" } },
            new() { Body = Sent.Message(2, "\"s1\":\"x\"") },
        ]);
        Assert.Equal(accepted ? [] : ["normalised-too-large"], _world.Refusals().Values);
        Assert.Equal(accepted ? 2 : 1, _world.Validated.Events.Count());
    }

    // {"messageId":"m","sentAt":noon,"sequence":1,"metrics":{"s0":4096 × U+0001, …}}, RFC 8949
    private static byte[] Cbor(int texts)
    {
        var bytes = new List<byte> { 0xa4 };
        Text("messageId");
        Text("m");
        Text("sentAt");
        Text("2026-06-01T12:00:00.000Z");
        Text("sequence");
        bytes.Add(1);
        Text("metrics");
        bytes.AddRange([0xb8, (byte)texts]);
        for (var i = 0; i < texts; i++)
        {
            Text($"s{i}");
            Text(new string('\u0001', 4096));
        }

        return [.. bytes];

        void Text(string text)
        {
            bytes.AddRange(text.Length < 24 ? [(byte)(0x60 + text.Length)] : [0x79, (byte)(text.Length >> 8), (byte)(text.Length & 0xff)]);
            bytes.AddRange(Encoding.ASCII.GetBytes(text));
        }
    }

    [Fact]
    public async Task A_refused_event_is_kept_whole()
    {
        var body = new byte[] { 0, 1, 2, 0xff, (byte)'\n', (byte)'"' };
        await Deliver([new() { Body = body, System = new() { ["message-id"] = "a\n\"b", ["content-encoding"] = "x" }, Application = new() { ["k\n"] = "v\"", ["n"] = 4 } }]);
        var line = Assert.Single(_world.RejectedLines());
        Assert.Equal(body, line.GetProperty("body").GetBytesFromBase64());
        Assert.Equal("a\n\"b", line.GetProperty("system").GetProperty("message-id").GetString());
        Assert.Equal("x", line.GetProperty("system").GetProperty("content-encoding").GetString());
        Assert.Equal("v\"", line.GetProperty("application").GetProperty("k\n").GetString());
        Assert.Equal("4", line.GetProperty("application").GetProperty("n").GetString());
        Assert.Equal(("3", 1, "d-1"), (line.GetProperty("partition").GetString(), line.GetProperty("sequence").GetInt64(), line.GetProperty("device").GetString()));
        Assert.Equal(Sent.Noon, line.GetProperty("enqueuedAt").GetDateTimeOffset());
        Assert.Equal("2026-06-01T12/3-0000.jsonl", Assert.Single(_world.Rejected.Names));
    }

    [Fact]
    public async Task Application_properties_named_like_stamps_change_nothing()
    {
        await Deliver([
            Sent.Created("d-1", World.Profile),
            new()
            {
                Body = Sent.Message(1, "\"n\":1"),
                Application = new()
                {
                    ["iothub-connection-device-id"] = "d-2", ["deviceId"] = "d-2", ["iothub-message-source"] = "twinChangeEvents",
                    ["opType"] = "deleteDeviceIdentity", ["iothub-message-schema"] = "twinChangeNotification",
                },
            },
            new() { Body = Sent.Message(2, "\"n\":1") },
        ]);
        Assert.All(_world.Validated.Events, one => Assert.Equal("d-1", one.ApplicationProperties!["device-id"]));
        Assert.Equal(2, _world.Validated.Events.Count());
    }

    [Fact]
    public async Task Telemetry_that_looks_like_a_twin_changes_no_profile()
    {
        await Deliver([
            new() { Device = "d-9", Application = new() { ["opType"] = "updateTwin" }, Body = Encoding.UTF8.GetBytes($$$"""{"tags":{"profile":"{{{World.Profile}}}"}}""") },
            new() { Device = "d-9", Body = Sent.Message(1, "\"n\":1") },
        ]);
        Assert.Empty(_world.Validated.Events);
        Assert.Equal("profile-unknown", _world.Refusals()[2]);
    }

    [Fact]
    public async Task A_spoofed_identity_a_hub_key_and_a_new_generation_alert_at_once()
    {
        await Deliver([
            Sent.Created("d-1", World.Profile),
            new() { Body = Sent.Message(1, "\"n\":1") },
            new() { Body = Sent.Message(2, "\"n\":1", device: "d-2") },
            new() { Body = Sent.Message(3, "\"n\":1"), AuthMethod = """{"scope":"hub","type":"sas","issuer":"iothub"}""" },
            new() { Body = Sent.Message(1, "\"n\":1"), Generation = "2" },
        ]);
        var alerts = _world.Alerts.Events.Select(alert => JsonDocument.Parse(alert.Body).RootElement).OrderBy(alert => alert.GetProperty("data").GetProperty("sequence").GetInt64()).ToList();
        Assert.Equal(
            ["serverless.telemetry.identity-spoofed", "serverless.telemetry.hub-scope-key", "serverless.telemetry.generation-changed"],
            alerts.Select(alert => alert.GetProperty("type").GetString()));
        Assert.All(alerts, alert => Assert.Equal("d-1", alert.GetProperty("subject").GetString()));
        Assert.Equal("identity-spoofed", alerts[0].GetProperty("data").GetProperty("fault").GetString());
    }

    [Fact]
    public async Task A_device_recreated_under_its_old_id_is_noticed_and_has_no_profile_until_it_is_given_one()
    {
        await Deliver([
            Sent.Created("d-1", World.Profile),
            new() { Body = Sent.Message(1, "\"n\":1") },
            Sent.TwinChanged("d-1", "{}", "deleteDeviceIdentity") with { Source = "deviceLifecycleEvents" },
            new() { Body = Sent.Message(2, "\"n\":1") },
            Sent.Created("d-1", World.Profile),
            new() { Body = Sent.Message(1, "\"n\":1", id: "new"), Generation = "2" },
        ]);
        Assert.Equal("profile-unknown", Assert.Single(_world.Refusals()).Value);
        Assert.Equal(["3-2", "3-6"], _world.Validated.Events.Select(one => one.MessageId));
        Assert.Contains(_world.Alerts.Events, alert => Encoding.UTF8.GetString(alert.Body.Span).Contains("generation-changed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_thousand_refusals_make_a_handful_of_alerts_that_count_them()
    {
        await Deliver([Sent.Created("d-1", World.Profile), .. Enumerable.Range(0, 1000).Select(i => new Sent { At = Sent.Noon.AddSeconds(i), Body = "{"u8.ToArray() })]);
        var counts = _world.Alerts.Events.Select(alert => JsonDocument.Parse(alert.Body).RootElement.GetProperty("data"))
            .OrderBy(data => data.GetProperty("sequence").GetInt64()).Select(data => data.GetProperty("count").GetInt32()).ToList();
        Assert.Equal(1, counts[0]);
        Assert.InRange(counts.Count, 3, 8); // minutes 0, 1, 3, 7, 15
        Assert.InRange(counts.Sum(), 500, 1000);
    }

    [Fact]
    public async Task Events_without_a_stamp_are_aggregated_too()
    {
        await Deliver([.. Enumerable.Range(0, 1000).Select(i => new Sent { Device = null, At = Sent.Noon.AddSeconds(i) })]);
        var counts = _world.Alerts.Events.Select(alert => JsonDocument.Parse(alert.Body).RootElement)
            .Select(alert => (alert.TryGetProperty("subject", out _), alert.GetProperty("data").GetProperty("fault").GetString(), alert.GetProperty("data").GetProperty("count").GetInt32()));
        Assert.Equal([(false, "stamp-missing", 1), (false, "stamp-missing", 60), (false, "stamp-missing", 120), (false, "stamp-missing", 240), (false, "stamp-missing", 480)], counts);
        Assert.Equal(1000, _world.Refusals().Count);
    }

    [Fact]
    public async Task An_alert_is_a_cloud_event_whose_id_is_a_function_of_its_cause()
    {
        await Deliver([Sent.Created("d-1", World.Profile), new() { Body = "{"u8.ToArray() }]);
        var sent = Assert.Single(_world.Alerts.Events);
        var alert = JsonDocument.Parse(sent.Body).RootElement;
        Assert.Equal("1.0", alert.GetProperty("specversion").GetString());
        Assert.Equal("/hubs/telemetry/partitions/3", alert.GetProperty("source").GetString());
        Assert.Equal("serverless.telemetry.events-refused", alert.GetProperty("type").GetString());
        Assert.Equal("application/json", alert.GetProperty("datacontenttype").GetString());
        Assert.Equal(Sent.Noon, alert.GetProperty("time").GetDateTimeOffset());
        Assert.Equal(sent.MessageId, alert.GetProperty("id").GetString());
        // sha256("telemetry-alert-1\nevents-refused\nd-1\n3\n2\n"), first half: an id once given must never change.
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("telemetry-alert-1\nevents-refused\nd-1\n3\n2\n"u8)[..16]), sent.MessageId);
        Assert.Equal("application/cloudevents+json; charset=utf-8", sent.ContentType);
        Assert.Equal("d-1", sent.PartitionKey);
    }

    [Fact]
    public async Task An_accepted_event_says_where_it_comes_from()
    {
        await Deliver([Sent.Created("d-1", World.Profile), new() { Body = Sent.Message(7, "\"n\":1.50") }]);
        var one = Assert.Single(_world.Validated.Events);
        Assert.Equal(("d-1", "3-2", "application/json"), (one.PartitionKey, one.MessageId, one.ContentType));
        Assert.Equal("""{"deviceId":"d-1","messageId":"m7","sentAt":"2026-06-01T12:00:00.000Z","sequence":7,"metrics":{"n":1.50}}""", Encoding.UTF8.GetString(one.Body.Span));
        Assert.Equal(
            "device-id=d-1 enqueued-at=2026-06-01T12:00:00.0000000Z generation-id=1 notes=1 profile=test@1 source-partition=3 source-sequence=2",
            string.Join(' ', one.ApplicationProperties!.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}")));
    }

    private async Task Deliver(IReadOnlyList<Sent> events) => await World.Deliver(_world.Process(), [.. events.Select(one => one with { Sequence = ++_sequence })]);
}
