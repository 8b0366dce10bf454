namespace Serverless.Local.Tests.IotHub;

/// <summary>Alone in its process while it runs: it weighs the whole heap, to which every other test would add or take.</summary>
[CollectionDefinition(nameof(AnnouncedLengthTests), DisableParallelization = true)]
[Collection(nameof(AnnouncedLengthTests))]
public class AnnouncedLengthTests
{
    [Fact]
    public async Task Sockets_that_announce_64_mb_and_send_on_cost_no_memory()
    {
        await using var hub = await HubFixture.Start();
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < 8; i++)
        {
            await using var device = await RawDevice.Open(hub);
            await device.Send(0x10, 0x80, 0x80, 0x80, 0x20);
            try
            {
                for (var part = 0; part < 64; part++) await device.Send(new byte[1 << 20]);
            }
            catch (IOException)
            {
                continue; // closed while we were still sending
            }

            Assert.Fail("64 MB were read");
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 << 20);
    }
}
