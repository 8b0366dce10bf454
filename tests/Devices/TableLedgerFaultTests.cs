using Azure.Core;
using Azure.Core.Pipeline;
using Microsoft.Extensions.Time.Testing;
using Serverless.Devices.Tables;
using Serverless.Faults;

namespace Serverless.Devices.Tests;

/// <summary>Each request to storage fails, fails after landing, or is overtaken by another writer: afterwards every key is one device's,
/// every row has its whole trail, and the same again does what was wanted.</summary>
public sealed class TableLedgerFaultTests(StorageFixture storage)
{
    private static int _worlds;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public enum Trouble
    {
        Fails,
        FailsAfterLanding,
        IsOvertaken,
    }

    [Theory]
    [InlineData(Trouble.Fails, false)]
    [InlineData(Trouble.Fails, true)]
    [InlineData(Trouble.FailsAfterLanding, false)]
    [InlineData(Trouble.FailsAfterLanding, true)]
    [InlineData(Trouble.IsOvertaken, true)]
    public async Task An_enrolment_that_is_cut_off_anywhere_heals(Trouble trouble, bool rival)
    {
        for (var at = 0; ; at++)
        {
            var world = $"f{Interlocked.Increment(ref _worlds)}-";
            var cut = new Cut(trouble, at);
            var mine = await Ledger(world + "mine", TimeSpan.Zero, cut);
            var later = await Ledger(world + "later", TimeSpan.FromMinutes(2)); // another process, when the first should have been done
            var (wanted, key) = (Some.Device(world + "a", world + "key"), Some.Key(world + "key"));
            cut.Overtake = async () => await later.Create(Some.Device(world + "b", world + "key"), Some.Deed(Act.Enroll), Cancel);
            await Attempt(() => mine.Create(wanted, Some.Deed(Act.Enroll), Cancel));
            if (!cut.Done) return; // no request of that number: all have been tried

            if (rival) await later.Create(Some.Device(world + "b", world + "key"), Some.Deed(Act.Enroll), Cancel);
            await later.Settle(Cancel);
            var again = await later.Create(wanted, Some.Deed(Act.Enroll), Cancel);
            Assert.Contains(again.Fault?.Code, new[] { null, "device-exists", "key-taken" });
            var holder = Assert.Single(await Holders(later, key, world + "a", world + "b"));
            Assert.Equal(holder, await later.FindByKey(key, Cancel));
            if (!rival) Assert.Equal(wanted.Id, holder);
        }
    }

    [Theory]
    [InlineData(Trouble.Fails)]
    [InlineData(Trouble.FailsAfterLanding)]
    [InlineData(Trouble.IsOvertaken)]
    public async Task A_rotation_that_is_cut_off_anywhere_heals(Trouble trouble)
    {
        for (var at = 0; ; at++)
        {
            var world = $"r{Interlocked.Increment(ref _worlds)}-";
            var cut = new Cut(trouble, at) { Armed = false };
            var mine = await Ledger(world + "mine", TimeSpan.Zero, cut);
            var later = await Ledger(world + "later", TimeSpan.FromMinutes(2));
            var id = Some.Id(world + "a");
            Assert.Null((await mine.Create(Some.Device(id.Text, world + "old"), Some.Deed(Act.Enroll), Cancel)).Fault);
            cut.Overtake = async () => await later.Create(Some.Device(world + "b", world + "new"), Some.Deed(Act.Enroll), Cancel);
            cut.Armed = true;
            // The new key comes and the old one goes at once: claim, hold and commit in one change.
            Parsed<DeviceRecord> Rotated(DeviceRecord row) => row with { Current = Some.X509(world + "new") };
            await Attempt(() => mine.Change(id, Some.Deed(Act.Rotate), Rotated, Cancel));
            if (!cut.Done) return;

            await later.Settle(Cancel);
            var done = await later.Change(id, Some.Deed(Act.Rotate), Rotated, Cancel);
            Assert.Contains(done.Fault?.Code, new[] { null, "key-taken" });
            Assert.Equal(Assert.Single(await Holders(later, Some.Key(world + "new"), id.Text, world + "b")), await later.FindByKey(Some.Key(world + "new"), Cancel));
            Assert.Equal(id, await later.FindByKey(Some.Key(world + "old"), Cancel)); // dropped or not, nobody else's
            Assert.Equal("key-taken", (await later.Create(Some.Device(world + "c", world + "old"), Some.Deed(Act.Enroll), Cancel)).Fault?.Code);
        }
    }

