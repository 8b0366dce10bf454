using Microsoft.Extensions.Logging.Abstractions;
using Serverless.IotHub;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Stores;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

/// <summary>A sweep against a hub and a DPS that count every minute as an S1 unit does and refuse what is over, on a clock that runs ahead.</summary>
public sealed class QuotaTests
{
    [Theory]
    [InlineData(0.4, 200, 250)] // the default shares
    [InlineData(1, 1000, 400)] // all there is: not one operation more fits into any minute
    public async Task A_sweep_over_many_ticks_stays_inside_the_quotas_of_any_minute_and_ends_when_they_say(double part, int dpsPerMinute, int devices)
    {
        using var world = new World();
        var share = HubShare.OfS1(part);
        await using var cloud = await LocalHub.Start(world.Clock, devices, share, dpsPerMinute);
        for (var i = 0; i < devices; i++)
        {
            using var leaf = cloud.Authority.IssueDevice(LocalHub.Name(i));
            await world.Add(LocalHub.Name(i), record => record with { Current = LocalCloud.Key(leaf) });
            await world.Decommission(LocalHub.Name(i));
        }

        var began = world.Clock.GetUtcNow();
        var (ended, ticks) = (0, 0);
        while (ended < devices)
        {
            var work = new PlaneWork(new DpsRegistrations(cloud.DpsClient), new LinkedHubs([cloud.Client], []), world.Memory);
            var sweep = new SweepRun(
                world.Memory, work, new DeathCertificates(world, world, world, world.Clock), world, new ExpiryPolicy(),
                new SweepSettings { TickTime = TimeSpan.FromMinutes(2) }, world.Clock, NullLogger<SweepRun>.Instance);
            var report = await cloud.Drive(sweep.Run(TestContext.Current.CancellationToken));
            Assert.Equal(0, report.Failed);
            ended += report.Ended;
            Assert.Equal(devices - ended, report.Left);
            ticks++;
        }

        Assert.InRange(ticks, 2, 10);
        // The services' own counters: of operations in any minute, and of refusals.
        var (hub, dps) = (cloud.Hub.Counters, cloud.Dps.Counters);
        Assert.Equal((0, 0), (hub["throttled.registry"], dps["throttled.operation"]));
        Assert.InRange(hub["busiest-minute.registry"], share.RegistryPerMinute / 2, share.RegistryPerMinute);
        Assert.InRange(dps["busiest-minute.operation"], 1, dpsPerMinute);
        Assert.Equal(devices + (devices + 99) / 100, hub["rest.registry"]); // one a device to read it back, one a hundred to shut them out
        Assert.Equal(devices * SweepCost.DpsOperations, dps["rest.enrollments"] + dps["rest.registrations"]);
        // No faster than the arithmetic, less the one window whose operations may come at once.
        var least = SweepCost.Least(devices, share.RegistryPerMinute, dpsPerMinute, 100) - TimeSpan.FromMinutes(1);
        Assert.InRange(world.Clock.GetUtcNow() - began, least, least * 3);
        Assert.All(Enumerable.Range(0, devices), i => Assert.Equal(Local.IotHub.Registry.DeviceStatus.Disabled, cloud.Hub.Find(LocalHub.Name(i))!.Status));
    }
}
