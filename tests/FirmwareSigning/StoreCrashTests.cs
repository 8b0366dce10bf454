using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>The power goes at every write of an update check, under every disk behaviour; the device must still trust what it may,
/// refuse what it must, and finish the update afterwards.</summary>
public class StoreCrashTests : RepositoryTest
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_power_cut_at_any_write_leaves_a_store_that_refreshes_and_remembers(int style)
    {
        Repository.StatesHashes = true;
        Repository.Publish("targets", "snapshot", "timestamp"); // so that version 1 is older than anything a device holds
        var oldTimestamp = Repository.Published["timestamp"][0];
        var steps = 0;
        for (var cutAt = 1; ; cutAt++)
        {
            var power = new PowerSupply();
            var client = new SimulatedClient(Repository, Repository.Published["root"][0], Clock, new MemoryFiles(power));
            Assert.Equal("", await client.Refresh()); // the device's first publication
            Repository.Publish("root", "targets", "snapshot", "timestamp");
            power.CutAt = power.Steps + cutAt;
            var cut = false;
            try
            {
                Assert.Equal("", await client.Refresh());
            }
            catch (PowerCutException)
            {
                cut = true;
            }
            power.CutAt = 0;
            client.Files.Restart((CutStyle)style);
            steps++;

            // What was trusted before is never forgotten: the older timestamp is still a rollback.
            var honest = Repository.Published["timestamp"][^1];
            Repository.Published["timestamp"].Add(oldTimestamp);
            Assert.Equal("timestamp-rollback", await client.Refresh());
            Repository.Published["timestamp"].RemoveAt(Repository.Published["timestamp"].Count - 1);
            Assert.Same(honest, Repository.Published["timestamp"][^1]);

            Assert.Equal("", await client.Refresh());
            Assert.Equal(Repository.Roles["targets"].Version, client.Version("targets"));
            if (!cut) break; // the whole refresh ran: every step was cut once
        }
        Assert.Equal(4 * 4 + 1, steps); // four files, four writes each, and the uncut run
    }

    [Fact]
    public void A_replaced_file_is_old_or_new_at_every_cut()
    {
        foreach (var style in Enum.GetValues<CutStyle>())
        {
            for (var cutAt = 1; cutAt <= 4; cutAt++)
            {
                var power = new PowerSupply();
                var files = new MemoryFiles(power);
                AtomicFile.Replace(files, "f", "old content"u8);
                power.CutAt = power.Steps + cutAt;
                Assert.Throws<PowerCutException>(() => AtomicFile.Replace(files, "f", "new content, longer"u8));
                files.Restart(style);
                Assert.Contains(System.Text.Encoding.UTF8.GetString(files.Read("f", 100)!), new[] { "old content", "new content, longer" });
            }
        }
    }

    [Fact]
    public void A_real_directory_keeps_what_was_replaced()
    {
        var directory = Directory.CreateTempSubdirectory("store").FullName;
        try
        {
            var files = new DiskFiles(directory);
            AtomicFile.Replace(files, "f", "one"u8);
            AtomicFile.Replace(files, "f", "two"u8);
            Assert.Equal("two"u8.ToArray(), new DiskFiles(directory).Read("f", 3));
            Assert.Null(files.Read("f", 2));
            Assert.Equal(["f"], Directory.GetFiles(directory).Select(Path.GetFileName));
            AtomicFile.Delete(files, "f");
            Assert.Null(files.Read("f", 100));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
