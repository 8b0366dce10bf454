using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Local.Provisioning.Devices;
using Serverless.Local.Tests.IotHub;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The device API over MQTT: what it does, and what a hostile or broken device gets: a closed connection and a counted reason.</summary>
public sealed class DeviceMqttTests
{
    private const string Register = "$dps/registrations/PUT/iotdps-register/?$rid=7";

    [Fact]
    public async Task A_registration_is_answered_on_the_documented_topics()
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { RetryAfter = TimeSpan.FromSeconds(3) });
        using var leaf = await dps.Enroll("pump-1");
        await using var device = await RawRegistrant.Connect(dps, "pump-1", leaf);

        await device.Publish(Register, """{"registrationId":"pump-1"}""");
        var (topic, body) = await device.Next();
        Assert.Equal(("$dps/registrations/res/202/?$rid=7&retry-after=3", "assigning"), (topic, (string?)body["status"]));
        var operation = (string)body["operationId"]!;
        await Eventually.Holds(() => dps.Service.Counters["registrations.assigned"] == 1);
        await device.Publish($"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=8&operationId={operation}", " ");

        (topic, body) = await device.Next();
        Assert.Equal(("$dps/registrations/res/200/?$rid=8", "assigned", operation), (topic, (string?)body["status"], (string?)body["operationId"]));
        Assert.Equal("initialAssignment", (string?)body["registrationState"]!["substatus"]);
        await device.Send(0xE0, 0x00);
        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, dps.Service.Counters["sessions.closed"]);
    }

    [Theory]
    [InlineData("user-name", "no version", "S/registrations/dev-1", null, (byte)0x82)]
    [InlineData("user-name", "a hub's name", "hub-a.azure-devices.net/dev-1/?api-version=2021-04-12", null, (byte)0x82)]
    [InlineData("user-name", "another word", "S/registration/dev-1/api-version=1", null, (byte)0x82)]
    [InlineData("scope-unknown", "another service", "0ne00000000/registrations/dev-1/api-version=1", null, (byte)0x82)]
    [InlineData("registration-id", "a bad id", "S/registrations/dev 1/api-version=1", null, (byte)0x82)]
    [InlineData("client-id", "another id", null, "dev-2", (byte)0x82)]
    [InlineData("client-id", "a longer id", null, "dev-11", (byte)0x82)]
    [InlineData("will-topic", "a will", null, null, (byte)0x86)]
    public async Task A_connect_is_not_authorized_for(string fault, string what, string? userName, string? clientId, byte flags)
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using var device = await RawRegistrant.Open(dps, leaf);

        await device.Send(RawRegistrant.Connect(dps.Service.IdScope, "dev-1", userName?.Replace("S/", dps.Service.IdScope + "/", StringComparison.Ordinal), clientId, flags));

        Assert.Equal([0x20, 0x02, 0x00, 0x05], await device.ReadToClose());
        Assert.Equal((what, fault, 1), (what, fault, dps.Count("connects.refused", fault)));
    }

    [Fact]
    public async Task A_connect_shows_something_as_a_proof()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var device = await RawRegistrant.Open(dps);

        await device.Send(RawRegistrant.Connect(dps.Service.IdScope, "dev-1"));

        Assert.Equal([0x20, 0x02, 0x00, 0x05], await device.ReadToClose());
        Assert.Equal(1, dps.Count("connects.refused", "credentials-missing"));
    }

    public static TheoryData<string, byte[]> BeforeConnect() => new()
    {
        { "packet-malformed", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: dps\r\n\r\n") },
        { "packet-malformed", [0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F] },
        { "packet-size", [0x10, 0x81, 0x40] }, // 8,193 bytes announced
        { "packet-size", [0x10, 0xFF, 0xFF, 0xFF, 0x7F] }, // 256 MB announced
        { "protocol-version", [0x10, 0x02, 0x00, 0x04] },
        { "connect-expected", [0xC0, 0x00] },
        { "connect-expected", RawDevice.PublishPacket(Register, [0x7B, 0x7D]) },
    };

    [Theory]
    [MemberData(nameof(BeforeConnect))]
    public async Task What_is_no_connect_closes_the_socket(string fault, byte[] bytes)
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var device = await RawRegistrant.Open(dps);

        await device.Send(bytes);

        Assert.Equal(fault == "protocol-version" ? [0x20, 0x02, 0x00, 0x01] : [], await device.ReadToClose());
        Assert.Equal((fault, 1), (fault, dps.Count("connects.refused", fault)));
    }

    [Fact]
    public async Task A_socket_that_stalls_before_connect_is_closed_after_its_time()
    {
        await using var dps = await ProvisioningFixture.Start(options => options with { ConnectTimeout = TimeSpan.FromMilliseconds(200) });
        await using var device = await RawRegistrant.Open(dps);

        await device.Send(0x10, 0x40, 0x00); // and no more

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, dps.Count("connects.refused", "connect-timeout"));
    }

    [Fact]
    public async Task A_device_that_falls_silent_is_cut_after_one_and_a_half_keep_alives()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using var device = await RawRegistrant.Open(dps, leaf);
        await device.Send(RawRegistrant.Connect(dps.Service.IdScope, "dev-1", keepAlive: 1));
        await device.Read(4);

        await device.Send(0x30, 0x7F, 0x00); // the beginning of a packet is no sign of life

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, dps.Count("sessions.cut", "keep-alive"));
    }

    public static TheoryData<string, string, byte[]> AfterConnect() => new()
    {
        { "a second CONNECT", "packet-unexpected", RawRegistrant.Connect("0ne0010CA10", "dev-1") },
        { "a server's packet", "packet-unexpected", [0x20, 0x02, 0x00, 0x00] },
        { "QoS 2", "publish-qos2", RawDevice.PublishPacket(Register, [0x7B, 0x7D], 0x34) },
        { "QoS 3", "packet-malformed", RawDevice.PublishPacket(Register, [0x7B, 0x7D], 0x36) },
        { "a hub's topic", "topic-unknown", RawDevice.PublishPacket("devices/dev-1/messages/events/", [1]) },
        { "no request id", "topic-unknown", RawDevice.PublishPacket("$dps/registrations/PUT/iotdps-register/", [0x7B, 0x7D]) },
        { "two request ids", "topic-unknown", RawDevice.PublishPacket(Register + "&$rid=8", [0x7B, 0x7D]) },
        { "a wildcard as request id", "topic-unknown", RawDevice.PublishPacket(Register + "/#", [0x7B, 0x7D]) },
        { "another verb", "topic-unknown", RawDevice.PublishPacket("$dps/registrations/DELETE/iotdps-register/?$rid=1", [0x7B, 0x7D]) },
        { "a poll without operation", "topic-unknown", RawDevice.PublishPacket("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1", []) },
        { "its own inbox", "topic-unknown", RawDevice.PublishPacket("$dps/registrations/res/200/?$rid=1", []) },
        { "a NUL in the topic", "topic-unknown", RawDevice.PublishPacket(Register + "\0", []) },
        { "SUBSCRIBE without filters", "packet-malformed", RawDevice.Packet(0x82, [0, 1]) },
        { "more than 96 KB", "packet-size", [0x30, 0x81, 0x88, 0x06] }, // 97 KB and one byte announced
        { "garbage", "packet-malformed", [0xF0, 0x9F, 0x92, 0xA9] },
    };

    [Theory]
    [MemberData(nameof(AfterConnect))]
    public async Task What_the_service_does_not_take_ends_the_session(string what, string fault, byte[] bytes)
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using var device = await RawRegistrant.Connect(dps, "dev-1", leaf);

        await device.Send(bytes);

        Assert.Empty(await device.ReadToClose());
        Assert.Equal((what, fault, 1), (what, fault, dps.Count("sessions.cut", fault)));
        Assert.Equal(0, dps.Hubs.Sum(hub => hub.DeviceCount));
    }

    [Fact]
    public async Task A_connection_that_breaks_is_counted_and_what_it_began_goes_on()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using (var device = await RawRegistrant.Connect(dps, "dev-1", leaf)) await device.Publish(Register, "{}");

        await Eventually.Holds(() => dps.Count("sessions.cut", "connection-closed") == 1);
        await Eventually.Holds(() => dps.Service.Counters["registrations.assigned"] == 1);
    }

    [Fact]
    public async Task Only_the_answers_can_be_listened_to_at_qos_1_at_most()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var device = await RawRegistrant.Connect(dps, "dev-1", listens: false);

        Assert.Equal(0x80, (await device.Subscribe("#", 0))[4]);
        Assert.Equal(0x80, (await device.Subscribe("$dps/registrations/res/+/#", 0))[4]);
        Assert.Equal(0x80, (await device.Subscribe("devices/dev-1/messages/devicebound/#", 1))[4]);
        Assert.Equal(0x01, (await device.Subscribe("$dps/registrations/res/#", 2))[4]);
        await device.Send(0xC0, 0x00);
        Assert.Equal([0xD0, 0x00], await device.Read(2));
    }

    [Fact]
    public async Task Who_does_not_listen_or_stops_listening_hears_nothing()
    {
        await using var dps = await ProvisioningFixture.Start();
        await using var device = await RawRegistrant.Connect(dps, "dev-1", listens: false);

        await device.Publish(Register, "{}"); // the wrong order: nobody hears the 401
        await device.Subscribe("$dps/registrations/res/#", 0);
        await device.Publish(Register.Replace("7", "8", StringComparison.Ordinal), "{}");
        Assert.Equal("$dps/registrations/res/401/?$rid=8", (await device.Next()).Topic);
        await device.Send(RawDevice.Packet(0xA2, [0, 6, .. RawDevice.Text("$dps/registrations/res/#")]));
        Assert.Equal([0xB0, 0x02, 0x00, 0x06], await device.Read(4));
        await device.Send(RawDevice.PublishPacket(Register, [0x7B, 0x7D], 0x32));
        Assert.Equal([0x40, 0x02, 0x00, 0x07], await device.Read(4)); // acknowledged, and no more
        await device.Send(0xC0, 0x00);
        Assert.Equal([0xD0, 0x00], await device.Read(2));
        Assert.Equal(3, dps.Count("registrations.refused", "certificate-chain"));
    }

    [Fact]
    public async Task What_a_request_says_wrong_is_answered_with_its_own_id_and_the_session_goes_on()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using var device = await RawRegistrant.Connect(dps, "dev-1", leaf);
        async Task<(string, int)> Ask(string topic, string body)
        {
            await device.Publish(topic, body);
            var (answer, error) = await device.Next();
            return (answer, (int)error["errorCode"]!);
        }

        Assert.Equal(("$dps/registrations/res/400/?$rid=a b", 400004), await Ask("$dps/registrations/PUT/iotdps-register/?$rid=a b", "no json"));
        Assert.Equal(("$dps/registrations/res/400/?$rid=2", 400004), await Ask("$dps/registrations/PUT/iotdps-register/?$rid=2", """{"registrationId":"dev-2"}"""));
        Assert.Equal(("$dps/registrations/res/404/?$rid=3", 404203), await Ask("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=3&operationId=5.0.x", ""));
        await device.Publish("$dps/registrations/PUT/iotdps-register/?$rid=4", "{}");
        Assert.StartsWith("$dps/registrations/res/202/", (await device.Next()).Topic, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_message_is_taken()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("dev-1");
        await using var device = await RawRegistrant.Connect(dps, "dev-1", leaf);

        await device.Publish(Register, "{\"payload\":\"" + new string('x', (96 * 1024) - 14) + "\"}");

        Assert.StartsWith("$dps/registrations/res/202/", (await device.Next()).Topic, StringComparison.Ordinal);
    }

    [Fact]
    public void No_topic_throws_and_a_request_id_comes_back_as_sent()
    {
        Prop.ForAll<string>(text => DeviceTopic.Parse(text ?? "").Fault?.Code is null or "topic-unknown").QuickCheckThrowOnFailure();
        Prop.ForAll<string>(text =>
        {
            var id = (text ?? "").Replace("&", "", StringComparison.Ordinal);
            var read = DeviceTopic.Parse("$dps/registrations/PUT/iotdps-register/?$rid=" + id);
            return id.AsSpan().ContainsAny(['\0', '\uFFFD', '#', '+']) ? read.Fault is not null : read.TryGet(out var topic, out _) && topic.RequestId == id;
        }).QuickCheckThrowOnFailure();
    }
}
