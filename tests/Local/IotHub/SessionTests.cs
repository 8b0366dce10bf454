using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using MQTTnet;
using MQTTnet.Protocol;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Tests.IotHub;

/// <summary>How long a connection lives, and what is told of it.</summary>
public sealed class SessionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_newer_connection_evicts_the_older_and_stays()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var older = await RawDevice.Connect(hub, "dev-1", certificate);

        var newer = await hub.ConnectDevice("dev-1", certificate);

        Assert.Empty(await older.ReadToClose());
        Assert.Equal(1, hub.Cuts("evicted"));
        await newer.PublishAsync(TelemetryTests.Message("devices/dev-1/messages/events/", "still here"), Cancel);
        Assert.Equal(1, hub.Service.ConnectedCount);
        Assert.Equal(["deviceConnected", "deviceDisconnected", "deviceConnected"], hub.Route.Events
            .Where(draft => RecordingRoute.Source(draft) == "deviceConnectionStateEvents").Select(RecordingRoute.OpType));
    }

    [Fact]
    public async Task Disabling_cuts_the_session_at_once_and_refuses_the_next_until_enabled()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);

        Assert.True(hub.Service.SetStatus("dev-1", DeviceStatus.Disabled, "incident 7").TryGet(out var disabled, out _));
        var eventsThen = hub.Route.Events.Count;

        Assert.Equal((DeviceStatus.Disabled, "incident 7"), (disabled.Status, disabled.StatusReason));
        Assert.Equal(0, hub.Service.ConnectedCount);
        Assert.Empty(await device.ReadToClose());
        var (_, refused) = await hub.Connect(hub.Options("dev-1", certificate));
        Assert.Equal(MqttClientConnectResultCode.NotAuthorized, refused);
        Assert.Equal((1, 1), (hub.Cuts("device-disabled"), hub.Refusals("device-disabled")));
        Assert.Equal(eventsThen, hub.Route.Events.Count); // a status change is no lifecycle event
        Assert.Null(hub.Service.SetStatus("dev-1", DeviceStatus.Enabled).Fault);
        await hub.ConnectDevice("dev-1", certificate);
    }

    [Fact]
    public async Task Nothing_a_device_sends_is_accepted_after_it_was_disabled()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        var packet = RawDevice.PublishPacket("devices/dev-1/messages/events/", [1]);
        var sending = Task.Run(
            async () =>
            {
                try
                {
                    while (true) await device.Send(packet);
                }
                catch (IOException)
                {
                    // Cut: what the test is about.
                }
            },
            Cancel);
        await Eventually.Holds(() => hub.Service.Counters["telemetry.accepted"] > 20);

        Assert.Null(hub.Service.SetStatus("dev-1", DeviceStatus.Disabled).Fault);
        var accepted = hub.Route.Telemetry.Count;

        await sending;
        Assert.Equal(accepted, hub.Route.Telemetry.Count);
    }

    [Fact]
    public async Task Deleting_cuts_the_session_and_a_new_device_of_the_same_id_has_a_new_generation()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        var before = hub.Service.Find("dev-1")!;

        Assert.Null(hub.Service.Delete("dev-1").Fault);

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Cuts("device-deleted"));
        Assert.Equal("device-not-found", hub.Service.Delete("dev-1").Fault?.Code);
        using var again = hub.CreatePinned("dev-1");
        Assert.NotEqual(before.GenerationId, hub.Service.Find("dev-1")!.GenerationId);
        Assert.Equal(["createDeviceIdentity", "deviceConnected", "deviceDisconnected", "deleteDeviceIdentity", "createDeviceIdentity"], hub.Route.Events.Select(RecordingRoute.OpType));
    }

    [Fact]
    public async Task Replacing_credentials_ends_a_session_that_was_opened_with_the_old_ones()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);

        var answer = await hub.Call("PUT", "/devices/dev-1", """{"deviceId":"dev-1","authentication":{"type":"certificateAuthority"}}""", null, ("If-Match", "*"));

        Assert.Equal(200, answer.Status);
        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Cuts("credentials-changed"));
    }

    [Theory]
    [InlineData(60, 90)]
    [InlineData(1177, 1765.5)]
    [InlineData(1200, 1767)] // the hub's cap
    [InlineData(0, 1767)]
    public async Task Silence_ends_a_session_after_one_and_a_half_keep_alives_or_the_cap(ushort keepAlive, double silenceSeconds)
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(wall: wall);
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Open(hub, certificate);
        await device.Send(RawDevice.ConnectPacket(hub, "dev-1", keepAlive: keepAlive));
        await device.Read(4);
        var almost = TimeSpan.FromSeconds(silenceSeconds - 0.1);

        wall.Advance(almost);
        await device.Send(0xC0, 0x00); // a ping counts as life
        Assert.Equal([0xD0, 0x00], await device.Read(2));
        await device.Send(0xC0, 0x00);
        Assert.Equal([0xD0, 0x00], await device.Read(2));
        wall.Advance(almost);
        Assert.Equal(1, hub.Service.ConnectedCount);
        wall.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Cuts("keep-alive"));
    }

    [Fact]
    public async Task A_session_opened_with_a_token_ends_with_the_token()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(wall: wall);
        Assert.True(hub.Service.Create(new DeviceSpec("sas", new DeviceCredentials(AuthenticationType.Sas))).TryGet(out var made, out _));
        var token = HubFixture.Sign($"{hub.Service.HostName}/devices/sas", made[0].Credentials.PrimaryKey!, wall.GetUtcNow().AddMinutes(10), null);
        var (_, code) = await hub.Connect(hub.Options("sas", null)
            .WithCredentials($"{hub.Service.HostName}/sas/?api-version=2021-04-12", System.Text.Encoding.UTF8.GetBytes(token)).WithKeepAlivePeriod(TimeSpan.FromMinutes(15)));
        Assert.Equal(MqttClientConnectResultCode.Success, code);

        wall.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(2));
        Assert.Equal(1, hub.Service.ConnectedCount);
        wall.Advance(TimeSpan.FromSeconds(3));

        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        Assert.Equal(1, hub.Cuts("token-expired"));
    }

    [Fact]
    public async Task A_device_that_does_not_read_is_cut_and_not_buffered_for()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        await device.Send(RawDevice.Packet(0x82, [0, 1, .. RawDevice.Text("$iothub/twin/PATCH/properties/desired/#"), 0]));
        Assert.Equal([0x90, 0x03, 0x00, 0x01, 0x00], await device.Read(5));
        var big = new JsonArray([.. Enumerable.Repeat(new string('x', 4000), 7).Select(text => JsonValue.Create(text))]);

        for (var i = 0; i < 5000 && hub.Cuts("slow-reader") == 0; i++)
        {
            Assert.Null(hub.Service.PatchTwin("dev-1", desired: new JsonObject { ["big"] = big.DeepClone() }).Fault);
        }

        await Eventually.Holds(() => hub.Cuts("slow-reader") == 1);
        Assert.Equal(0, hub.Service.ConnectedCount);
    }

    [Fact]
    public async Task A_connection_that_ends_without_goodbye_and_a_hub_that_stops_are_told_apart()
    {
        var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using (await RawDevice.Connect(hub, "dev-1", certificate))
        {
            Assert.Equal(1, hub.Service.ConnectedCount);
        }

        await Eventually.Holds(() => hub.Cuts("connection-closed") == 1);
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        await hub.DisposeAsync();

        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Cuts("hub-stopped"));
    }

    [Fact]
    public async Task A_route_that_fails_ends_the_session_unacknowledged_and_the_device_can_try_again()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        hub.Route.Fails = true;

        await device.Send(RawDevice.PublishPacket("devices/dev-1/messages/events/", [1], 0x32));
        Assert.Empty(await device.ReadToClose());
        Assert.Equal(1, hub.Cuts("route-failed"));

        var (willing, _) = await hub.Connect(hub.Options("dev-1", certificate).WithWillTopic("devices/dev-1/messages/events/").WithWillPayload("gone"));
        willing.Dispose(); // the will fails too, and the device is gone all the same
        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);

        hub.Route.Fails = false;
        await using var again = await RawDevice.Connect(hub, "dev-1", certificate);
        await again.Send(RawDevice.PublishPacket("devices/dev-1/messages/events/", [1], 0x32));
        Assert.Equal([0x40, 0x02, 0x00, 0x07], await again.Read(4));
    }

    [Fact]
    public async Task Five_subscriptions_are_granted_the_sixth_and_foreign_ones_are_refused()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var device = await hub.ConnectDevice("dev-1", certificate);
        async Task<MqttClientSubscribeResultCode> Ask(string filter, MqttQualityOfServiceLevel qos = MqttQualityOfServiceLevel.AtLeastOnce) =>
            (await device.SubscribeAsync(filter, qos, Cancel)).Items.Single().ResultCode;

        foreach (var foreign in new[] { "devices/dev-2/messages/devicebound/#", "#", "$iothub/#", "devices/+/messages/devicebound/#", "devices/dev-1/messages/events/#" })
        {
            Assert.Equal(MqttClientSubscribeResultCode.UnspecifiedError, await Ask(foreign));
        }

        Assert.Equal(MqttClientSubscribeResultCode.GrantedQoS1, await Ask("devices/dev-1/messages/devicebound/#", MqttQualityOfServiceLevel.ExactlyOnce));
        foreach (var filter in new[] { "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#", "devices/dev-1/messages/devicebound/" })
        {
            Assert.Equal(MqttClientSubscribeResultCode.GrantedQoS1, await Ask(filter));
        }

        Assert.Equal(MqttClientSubscribeResultCode.UnspecifiedError, await Ask("devices/%64ev-1/messages/devicebound/#"));
        Assert.Equal(MqttClientSubscribeResultCode.GrantedQoS0, await Ask("$iothub/twin/res/#", MqttQualityOfServiceLevel.AtMostOnce)); // asked again, not more
        await device.UnsubscribeAsync("$iothub/twin/res/#", Cancel);
        Assert.Equal(MqttClientSubscribeResultCode.GrantedQoS1, await Ask("devices/%64ev-1/messages/devicebound/#"));
    }

    [Fact]
    public async Task Subscriptions_outlive_a_connection_only_without_clean_session()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        async Task<(IMqttClient Client, bool Present)> Open(bool clean)
        {
            var client = new MqttClientFactory().CreateMqttClient();
            var result = await client.ConnectAsync(hub.Options("dev-1", certificate).WithCleanSession(clean).Build(), Cancel);
            return (client, result.IsSessionPresent);
        }

        var (first, present) = await Open(clean: false);
        Assert.False(present);
        await first.SubscribeAsync("$iothub/methods/POST/#", MqttQualityOfServiceLevel.AtMostOnce, Cancel);
        first.Dispose();
        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        (var second, present) = await Open(clean: false);
        Assert.True(present);
        second.Dispose();
        (var third, present) = await Open(clean: true);
        Assert.False(present);
        third.Dispose();
        await Eventually.Holds(() => hub.Service.ConnectedCount == 0);
        (var fourth, present) = await Open(clean: false);
        Assert.False(present);
        fourth.Dispose();
    }

    [Fact]
    public async Task The_hubs_own_events_have_the_documented_shape_and_rising_numbers()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.Authority.IssueDevice("x");
        Assert.Null(hub.Service.Create(new DeviceSpec("dev-1", DeviceCredentials.Pinned(certificate.GetCertHashString()), Tags: new JsonObject { ["model"] = "pump", ["profile"] = "pump-2" })).Fault);
        for (var i = 0; i < 3; i++) (await hub.ConnectDevice("dev-1", certificate)).Dispose();
        var events = await hub.Route.Until(all => all.Count(draft => draft.ApplicationProperties!["opType"] is "deviceDisconnected") == 3);

        var created = events[0];
        Assert.Equal("deviceLifecycleEvents", RecordingRoute.Source(created));
        Assert.Equal("pump-2", (string?)JsonNode.Parse(created.Body.Span)!["tags"]!["profile"]);
        Assert.Equal("AAAAAAAAAAE=", (string?)JsonNode.Parse(created.Body.Span)!["etag"]);
        foreach (var draft in events)
        {
            Assert.Equal("dev-1", draft.PartitionKey);
            Assert.Equal(["iothub-connection-device-id", "iothub-enqueuedtime", "iothub-message-source"], draft.Annotations!.Keys.Order());
            Assert.Equal(["deviceId", "hubName", "iothub-message-schema", "opType", "operationTimestamp"], draft.ApplicationProperties!.Keys.Order());
            Assert.Equal(("hub-a", "application/json", "utf-8"), (draft.Properties!.UserId, draft.Properties.ContentType, draft.Properties.ContentEncoding));
        }

        Assert.Equal("deviceLifecycleNotification", created.ApplicationProperties!["iothub-message-schema"]);
        Assert.All(events.Skip(1), draft => Assert.Equal("deviceConnectionStateNotification", draft.ApplicationProperties!["iothub-message-schema"]));
        var numbers = events.Skip(1).Select(draft => (string)JsonNode.Parse(draft.Body.Span)!["sequenceNumber"]!).ToArray();
        Assert.All(numbers, number => Assert.Matches("^[0-9A-F]{64}$", number));
        Assert.Equal(numbers.Distinct().Order(StringComparer.Ordinal), numbers);
    }

    [Fact]
    public async Task Events_that_are_not_routed_are_not_sent()
    {
        await using var hub = await HubFixture.Start(options => options with { Events = HubEventSources.None });
        using var certificate = hub.CreatePinned("dev-1");
        var device = await hub.ConnectDevice("dev-1", certificate);
        await device.PublishAsync(TelemetryTests.Message("devices/dev-1/messages/events/", "x"), Cancel);

        Assert.Equal("Telemetry", RecordingRoute.Source(Assert.Single(hub.Route.Events)));
    }
}