    [Theory]
    [InlineData(Trouble.Fails)]
    [InlineData(Trouble.FailsAfterLanding)]
    public async Task A_trail_that_is_moved_by_a_crashing_settler_is_whole(Trouble trouble)
    {
        for (var at = 0; at < 8; at++) // requests of one bucket; the others are alike
        {
            var world = $"s{Interlocked.Increment(ref _worlds)}-";
            var cut = new Cut(trouble, at) { Armed = false, Of = request => request.Method != RequestMethod.Get };
            var mine = await Ledger(world + "mine", TimeSpan.Zero, cut);
            var row = Some.Device(world + "a");
            Assert.Null((await mine.Create(row, Some.Deed(Act.Enroll), Cancel)).Fault);
            for (var change = 0; change < 3; change++)
                Assert.Null((await mine.Change(row.Id, Some.Deed(Act.Observe), one => one with { FirmwareSeen = $"{change}" }, Cancel)).Fault);
            cut.Armed = true;
            await Attempt(() => mine.Settle(Cancel));
            cut.Armed = false;
            Assert.Equal([1, 2, 3, 4], (await mine.Audit(row.Id, Cancel)).Select(entry => entry.Revision));
            await mine.Settle(Cancel);
            Assert.Equal([1, 2, 3, 4], (await mine.Audit(row.Id, Cancel)).Select(entry => entry.Revision));
        }
    }

    private static async Task<List<DeviceId>> Holders(TableLedger ledger, KeyThumbprint key, params string[] ids)
    {
        var holders = new List<DeviceId>();
        foreach (var id in ids.Select(Some.Id))
        {
            if (await ledger.Get(id, Cancel) is not { } row) continue;
            if (LedgerKeys.Of(row).Contains(key)) holders.Add(id);
            Assert.Equal(Enumerable.Range(1, (int)row.Revision).Select(revision => (long)revision), (await ledger.Audit(id, Cancel)).Select(entry => entry.Revision));
        }

        return holders;
    }

    private async Task<TableLedger> Ledger(string writer, TimeSpan ahead, params HttpPipelinePolicy[] policies)
    {
        var (devices, audit) = await storage.Open(policies);
        return new TableLedger(devices, audit, new FakeTimeProvider(Some.Now + ahead), writer);
    }

    private static async Task Attempt(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (IOException)
        {
            // What was to be.
        }
        catch (AggregateException)
        {
            // The same, by way of the client's retry policy.
        }
    }

    /// <summary>Cuts one request off.</summary>
    private sealed class Cut(Trouble trouble, int at) : HttpPipelinePolicy
    {
        private int _seen;

        public bool Armed { get; set; } = true;

        public bool Done { get; private set; }

        public Func<Request, bool> Of { get; init; } = _ => true;

        public Func<Task> Overtake { get; set; } = () => Task.CompletedTask;

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var now = Armed && Of(message.Request) && Interlocked.Increment(ref _seen) - 1 == at;
            if (now)
            {
                Done = true;
                if (trouble == Trouble.IsOvertaken) await Overtake();
                if (trouble == Trouble.Fails) throw new IOException("cut");
            }

            await ProcessNextAsync(message, pipeline);
            if (now && trouble == Trouble.FailsAfterLanding) throw new IOException("cut after landing");
        }
    }
}
