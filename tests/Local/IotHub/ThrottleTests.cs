using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using MQTTnet;
using Serverless.Local.IotHub;

namespace Serverless.Local.Tests.IotHub;

/// <summary>The S1 rates, when they are switched on.</summary>
public sealed class ThrottleTests
{
    [Fact]
    public async Task A_unit_serves_a_hundred_registry_calls_a_minute_then_says_when_to_come_back()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(options => options with { Throttles = HubThrottles.S1 }, wall);
        using var certificate = hub.CreatePinned("dev-1");

        for (var i = 0; i < 100; i++) Assert.Equal(200, (await hub.Call("GET", "/devices/dev-1")).Status);
        var refused = await hub.Call("GET", "/devices/dev-1");

        refused.IsError(429, "ThrottlingException"); // throttled
        Assert.InRange(int.Parse(refused.RetryAfter!, CultureInfo.InvariantCulture), 1, 60);
        Assert.Equal((100, 1), (hub.Service.Counters["rest.registry"] - hub.Service.Counters["throttled.registry"], hub.Service.Counters["throttled.registry"]));
        Assert.Equal(200, (await hub.Call("GET", "/twins/dev-1")).Status); // its own bucket
        (await hub.Call("GET", "/devices/dev-1", null, HubFixture.TelemetryApp)).IsError(401, "IotHubUnauthorized"); // who may not call, uses nothing up
        wall.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await hub.Call("GET", "/devices/dev-1")).Status);
    }

    [Fact]
    public async Task No_minute_wherever_it_begins_holds_more_than_the_rate_and_the_busiest_is_counted()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(options => options with { Throttles = HubThrottles.S1 }, wall);
        using var certificate = hub.CreatePinned("dev-1");

        for (var i = 0; i < 60; i++) Assert.Equal(200, (await hub.Call("GET", "/devices/dev-1")).Status);
        wall.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(60, hub.Service.Counters["busiest-minute.registry"]);
        for (var i = 0; i < 40; i++) Assert.Equal(200, (await hub.Call("GET", "/devices/dev-1")).Status);
        var refused = await hub.Call("GET", "/devices/dev-1"); // a bucket would have filled up by now

        refused.IsError(429, "ThrottlingException");
        Assert.Equal("10", refused.RetryAfter);
        wall.Advance(TimeSpan.FromSeconds(10));
        for (var i = 0; i < 60; i++) Assert.Equal(200, (await hub.Call("GET", "/devices/dev-1")).Status);
        (await hub.Call("GET", "/devices/dev-1")).IsError(429, "ThrottlingException");
        Assert.Equal(100, hub.Service.Counters["busiest-minute.registry"]);
    }

    [Fact]
    public async Task Queries_have_twenty_a_minute_times_the_units()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(options => options with { Throttles = HubThrottles.S1, Units = 2 }, wall);
        const string Query = """{"query":"SELECT * FROM devices"}""";

        for (var i = 0; i < 40; i++) Assert.Equal(200, (await hub.Call("POST", "/devices/query", Query)).Status);

        (await hub.Call("POST", "/devices/query", Query)).IsError(429, "ThrottlingException");
        Assert.Equal(1, hub.Service.Counters["throttled.query"]);
    }

    [Fact]
    public async Task Connections_over_the_rate_are_told_that_the_server_is_busy()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(options => options with { Throttles = HubThrottles.S1 }, wall);
        using var certificate = hub.CreatePinned("dev-1");
        for (var i = 0; i < 100; i++)
        {
            await using var device = await RawDevice.Connect(hub, "dev-1", certificate);
        }

        var (_, code) = await hub.Connect(hub.Options("dev-1", certificate));

        Assert.Equal(MqttClientConnectResultCode.ServerUnavailable, code);
        Assert.Equal(1, hub.Refusals("throttled"));
    }

    [Fact]
    public async Task Telemetry_over_the_rate_is_delayed_and_not_lost()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var hub = await HubFixture.Start(options => options with { Throttles = HubThrottles.S1 }, wall);
        using var certificate = hub.CreatePinned("dev-1");
        await using var device = await RawDevice.Connect(hub, "dev-1", certificate);

        for (var i = 0; i < 110; i++) await device.Send(RawDevice.PublishPacket("devices/dev-1/messages/events/", [(byte)i]));
        await Eventually.Holds(() => hub.Service.Counters["throttled.telemetry"] > 0);
        Assert.Equal(100, hub.Route.Telemetry.Count);
        for (var i = 0; i < 100 && hub.Route.Telemetry.Count < 110; i++)
        {
            wall.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Equal(Enumerable.Range(0, 110).Select(i => (byte)i), hub.Route.Telemetry.Select(draft => draft.Body.Span[0]));
    }
}
