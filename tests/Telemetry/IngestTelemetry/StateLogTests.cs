using System.Text;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

public class StateLogTests
{
    private const string Folder = "telemetry/0/";
    private readonly FaultPlan _plan = new();
    private readonly FakeBlobs _blobs;

    public StateLogTests() => _blobs = new FakeBlobs("state", _plan);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_committed_is_read_back()
    {
        var (log, state) = await Open();
        Assert.False(log.HadOwner);
        await log.Claim("a", Cancel);
        Change(state, "d-1", "test@1", 7);
        state.Pin("gone@2", ProfilePin.Absent);
        state.Pin("test@1", ProfilePin.From(Encoding.UTF8.GetBytes(Validation.Profiles.Document(Validation.Profiles.AllMetrics))));
        state.Strays.Count("stamp-missing", Sent.Noon);
        state.Anchor = new Anchor { Validated = new HubPositions { ["0"] = 5, ["1"] = -1 }, Alerts = [], RejectedBlob = "2026-06-01T12/0-0000.jsonl", RejectedLength = 99 };
        (state.LastSequence, state.LastEnqueuedMs, state.RejectedHour) = (41, 1234, 56);
        await log.Commit(state, Cancel);

        var (again, read) = await Open();
        Assert.True(again.HadOwner);
        Assert.Equal(Text(state), Text(read));
        Assert.Equal("test@1", read.Names[read.Bindings[0]]);
        Assert.Equal((41, 1234, 56), (read.LastSequence, read.LastEnqueuedMs, read.RejectedHour));
        Assert.Equal(5, read.Anchor.Validated.Of("0"));
        Assert.Equal(-1, read.Anchor.Validated.Of("1"));
        Assert.Equal(99, read.Anchor.RejectedLength);
        Assert.Null(read.Pins["gone@2"].Document);
        Assert.Equal("test@1", read.Pins["test@1"].Profile?.Name);
        Assert.Empty(read.Changed);
    }

    [Fact]
    public async Task A_change_too_large_for_one_block_counts_whole_or_not_at_all()
    {
        var (log, state) = await Open();
        await log.Claim("a", Cancel);
        for (var device = 0; device < 40_000; device++) Change(state, $"device-{device}", "test@1", device);
        state.LastSequence = 39_999;
        var expected = Text(state);
        var appends = 0;
        _plan.Decide = (_, call) => call == "state.Append" && ++appends == 2 ? FaultMode.FailsAfterLanding : null; // of two parts and a commit
        await Assert.ThrowsAsync<InjectedOutageException>(() => log.Commit(state, Cancel));
        _plan.Decide = (_, _) => null;

        var (second, nothing) = await Open();
        Assert.Equal(-1, nothing.LastSequence);
        Assert.Equal(0, nothing.Devices.Count);
        await second.Claim("b", Cancel);
        for (var device = 0; device < 40_000; device++) Change(nothing, $"device-{device}", "test@1", device);
        nothing.LastSequence = 39_999;
        await second.Commit(nothing, Cancel);

        var (_, read) = await Open();
        Assert.Equal(expected, Text(read));
        Assert.InRange(_blobs[$"{Folder}0000000001.log"].Length, BlobLimits.AppendBytesMax, 20 * 1024 * 1024);
    }

    [Fact]
    public async Task A_writer_that_was_overtaken_loses_and_changes_nothing()
    {
        var (stale, state) = await Open();
        await stale.Claim("a", Cancel);
        var (owner, current) = await Open();
        await owner.Claim("b", Cancel);

        Change(state, "d-1", "test@1", 1);
        await Assert.ThrowsAsync<StaleWriterException>(() => stale.Commit(state, Cancel));
        await Assert.ThrowsAsync<StaleWriterException>(() => stale.CommitPins(state, Cancel));
        await Assert.ThrowsAsync<StaleWriterException>(() => stale.VerifyOwned(Cancel));
        await Assert.ThrowsAsync<StaleWriterException>(() => stale.Claim("a", Cancel));
        await owner.VerifyOwned(Cancel);
        current.LastSequence = 8;
        await owner.Commit(current, Cancel);
        Assert.Equal((8, 0), ((await Open()).State.LastSequence, (await Open()).State.Devices.Count));
    }

