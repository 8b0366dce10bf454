using Microsoft.Extensions.Time.Testing;
using Serverless.Local.Provisioning;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>The quotas: of the service when asked for, of polling always.</summary>
public sealed class QuotaTests
{
    [Fact]
    public async Task A_device_may_poll_five_times_in_ten_seconds()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var dps = await ProvisioningFixture.Start(wall: wall);
        using var leaf = await dps.Enroll("pump-1");
        using var other = await dps.Enroll("pump-2");
        var device = new HttpDevice(dps, "pump-1") { Leaf = leaf };
        var operation = (string)(await device.Register()).Json["operationId"]!;

        for (var i = 0; i < 5; i++) Assert.InRange((await device.Poll(operation)).Status, 200, 202);
        (await device.Poll(operation)).IsError(429001); // "throttled"
        Assert.Equal(1, dps.Service.Counters["throttled.poll"]);
        await new HttpDevice(dps, "pump-2") { Leaf = other }.Assigned(); // its own quota
        wall.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(200, (await device.Poll(operation)).Status);
        (await device.Poll(operation)).IsError(429001);
    }

    [Fact]
    public async Task The_service_takes_a_thousand_operations_and_a_thousand_registrations_a_minute()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var dps = await ProvisioningFixture.Start(options => options with { Throttles = ProvisioningThrottles.Documented }, wall);
        using var leaf = await dps.Enroll("pump-1");

        for (var i = 1; i < 1000; i++) await dps.Call("GET", "/enrollments/pump-1");
        var refused = await dps.Call("POST", "/enrollmentGroups/query", """{"query":"*"}"""); // one quota for all
        refused.IsError(429001);
        Assert.Equal(("60", 1), (refused.RetryAfter, dps.Service.Counters["throttled.operation"]));
        await dps.Admit("pump-1", leaf); // devices have their own
        wall.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await dps.Call("GET", "/enrollments/pump-1")).Status);
    }

    [Fact]
    public async Task Registrations_over_the_rate_are_told_to_come_back()
    {
        var wall = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var dps = await ProvisioningFixture.Start(options => options with { Throttles = ProvisioningThrottles.Documented }, wall);
        await using var device = await RawRegistrant.Connect(dps, "nobody");

        for (var i = 0; i < 1000; i++) await device.Publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "{}");
        for (var i = 0; i < 1000; i++) Assert.StartsWith("$dps/registrations/res/401/", (await device.Next()).Topic, StringComparison.Ordinal);
        await device.Publish("$dps/registrations/PUT/iotdps-register/?$rid=last", "{}");

        Assert.Equal("$dps/registrations/res/429/?$rid=last&retry-after=60", (await device.Next()).Topic);
        Assert.Equal(1, dps.Service.Counters["throttled.registration"]);
    }
}
