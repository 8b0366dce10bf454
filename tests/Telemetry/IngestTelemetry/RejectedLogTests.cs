using System.Text;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Rejections;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

public class RejectedLogTests
{
    private readonly FaultPlan _plan = new();
    private readonly FakeBlobs _blobs;

    public RejectedLogTests() => _blobs = new FakeBlobs("rejected", _plan);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hours_go_to_blobs_of_their_own()
    {
        var log = Log("", 0, -1);
        await Append(log, (10, 1), (10, 2), (11, 3));
        Assert.Equal(["1970-01-01T10/3-0000.jsonl", "1970-01-01T11/3-0000.jsonl"], _blobs.Names);
        Assert.Equal([1, 2], Sequences("1970-01-01T10/3-0000.jsonl"));
        Assert.Equal("1970-01-01T11/3-0000.jsonl", log.Blob);
        Assert.Equal(_blobs[log.Blob].Length, log.Length);
    }

    [Fact]
    public async Task A_blob_that_is_full_is_left_for_the_next_one()
    {
        _blobs.BlocksOfEachAppend = BlobLimits.BlocksMax;
        await Append(Log("", 0, -1), (10, 1));
        await Append(Log("", 0, 1), (10, 2));
        Assert.Equal(["1970-01-01T10/3-0000.jsonl", "1970-01-01T10/3-0001.jsonl"], _blobs.Names);

        // The one after that begins at the anchor, but still finds the full one before it when there is no anchor.
        var log = Log("1970-01-01T10/3-0001.jsonl", 0, 1);
        await Append(log, (10, 2), (10, 3));
        Assert.Equal(["1970-01-01T10/3-0000.jsonl", "1970-01-01T10/3-0001.jsonl", "1970-01-01T10/3-0002.jsonl"], _blobs.Names);
        Assert.Equal([2], Sequences("1970-01-01T10/3-0001.jsonl"));
        Assert.Equal([3], Sequences("1970-01-01T10/3-0002.jsonl"));
    }

    [Fact]
    public async Task Lines_of_an_earlier_attempt_are_found_and_left_out()
    {
        await Append(Log("", 0, -1), (10, 1), (10, 2));
        var anchor = _blobs["1970-01-01T10/3-0000.jsonl"].Length;
        await Append(Log("1970-01-01T10/3-0000.jsonl", anchor, 2), (10, 3), (10, 5), (11, 7)); // and died

        var log = Log("1970-01-01T10/3-0000.jsonl", anchor, 2);
        await Append(log, (10, 3), (10, 4));
        Assert.False(log.IsSettled); // line 5 is there, and event 5 is not committed
        log.Settle(4);
        Assert.False(log.IsSettled);
        await Append(log, (10, 5), (10, 6), (11, 7), (11, 8));
        log.Settle(8);
        Assert.True(log.IsSettled);
        Assert.Equal([1, 2, 3, 5, 4, 6], Sequences("1970-01-01T10/3-0000.jsonl"));
        Assert.Equal([7, 8], Sequences("1970-01-01T11/3-0000.jsonl"));
    }

    [Fact]
    public async Task Large_lines_are_cut_into_blocks_of_whole_lines()
    {
        var text = new StringBuilder();
        var lines = new List<RejectedLine>();
        for (var sequence = 0; sequence < 9; sequence++)
        {
            var line = $"{{\"partition\":\"3\",\"sequence\":{sequence},\"body\":\"{new string('x', 1_400_000)}\"}}\n";
            lines.Add(new RejectedLine(10, sequence, text.Length, line.Length));
            text.Append(line);
        }

        await Log("", 0, -1).Append(lines, Encoding.ASCII.GetBytes(text.ToString()), Cancel);
        Assert.Equal(Enumerable.Range(0, 9).Select(sequence => (long)sequence), Sequences("1970-01-01T10/3-0000.jsonl"));
        Assert.Equal(5, _plan.Calls.Count(call => call == "rejected.Append")); // two lines fit a block of 4 MiB
    }

    [Fact]
    public async Task Two_writers_cannot_both_append()
    {
        var (first, second) = (Log("", 0, -1), Log("", 0, -1));
        await Append(first, (10, 1));
        await Append(second, (10, 1)); // finds it
        await Append(second, (10, 2));
        await Assert.ThrowsAsync<StaleWriterException>(() => Append(first, (10, 2)));
        Assert.Equal([1, 2], Sequences("1970-01-01T10/3-0000.jsonl"));
    }

    [Fact]
    public async Task Evidence_that_is_gone_or_damaged_is_an_outage()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() => Append(Log("1970-01-01T10/3-0000.jsonl", 5, 1), (10, 2)));
        _blobs["1970-01-01T10/3-0000.jsonl"] = "{}"u8.ToArray();
        await Assert.ThrowsAsync<InvalidDataException>(() => Append(Log("1970-01-01T10/3-0000.jsonl", 5, 1), (10, 2)));
        foreach (var damage in (string[])["{}\n", "x\n", "{\"sequence\":\"1\"}\n", "{\"sequence\":1}", "{\"sequence\":1e400}\n"])
        {
            _blobs["1970-01-01T10/3-0000.jsonl"] = Encoding.ASCII.GetBytes(damage);
            await Assert.ThrowsAsync<InvalidDataException>(() => Append(Log("", 0, -1), (10, 2)));
        }
    }

    private RejectedLog Log(string blob, long length, long committed) => new(_blobs, "telemetry", "3", blob, length, committed);

    private static async Task Append(RejectedLog log, params (long Hour, long Sequence)[] entries)
    {
        var text = new StringBuilder();
        var lines = new List<RejectedLine>();
        foreach (var (hour, sequence) in entries)
        {
            var line = $"{{\"partition\":\"3\",\"sequence\":{sequence},\"system\":{{\"sequence\":99}}}}\n";
            lines.Add(new RejectedLine(hour, sequence, text.Length, line.Length));
            text.Append(line);
        }

        await log.Append(lines, Encoding.ASCII.GetBytes(text.ToString()), Cancel);
    }

    private long[] Sequences(string blob) =>
        [.. Encoding.ASCII.GetString(_blobs[blob]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => RejectedEvent.ReadSequence(Encoding.ASCII.GetBytes(line)))];
}