    [Fact]
    public async Task Compaction_survives_a_fault_at_each_of_its_calls()
    {
        for (var failing = 0; failing < 6; failing++)
        {
            foreach (var mode in Enum.GetValues<FaultMode>())
            {
                var plan = new FaultPlan();
                var blobs = new FakeBlobs("state", plan);
                var (log, state) = await StateLog.Open(blobs, Folder, () => new PartitionState(), Cancel);
                await log.Claim("a", Cancel);
                for (var device = 0; device < 50; device++) Change(state, $"d-{device}", "test@1", device);
                state.LastSequence = 49;
                await log.Commit(state, Cancel);
                var expected = Text(state);

                var first = plan.Calls.Count;
                plan.Decide = (number, _) => number == first + failing ? mode : null;
                var compacted = await Record.ExceptionAsync(() => log.Compact(state, "a", Cancel)) is null;
                plan.Decide = (_, _) => null;
                Assert.Equal(failing > 5, compacted);

                var (again, read) = await StateLog.Open(blobs, Folder, () => new PartitionState(), Cancel);
                Assert.True(again.HadOwner);
                Assert.Equal(expected, Text(read));
                await again.Claim("b", Cancel);
                Change(read, "d-50", "test@1", 50);
                read.LastSequence = 50;
                await again.Commit(read, Cancel);
                await again.Compact(read, "b", Cancel);
                Assert.Equal(Text(read), Text((await StateLog.Open(blobs, Folder, () => new PartitionState(), Cancel)).State));
                Assert.Equal(2, blobs.Names.Count()); // one log, one snapshot: nothing is left behind
            }
        }
    }

