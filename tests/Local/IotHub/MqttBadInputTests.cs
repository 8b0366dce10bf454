using System.Text;
using FsCheck.Fluent;
using MQTTnet.Protocol;
using Serverless.Local.IotHub;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Bytes and packets a hostile or broken device sends. The answer is a closed connection and a counted reason.</summary>
public sealed class MqttBadInputTests
{
    public static TheoryData<string, byte[]> BeforeConnect() => new()
    {
        { "packet-malformed", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: hub\r\n\r\n") },
        { "packet-malformed", [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F] }, // five bytes of length
        { "packet-malformed", [0x00, 0x00] },
        { "packet-malformed", [0x1F, 0x02, 0x00, 0x00] }, // reserved flags
        { "packet-size", [0x10, 0x80, 0x80, 0x80, 0x20] }, // 64 MB announced
        { "packet-size", [0x10, 0xFF, 0xFF, 0xFF, 0x7F] }, // 256 MB announced
        { "protocol-version", [0x10, 0x02, 0x00, 0x04] }, // cut off inside its own fields
        { "connect-expected", [0xC0, 0x00] },
        { "connect-expected", RawDevice.PublishPacket("devices/dev-1/messages/events/", [1]) },
    };

    [Theory]
    [MemberData(nameof(BeforeConnect))]
    public async Task What_is_no_connect_closes_the_socket(string fault, byte[] bytes)
    {
        await using var hub = await HubFixture.Start();
        await using var device = await RawDevice.Open(hub);

        await device.Send(bytes);
        var answer = await device.ReadToClose();

        Assert.Equal(fault == "protocol-version" ? [0x20, 0x02, 0x00, 0x01] : [], answer);
        Assert.Equal((fault, 1), (fault, hub.Refusals(fault)));
    }

    [Theory]
    [InlineData(5, "MQTT")]
    [InlineData(3, "MQIsdp")]
    [InlineData(4, "mqtt")]
    public async Task Other_protocol_versions_are_answered_with_connack_1(byte level, string name)
    {
        await using var hub = await HubFixture.Start();
        await using var device = await RawDevice.Open(hub);

        await device.Send(RawDevice.ConnectPacket(hub, "dev-1", level, name));

        Assert.Equal([0x20, 0x02, 0x00, 0x01], await device.ReadToClose());
        Assert.Equal(1, hub.Refusals("protocol-version"));
    }

    [Fact]
    public async Task A_socket_that_says_nothing_is_closed_after_its_time()
    {
        await using var hub = await HubFixture.Start(options => options with { ConnectTimeout = TimeSpan.FromMilliseconds(200) });
        await using var device = await RawDevice.Open(hub);

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Refusals("connect-timeout"));
    }

    public static TheoryData<string, string, byte[]> AfterConnect() => new()
    {
        { "a second CONNECT", "packet-malformed", RawDevice.Packet(0x10, [0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 0xFF]) },
        { "a server's packet", "packet-unexpected", [0x20, 0x02, 0x00, 0x00] },
        { "QoS 2", "publish-qos2", RawDevice.PublishPacket("devices/dev-1/messages/events/", [1], 0x34) },
        { "QoS 3", "packet-malformed", RawDevice.PublishPacket("devices/dev-1/messages/events/", [1], 0x36) },
        { "another device's topic", "topic-unknown", RawDevice.PublishPacket("devices/dev-2/messages/events/", [1]) },
        { "a longer id", "topic-unknown", RawDevice.PublishPacket("devices/dev-11/messages/events/", [1]) },
        { "a made-up topic", "topic-unknown", RawDevice.PublishPacket("hello/world", [1]) },
        { "an empty topic", "topic-unknown", RawDevice.PublishPacket("", [1]) },
        { "a near miss", "topic-unknown", RawDevice.PublishPacket("devices/dev-1/messages/eventsx", [1]) },
        { "its own inbox", "topic-unknown", RawDevice.PublishPacket("devices/dev-1/messages/devicebound/", [1]) },
        { "a NUL in the topic", "topic-unknown", RawDevice.PublishPacket("devices/dev-1/messages/events/a\0=b", [1]) },
        { "ill-formed UTF-8", "topic-unknown", RawDevice.Packet(0x30, [0, 3, 0xC3, 0x28, 0x41, 1]) },
        { "a twin request without id", "topic-unknown", RawDevice.PublishPacket("$iothub/twin/GET/", []) },
        { "a method answer without status", "topic-unknown", RawDevice.PublishPacket("$iothub/methods/res/x/?$rid=1", []) },
        { "SUBSCRIBE without filters", "packet-malformed", RawDevice.Packet(0x82, [0, 1]) },
        { "wrong flags", "packet-malformed", RawDevice.Packet(0x80, [0, 1, 0, 1, 0x61, 0]) },
        { "a topic longer than the packet", "packet-malformed", RawDevice.Packet(0x30, [0xFF, 0xFF, 0x61]) },
        { "64 MB announced", "packet-size", [0x30, 0x80, 0x80, 0x80, 0x20] },
        { "garbage", "packet-malformed", [0xF0, 0x9F, 0x92, 0xA9] },
    };

