using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using MQTTnet;
using MQTTnet.Protocol;
using Serverless.Local.IotHub;

namespace Serverless.Local.Tests.IotHub;

/// <summary>What passes between service and device: twins, methods, messages.</summary>
public sealed class DeviceTalkTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_device_reads_its_twin_reports_and_hears_of_desired_changes()
    {
        await using var hub = await HubFixture.Start();
        var device = await Talker.Open(hub, "dev-1", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#");

        await device.Publish("$iothub/twin/GET/?$rid=a1", "");
        var (topic, twin) = await device.Next();
        Assert.Equal("$iothub/twin/res/200/?$rid=a1", topic);
        Assert.Equal("""{"desired":{"$version":1},"reported":{"$version":1}}""", twin);

        await device.Publish("$iothub/twin/PATCH/properties/reported/?$rid=a2", """{"fw":{"version":"1.2","slot":"a"},"up":5}""");
        Assert.Equal(("$iothub/twin/res/204/?$rid=a2&$version=2", ""), await device.Next());
        await device.Publish("$iothub/twin/PATCH/properties/reported/?$rid=a3", """{"fw":{"slot":null},"up":null}""");
        Assert.Equal("$iothub/twin/res/204/?$rid=a3&$version=3", (await device.Next()).Topic);

        Assert.Equal(200, (await hub.Call("PATCH", "/twins/dev-1", """{"properties":{"desired":{"mode":"quarantine","old":null}}}""")).Status);
        Assert.Equal(("$iothub/twin/PATCH/properties/desired/?$version=2", """{"mode":"quarantine","old":null,"$version":2}"""), await device.Next());

        var seen = (await hub.Call("GET", "/twins/dev-1")).Json["properties"]!;
        Assert.Equal("""{"version":"1.2"}""", seen["reported"]!["fw"]!.ToJsonString());
        Assert.Null(seen["reported"]!["up"]);
        Assert.Equal((3, 2), ((int)seen["reported"]!["$version"]!, (int)seen["desired"]!["$version"]!));
        Assert.NotNull(seen["reported"]!["$metadata"]!["fw"]!["version"]!["$lastUpdated"]);
        Assert.Null(seen["reported"]!["$metadata"]!["up"]);
        var changes = hub.Route.Events.Where(draft => RecordingRoute.Source(draft) == "twinChangeEvents").ToArray();
        Assert.Equal(["updateTwin", "updateTwin", "updateTwin"], changes.Select(RecordingRoute.OpType));
        Assert.Equal("1.2", (string?)JsonNode.Parse(changes[0].Body.Span)!["properties"]!["reported"]!["fw"]!["version"]);
        Assert.Equal("quarantine", (string?)JsonNode.Parse(changes[2].Body.Span)!["properties"]!["desired"]!["mode"]);
    }

    public static TheoryData<string, int> Reports() => new()
    {
        { "not json", 400 },
        { "[1]", 400 },
        { """{"a":1,"a":2}""", 400 },
        { """{"a.b":1}""", 400 },
        { """{"$a":1}""", 400 },
        { """{"a b":1}""", 400 },
        { """{"":1}""", 400 },
        { $$"""{"s":"{{new string('x', HubLimits.TwinStringBytesMax)}}"}""", 204 },
        { $$"""{"s":"{{new string('x', HubLimits.TwinStringBytesMax + 1)}}"}""", 400 },
        { Nested(HubLimits.TwinDepthMax), 204 },
        { Nested(HubLimits.TwinDepthMax + 1), 400 },
        { Nested(40), 400 },
        { Sized(HubLimits.PropertiesBytesMax), 204 },
        { Sized(HubLimits.PropertiesBytesMax + 1), 413 },
    };

    [Theory]
    [MemberData(nameof(Reports))]
    public async Task Reported_properties_are_bounded_in_names_values_depth_and_size(string body, int status)
    {
        await using var hub = await HubFixture.Start();
        var device = await Talker.Open(hub, "dev-1", "$iothub/twin/res/#");

        await device.Publish("$iothub/twin/PATCH/properties/reported/?$rid=1", body);

        Assert.StartsWith($"$iothub/twin/res/{status}/?$rid=1", (await device.Next()).Topic, StringComparison.Ordinal);
        Assert.Equal(status == 204 ? 2 : 1, (int)(await hub.Call("GET", "/twins/dev-1")).Json["properties"]!["reported"]!["$version"]!);
    }

    [Fact]
    public async Task A_method_reaches_the_device_and_its_answer_the_caller()
    {
        await using var hub = await HubFixture.Start();
        var device = await Talker.Open(hub, "dev-1", "$iothub/methods/POST/#");

        var calling = hub.Call("POST", "/twins/dev-1/methods", """{"methodName":"reboot","payload":{"in":5},"responseTimeoutInSeconds":10}""");
        var (topic, payload) = await device.Next();
        Assert.StartsWith("$iothub/methods/POST/reboot/?$rid=", topic, StringComparison.Ordinal);
        Assert.Equal("""{"in":5}""", payload);
        await device.Publish(topic.Replace("POST/reboot", "res/202", StringComparison.Ordinal), """{"ok":true}""");

        var answer = await calling;
        Assert.Equal((200, """{"status":202,"payload":{"ok":true}}"""), (answer.Status, answer.Json.ToJsonString()));
    }

    [Fact]
    public async Task A_device_cannot_answer_for_another()
    {
        await using var hub = await HubFixture.Start();
        var victim = await Talker.Open(hub, "victim", "$iothub/methods/POST/#");
        var thief = await Talker.Open(hub, "thief");

        var calling = hub.Call("POST", "/twins/victim/methods", """{"methodName":"m","responseTimeoutInSeconds":5}""");
        var (topic, _) = await victim.Next();
        await thief.Publish(topic.Replace("POST/m", "res/200", StringComparison.Ordinal), "\"forged\"");
        await victim.Publish(topic.Replace("POST/m", "res/200", StringComparison.Ordinal), "\"true\"");

        Assert.Equal("true", (string?)(await calling).Json["payload"]);
    }

    [Fact]
    public async Task A_method_to_a_device_that_is_offline_or_deaf_or_silent_says_so()
    {
        await using var hub = await HubFixture.Start();
        var device = await Talker.Open(hub, "dev-1");
        const string Call = """{"methodName":"m","responseTimeoutInSeconds":5}""";

        (await hub.Call("POST", "/twins/nobody/methods", Call)).IsError(404, "DeviceNotFound");
        (await hub.Call("POST", "/twins/dev-1/methods", Call)).IsError(404, "DeviceNotOnline"); // connected, not listening
        var waiting = hub.Call("POST", "/twins/dev-1/methods", """{"methodName":"m","responseTimeoutInSeconds":5,"connectTimeoutInSeconds":30}""");
        await device.Subscribe("$iothub/methods/POST/#");
        Assert.StartsWith("$iothub/methods/POST/m/", (await device.Next()).Topic, StringComparison.Ordinal); // it waited for the device
        (await waiting).IsError(504, "GatewayTimeout"); // device-no-answer
        var broken = hub.Call("POST", "/twins/dev-1/methods", Call);
        await device.Publish((await device.Next()).Topic.Replace("POST/m", "res/200", StringComparison.Ordinal), "{not json");
        (await broken).IsError(502, "BadDeviceResponse"); // device-answer
        foreach (var bad in new[]
        {
            """{}""", """{"methodName":""}""", """{"methodName":"a/b"}""", """{"methodName":"m","responseTimeoutInSeconds":4}""", """{"methodName":"m","responseTimeoutInSeconds":301}""",
            """{"methodName":"m","connectTimeoutInSeconds":301}""", """{"methodName":"m","connectTimeoutInSeconds":"1"}""", "[]", "",
        })
        {
            (await hub.Call("POST", "/twins/dev-1/methods", bad)).IsError(400, "ArgumentInvalid");
        }

        (await hub.Call("POST", "/twins/dev-1/methods", $$"""{"methodName":"m","payload":"{{new string('x', HubLimits.MethodBytesMax)}}"}""")).IsError(413, "MessageTooLarge");
    }

    [Fact]
    public async Task Messages_wait_for_the_device_arrive_in_order_and_are_gone_when_acknowledged()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        foreach (var text in new[] { "one", "two" }) Assert.Equal(204, (await Send(hub, text, ("iothub-messageid", "m-" + text), ("iothub-app-k e".Replace(" ", "", StringComparison.Ordinal), "v&w"))).Status);
        Assert.Equal(2, (int)(await hub.Call("GET", "/devices/dev-1")).Json["cloudToDeviceMessageCount"]!);

        var device = await Talker.Open(hub, "dev-1", certificate, "devices/dev-1/messages/devicebound/#");

        var (topic, body) = await device.Next();
        Assert.Equal("one", body);
        Assert.Equal("devices/dev-1/messages/devicebound/%24.to=%2Fdevices%2Fdev-1%2Fmessages%2Fdevicebound&%24.mid=m-one&%24.ct=application%2Fjson%3B%20charset%3Dutf-8&ke=v%26w", topic);
        Assert.Equal("two", (await device.Next()).Body);
        await Send(hub, "three");
        Assert.Equal("three", (await device.Next()).Body);
        await Eventually.Holds(() => hub.Service.Counters["c2d.completed"] == 3);
        Assert.Equal(0, (int)(await hub.Call("GET", "/devices/dev-1")).Json["cloudToDeviceMessageCount"]!);
    }

    [Fact]
    public async Task A_message_the_device_did_not_acknowledge_comes_again_and_the_fiftyfirst_is_refused()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        for (var i = 0; i < HubLimits.CloudToDeviceQueueMax; i++) Assert.Equal(204, (await Send(hub, $"{i}")).Status);
        (await Send(hub, "too many")).IsError(403, "DeviceMaximumQueueDepthExceeded"); // queue-full

        await using (var deaf = await RawDevice.Connect(hub, "dev-1", certificate))
        {
            await deaf.Send(RawDevice.Packet(0x82, [0, 1, .. RawDevice.Text("devices/dev-1/messages/devicebound/#"), 1]));
            await Eventually.Holds(() => hub.Service.Counters["c2d.delivered"] == 50);
        }

        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        var device = await Talker.Open(hub, "dev-1", certificate, "devices/dev-1/messages/devicebound/#");
        for (var i = 0; i < HubLimits.CloudToDeviceQueueMax; i++) Assert.Equal($"{i}", (await device.Next()).Body);

        await Eventually.Holds(() => hub.Service.Counters["c2d.completed"] == 50);
        (await hub.Call("POST", "/messages/deviceBound", "x", null, ("iothub-to", "/devices/nobody/messages/deviceBound"))).IsError(404, "DeviceNotFound");
        (await hub.Call("POST", "/messages/deviceBound", "x", null, ("iothub-to", "dev-1"))).IsError(400, "ArgumentInvalid");
        (await hub.Call("POST", "/messages/deviceBound", new string('x', HubLimits.CloudToDeviceBytesMax), null, ("iothub-to", "/devices/dev-1/messages/deviceBound"))).IsError(413, "MessageTooLarge");
    }

    [Fact]
    public async Task A_queue_can_be_purged_and_expired_messages_are_dropped()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await Send(hub, "a");
        await Send(hub, "b");
        var purged = await hub.Call("DELETE", "/devices/dev-1/commands");
        Assert.Equal(2, (int)purged.Json["totalMessagesPurged"]!);
        await Send(hub, "late", ("iothub-expiry", "2020-01-01T00:00:00Z"));
        await Send(hub, "good");

        var device = await Talker.Open(hub, "dev-1", certificate, "devices/dev-1/messages/devicebound/#");

        Assert.Equal("good", (await device.Next()).Body);
    }

    private static Task<HubAnswer> Send(HubFixture hub, string text, params (string Name, string Value)[] headers) =>
        hub.Call("POST", "/messages/deviceBound", text, null, [("iothub-to", "/devices/dev-1/messages/deviceBound"), .. headers]);

    private static string Nested(int depth) => string.Concat(Enumerable.Repeat("""{"a":""", depth)) + "1" + new string('}', depth);

    // Compact JSON of exactly this many bytes, from strings within their own limit.
    private static string Sized(int bytes)
    {
        var text = new StringBuilder("{");
        for (var i = 0; i < 8; i++) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\"k{i}\":\"{new string('x', 4000)}\",");
        text.Append("\"end\":\"");
        return text.Append('x', bytes - text.Length - 2).Append("\"}").ToString();
    }

    /// <summary>A device that keeps what it hears.</summary>
    private sealed class Talker(IMqttClient client)
    {
        private readonly ConcurrentQueue<(string Topic, string Body)> _heard = new();

        public static Task<Talker> Open(HubFixture hub, string deviceId, params string[] filters) => Open(hub, deviceId, hub.CreatePinned(deviceId), filters);

        public static async Task<Talker> Open(HubFixture hub, string deviceId, System.Security.Cryptography.X509Certificates.X509Certificate2 certificate, params string[] filters)
        {
            var client = await hub.ConnectDevice(deviceId, certificate);
            var talker = new Talker(client);
            client.ApplicationMessageReceivedAsync += message =>
            {
                talker._heard.Enqueue((message.ApplicationMessage.Topic, message.ApplicationMessage.ConvertPayloadToString() ?? ""));
                return Task.CompletedTask;
            };
            foreach (var filter in filters) await talker.Subscribe(filter);
            return talker;
        }

        public Task<MqttClientSubscribeResult> Subscribe(string filter) => client.SubscribeAsync(filter, MqttQualityOfServiceLevel.AtLeastOnce, Cancel);

        public Task<MqttClientPublishResult> Publish(string topic, string body) => client.PublishAsync(TelemetryTests.Message(topic, body), Cancel);

        public async Task<(string Topic, string Body)> Next()
        {
            await Eventually.Holds(() => !_heard.IsEmpty);
            Assert.True(_heard.TryDequeue(out var next));
            return next;
        }
    }
}