    [Fact]
    public async Task Compaction_by_a_writer_that_was_overtaken_loses()
    {
        var (stale, state) = await Open();
        await stale.Claim("a", Cancel);
        Change(state, "d-1", "test@1", 1);
        state.LastSequence = 1;
        await stale.Commit(state, Cancel);
        var (owner, current) = await Open();
        await owner.Claim("b", Cancel);
        Change(current, "d-2", "test@1", 2);
        current.LastSequence = 2;
        await owner.Commit(current, Cancel);

        await Assert.ThrowsAsync<StaleWriterException>(() => stale.Compact(state, "a", Cancel));
        Assert.Equal(2, (await Open()).State.LastSequence);
        await owner.Compact(current, "b", Cancel);
        await Assert.ThrowsAnyAsync<Exception>(() => stale.VerifyOwned(Cancel));
        Assert.Equal(Text(current), Text((await Open()).State));
        Assert.DoesNotContain(_blobs.Names, name => name.Contains(".a.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_log_that_grew_asks_for_a_snapshot()
    {
        var (log, state) = await Open();
        await log.Claim("a", Cancel);
        Assert.False(log.CompactionDue);
        _blobs.BlocksOfEachAppend = BlobLimits.BlocksMax;
        state.LastSequence = 1;
        await log.Commit(state, Cancel);
        var (full, read) = await Open();
        Assert.True(full.CompactionDue); // by blocks
        await full.Claim("b", Cancel).ContinueWith(_ => { }, Cancel);
        Assert.Equal(1, read.LastSequence);
    }

    [Theory]
    [InlineData(StateRecord.FrameBytes + 1, 2, "was written in format 2 and this version of the app reads format 1")] // format version
    [InlineData(StateRecord.FrameBytes, 9, "begins with its header")] // record kind
    [InlineData(StateRecord.FrameBytes + 3, 7, "disagree about its generation")]
    public async Task A_file_of_another_format_stops_the_partition_with_a_message(int at, byte value, string message)
    {
        await Open();
        var bytes = _blobs[$"{Folder}0000000001.log"];
        bytes[at] = value;
        StateRecord.Seal(bytes);
        _blobs[$"{Folder}0000000001.log"] = bytes;
        var outage = await Assert.ThrowsAsync<InvalidDataException>(Open);
        Assert.Contains(message, outage.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, _blobs[$"{Folder}0000000001.log"]); // and nothing was reset
    }

    [Theory]
    [InlineData(StateRecordKind.Commit, new byte[] { 200 }, "state section 200 is not known")]
    [InlineData(StateRecordKind.Commit, new byte[] { 5, 1, 0, 0, 0, 1, 65, 1, 99, 0, 0 }, "device section 99 is not known")]
    [InlineData(StateRecordKind.Commit, new byte[] { 5, 1, 0, 0, 0, 1, 65, 1, 2, 1, 0, 77 }, "what the verdicts remember of a device is not of this version")]
    [InlineData(StateRecordKind.Commit, new byte[] { 5, 1, 0, 0, 0, 1, 65, 1, 1, 3, 0, 0, 0, 0 }, "a profile binding has 2 bytes, or 3 of which the last is 1, not 3")]
    [InlineData(StateRecordKind.Commit, new byte[] { 1, 0 }, "ends in the middle of a field")]
    [InlineData(StateRecordKind.Commit, new byte[] { 2, 7, 0, 1, 0, 1, 0, 65 }, "names are out of order")]
    [InlineData((StateRecordKind)77, new byte[] { 1 }, "record kind 77 is not known")]
    public async Task Content_that_this_version_does_not_know_stops_the_partition_with_a_message(object kind, byte[] payload, string message)
    {
        await Open();
        var writer = new StateWriter();
        writer.Begin((StateRecordKind)kind);
        payload.CopyTo(writer.Take(payload.Length));
        writer.End();
        var name = $"{Folder}0000000001.log";
        _blobs[name] = [.. _blobs[name], .. writer.Written.Span];
        Assert.Contains(message, (await Assert.ThrowsAsync<InvalidDataException>(Open)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_anywhere_is_noticed()
    {
        var (log, state) = await Open();
        await log.Claim("a", Cancel);
        Change(state, "d-1", "test@1", 1);
        await log.Commit(state, Cancel);
        var name = $"{Folder}0000000001.log";
        var sound = _blobs[name];
        for (var at = 0; at < sound.Length; at++)
        {
            var damaged = sound.ToArray();
            damaged[at] ^= 0x10;
            _blobs[name] = damaged;
            await Assert.ThrowsAsync<InvalidDataException>(Open);
        }

        for (var length = 1; length < sound.Length; length++)
        {
            _blobs[name] = sound[..length];
            if (await Record.ExceptionAsync(Open) is { } outage) Assert.IsType<InvalidDataException>(outage);
            else Assert.Contains(length, Boundaries(sound)); // cut between records: what an earlier moment looked like
        }
    }

    [Fact]
    public async Task A_snapshot_that_is_missing_stops_the_partition()
    {
        var (log, state) = await Open();
        await log.Claim("a", Cancel);
        await log.Compact(state, "a", Cancel);
        await _blobs.Delete(_blobs.Names.Single(name => name.EndsWith(".snapshot", StringComparison.Ordinal)), Cancel);
        Assert.Contains("is missing", (await Assert.ThrowsAsync<InvalidDataException>(Open)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checksums_are_crc_32c() =>
        Assert.Equal(0xE3069283u, StateRecord.Checksum("123456789"u8)); // the check value of CRC-32C (RFC 3720 names the polynomial)

    [Fact]
    public void Every_device_keeps_its_slot_as_the_table_grows()
    {
        var ids = new DeviceIds();
        var random = new Random(3);
        var known = new List<byte[]>();
        for (var i = 0; i < 20_000; i++)
        {
            var id = Encoding.ASCII.GetBytes($"{i}-{new string('x', random.Next(0, DeviceIds.IdBytesMax - 6))}");
            Assert.False(ids.TryFind(id, out _));
            Assert.Equal(i, ids.FindOrAdd(id));
            known.Add(id);
        }

        for (var i = 0; i < known.Count; i++)
        {
            Assert.True(ids.TryFind(known[i], out var slot) && slot == i);
            Assert.True(ids.Id(i).SequenceEqual(known[i]));
        }

        Assert.Throws<InvalidOperationException>(() => ids.FindOrAdd(new byte[DeviceIds.IdBytesMax + 1]));
        Assert.Throws<InvalidOperationException>(() => ids.FindOrAdd([]));
        ids.FindOrAdd(new byte[DeviceIds.IdBytesMax]);
    }

    private Task<(StateLog Log, PartitionState State)> Open() => StateLog.Open(_blobs, Folder, () => new PartitionState(), Cancel);

    private static void Change(PartitionState state, string device, string profile, int seed)
    {
        var slot = state.Devices.FindOrAdd(Encoding.UTF8.GetBytes(device));
        state.Bindings[slot] = state.Names.Number(profile);
        state.Judged[slot] = Seen(seed);
        state.MarkChanged(slot);
    }

    private static Telemetry.Validation.DeviceState Seen(int seed)
    {
        var bench = new Validation.Bench();
        if (seed < 100) bench.Sent(seed + 1, "\"n\":1");
        else bench.State = Seen(seed % 100);
        return bench.State;
    }

    private static IEnumerable<int> Boundaries(byte[] log)
    {
        for (var at = 0; at < log.Length; at += StateRecord.FrameBytes + BitConverter.ToInt32(log, at)) yield return at;
    }

    private static string Text(PartitionState state) =>
        string.Join('\n', StateSections.Everything(state, new StateWriter()).Select(record => Convert.ToHexString(record.Span)));
}