    [Theory]
    [MemberData(nameof(AfterConnect))]
    public async Task What_the_hub_does_not_take_ends_the_session(string what, string fault, byte[] bytes)
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);

        await device.Send(bytes);

        Assert.Empty(await device.ReadToClose());
        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        Assert.Equal((what, fault, 1), (what, fault, hub.Cuts(fault)));
        Assert.Empty(hub.Route.Telemetry);
    }

    [Theory]
    [InlineData(HubLimits.TelemetryBytesMax, 0, true)]
    [InlineData(HubLimits.TelemetryBytesMax + 1, 0, false)]
    [InlineData(HubLimits.TelemetryBytesMax - 5, 5, true)]
    [InlineData(HubLimits.TelemetryBytesMax - 4, 5, false)]
    [InlineData(0, 5, true)]
    public async Task A_message_may_have_256_kb_properties_included(int body, int properties, bool accepted)
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        var bag = properties == 0 ? "" : "k=" + new string('v', properties - 1);

        await device.Send(RawDevice.PublishPacket("devices/dev-1/messages/events/" + bag, new byte[body], 0x32));

        if (accepted)
        {
            Assert.Equal([0x40, 0x02, 0x00, 0x07], await device.Read(4));
            Assert.Equal(body, Assert.Single(hub.Route.Telemetry).Body.Length);
        }
        else
        {
            Assert.Empty(await device.ReadToClose());
            Assert.Equal(1, hub.Cuts("message-size"));
            Assert.Empty(hub.Route.Telemetry);
        }
    }

    [Fact]
    public async Task A_will_is_telemetry_when_the_device_vanishes_and_nothing_when_it_says_goodbye()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        MQTTnet.MqttClientOptionsBuilder WithWill(string topic) => hub.Options("dev-1", certificate).WithWillTopic(topic).WithWillPayload("gone").WithWillRetain();

        var (polite, _) = await hub.Connect(WithWill("devices/dev-1/messages/events/a=b"));
        await polite.DisconnectAsync(new MQTTnet.MqttClientDisconnectOptions(), RawDevice.Cancel);
        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        Assert.Empty(hub.Route.Telemetry);

        var (dropped, _) = await hub.Connect(WithWill("devices/dev-1/messages/events/a=b"));
        dropped.Dispose();
        var will = Assert.Single(await Eventually.Get(() => hub.Route.Telemetry, telemetry => telemetry.Count > 0));
        Assert.Equal("Will", will.ApplicationProperties!["iothub-MessageType"]);
        Assert.Equal("b", will.ApplicationProperties["a"]);
        Assert.Equal("true", will.ApplicationProperties["mqtt-retain"]);

        var (_, code) = await hub.Connect(WithWill("devices/dev-2/messages/events/"));
        Assert.Equal(MQTTnet.MqttClientConnectResultCode.NotAuthorized, code);
        Assert.Equal(1, hub.Refusals("will-topic"));
    }

    [Fact]
    public async Task A_retained_message_is_marked_and_not_kept()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var device = await hub.ConnectDevice("dev-1", certificate);

        await device.PublishAsync(TelemetryTests.Message("devices/dev-1/messages/events/", "x", MqttQualityOfServiceLevel.AtLeastOnce, retain: true), RawDevice.Cancel);

        Assert.Equal("true", Assert.Single(hub.Route.Telemetry).ApplicationProperties!["mqtt-retain"]);
    }

    [Fact]
    public async Task Hostile_bytes_end_a_session_for_a_counted_reason_and_never_stop_the_hub()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        // Heads that frame the body, half of them with legal flags, make the generator reach every decoder and not only the framing.
        var heads = Gen.OneOf(ArbMap.Default.GeneratorFor<byte>(), Gen.Elements<byte>(0x30, 0x32, 0x40, 0x50, 0x62, 0x70, 0x82, 0xA2, 0xC0, 0x10));
        const int Tries = 120;

        foreach (var (first, body) in Gen.Zip(heads, ArbMap.Default.GeneratorFor<byte[]>()).Sample(Tries, 30))
        {
            await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
            await device.Send([.. RawDevice.Packet(first, body), 0xE0, 0x00]);
            await device.ReadToClose();
        }

        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        var ends = hub.Service.Counters.Snapshot().Where(pair => pair.Key.StartsWith("sessions.", StringComparison.Ordinal)).ToDictionary();
        Assert.Equal(Tries, ends.Values.Sum());
        Assert.True(hub.Cuts("packet-malformed") > 0, "the generator reached no refusal");
        Assert.True(ends.ContainsKey("sessions.closed"), "the generator reached no accepted packet"); // a ping, an acknowledgement
        Assert.True(hub.Cuts("route-failed") == 0, "a decoder threw");
        await hub.ConnectDevice("dev-1", certificate);
    }

    [Fact]
    public async Task Hostile_bytes_in_a_connect_are_refused_for_a_counted_reason()
    {
        await using var hub = await HubFixture.Start(options => options with { ConnectTimeout = TimeSpan.FromMilliseconds(300) });
        const int Tries = 60;

        foreach (var body in ArbMap.Default.GeneratorFor<byte[]>().Sample(Tries, 60))
        {
            await using var device = await RawDevice.Open(hub);
            await device.Send(RawDevice.Packet(0x10, [0, 4, .. "MQTT"u8, 4, .. body]));
            await device.ReadToClose();
        }

        var refusals = hub.Service.Counters.Snapshot().Where(pair => pair.Key.StartsWith("connects.refused.", StringComparison.Ordinal)).Sum(pair => pair.Value);
        Assert.Equal(Tries, refusals);
    }
}
