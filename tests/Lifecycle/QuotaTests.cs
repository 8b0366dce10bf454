using Microsoft.Extensions.Logging.Abstractions;
using Serverless.IotHub;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;
using Serverless.Lifecycle.Stores;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

/// <summary>A sweep against a hub that meters as an S1 unit does, on a clock that runs ahead.</summary>
public sealed class QuotaTests
{
    [Fact]
    public async Task A_sweep_over_many_ticks_stays_inside_the_quota_and_ends_when_the_quota_says()
    {
        const int Devices = 250;
        using var world = new World();
        await using var cloud = await LocalHub.Start(world.Clock, Devices, HubShare.OfS1(0.4));
        for (var i = 0; i < Devices; i++)
        {
            await world.Add(LocalHub.Name(i));
            await world.Decommission(LocalHub.Name(i));
        }

        var began = world.Clock.GetUtcNow();
        var (ended, ticks) = (0, 0);
        while (ended < Devices)
        {
            var sweep = new SweepRun(
                world.Memory, new PlaneWork(world, new LinkedHubs([cloud.Client], []), world.Memory), new DeathCertificates(world, world, world, world.Clock), world, new ExpiryPolicy(),
                new SweepSettings { TickTime = TimeSpan.FromMinutes(2) }, world.Clock, NullLogger<SweepRun>.Instance);
            var report = await cloud.Drive(sweep.Run(TestContext.Current.CancellationToken));
            Assert.Equal(0, report.Failed);
            ended += report.Ended;
            Assert.Equal(Devices - ended, report.Left);
            ticks++;
        }

        Assert.InRange(ticks, 2, 10);
        Assert.Equal(0, cloud.Hub.Counters["throttled.registry"]);
        // 40 a minute: the first 40 at once, and so no faster than the arithmetic less one window.
        var least = SweepCost.Least(Devices, 40, 1000, 100) - TimeSpan.FromMinutes(1);
        Assert.InRange(world.Clock.GetUtcNow() - began, least, least * 3);
        Assert.All(Enumerable.Range(0, Devices), i => Assert.Equal(Local.IotHub.Registry.DeviceStatus.Disabled, cloud.Hub.Find(LocalHub.Name(i))!.Status));
    }
}
