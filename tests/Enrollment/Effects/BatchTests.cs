using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.SubmitBatch;

namespace Serverless.Enrollment.Tests.Effects;

public sealed class BatchTests
{
    /// <summary>87 rows in three chunks, good and bad: one malformed, one of an unknown model, one twice, one the same id differently.</summary>
    public static string Rows { get; } = string.Join('\n', Enumerable.Range(0, 87).Select(Line)) + "\n";

    /// <summary>What becomes of them.</summary>
    public static IReadOnlyList<string> Expected { get; } = [.. Enumerable.Range(0, 87).Select(row => row switch
    {
        5 => "6 request-malformed",
        50 => "51 model-unknown",
        70 => "71 device-conflict",
        _ => $"{row + 1} ok",
    })];

    /// <summary>The batch's id.</summary>
    public static string Id { get; } = IdOf(Rows, RowFormat.JsonLines);

    private static CancellationToken Cancel => World.Cancel;

    [Fact]
    public async Task A_batch_is_enrolled_row_by_row_inside_dps_bulk_calls()
    {
        var world = new World();
        var view = Accepted(await Submit(world, Rows));
        Assert.Equal((Id, "queued", 87, 0), (view.Id, view.State, view.Rows, view.Done));
        Assert.True(await world.Runner.Run(TimeSpan.FromHours(1), Cancel));
        view = Accepted(await world.BatchDesk.Show(Id, Cancel));
        Assert.Equal(("finished", 87, 84, 3, "alice"), (view.State, view.Done, view.Accepted, view.Refused, view.SubmittedBy));
        Assert.Equal(Expected, world.Batches.Lines(Id).Select(Outcome));
        Assert.InRange(world.Provisioning.Operations, 9, 20); // not one a row
        await world.AssertAgreed();
        Assert.True((await world.BatchDesk.Results(Id, Cancel)).TryGet(out var results, out _));
        using var reader = new StreamReader(results);
        Assert.Equal(87, (await reader.ReadToEndAsync(Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task The_same_batch_twice_is_one_batch()
    {
        var world = new World();
        Accepted(await Submit(world, Rows));
        await world.Runner.Run(TimeSpan.FromHours(1), Cancel);
        var operations = world.Provisioning.Operations;
        Assert.Equal("finished", Accepted(await Submit(world, Rows)).State);
        await world.Runner.Run(TimeSpan.FromHours(1), Cancel);
        Assert.Equal(operations, world.Provisioning.Operations);
        Assert.Equal(87, world.Batches.Lines(Id).Count());
    }

    [Fact]
    public async Task A_batch_goes_on_over_many_ticks()
    {
        var world = new World();
        Accepted(await Submit(world, Rows));
        Assert.False(await world.Runner.Run(TimeSpan.Zero, Cancel)); // no time: nothing is begun
        Assert.Equal("queued", Accepted(await world.BatchDesk.Show(Id, Cancel)).State);
        var ticks = 0;
        var time = TimeSpan.FromSeconds(1);
        world.Plan.Decide = (_, name) =>
        {
            if (name == "batches.Put") world.Clock.Advance(time); // each chunk takes all the time of a tick
            return null;
        };
        while (!await world.Runner.Run(time, Cancel))
        {
            Assert.InRange(++ticks, 1, 3);
            Assert.Equal(("running", ticks * 40), (Accepted(await world.BatchDesk.Show(Id, Cancel)).State, Accepted(await world.BatchDesk.Show(Id, Cancel)).Done));
        }

        Assert.Equal(2, ticks);
        Assert.Equal(Expected, world.Batches.Lines(Id).Select(Outcome));
    }

    [Fact]
    public void Rate_and_prediction_follow_the_last_minutes()
    {
        var state = new BatchState("id", RowFormat.Csv, [], 1000, "alice", Pki.Now, 0, 0, 0, 0);
        Assert.Equal(("queued", null, null), Shape(BatchView.Of(state, Pki.Now)));
        for (var second = 0; second <= 120; second += 10) state = state.After(10, 10, 0, 0, Pki.Now.AddSeconds(second));
        var view = BatchView.Of(state, Pki.Now.AddSeconds(120));
        Assert.Equal(("running", 60.0), (view.State, view.RowsPerMinute));
        Assert.Equal(Pki.Now.AddSeconds(120) + TimeSpan.FromMinutes((1000 - 130) / 60.0), view.PredictedFinishAt);
        // Throttled: two minutes later only ten rows more.
        state = state.After(10, 10, 0, 0, Pki.Now.AddSeconds(240));
        Assert.InRange(BatchView.Of(state, Pki.Now.AddSeconds(240)).RowsPerMinute!.Value, 1, 40);
        state = state.After(860, 0, 0, 0, Pki.Now.AddSeconds(250));
        Assert.Equal(("finished", Pki.Now.AddSeconds(250), 860), (BatchView.Of(state, Pki.Now.AddDays(1)).State, state.FinishedAt, state.Refused));
        Assert.Null(BatchView.Of(state, Pki.Now.AddDays(1)).PredictedFinishAt);

        static (string, double?, DateTimeOffset?) Shape(BatchView view) => (view.State, view.RowsPerMinute, view.PredictedFinishAt);
    }

    [Fact]
    public async Task A_batch_that_is_none_is_refused()
    {
        var world = new World();
        Assert.Equal("batch-empty", (await Submit(world, "\n\n")).Fault?.Code);
        Assert.Equal("batch-header", (await Submit(world, "a,b,c\n", RowFormat.Csv)).Fault?.Code);
        Assert.Equal("batch-empty", (await Submit(world, "registrationId,model,owner,symmetricKey\n", RowFormat.Csv)).Fault?.Code);
        Assert.Equal("batch-unknown", (await world.BatchDesk.Show("../../profiles", Cancel)).Fault?.Code);
        Assert.Equal("batch-unknown", (await world.BatchDesk.Show(new string('0', 32), Cancel)).Fault?.Code);
        Assert.Equal("batch-unknown", (await world.BatchDesk.Results(new string('0', 32), Cancel)).Fault?.Code);
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(1, "batch-rows")]
    public async Task A_batch_has_at_most_100_000_rows(int beyond, string? fault) =>
        Assert.Equal(fault, (await Submit(new World(), string.Concat(Enumerable.Repeat("x\n", BatchDesk.RowsMax + beyond)))).Fault?.Code);

    [Fact]
    public async Task A_batch_has_at_most_100_MiB()
    {
        using var rows = new Endless(BatchDesk.BytesMax + 1L);
        Assert.Equal("body-too-large", (await new World().BatchDesk.Submit(rows, RowFormat.JsonLines, "alice", Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Two_runners_at_once_write_each_row_once()
    {
        var world = new World();
        Accepted(await Submit(world, Rows));
        var runners = Enumerable.Range(0, 3).Select(_ =>
        {
            world.Restart();
            return world.Runner;
        }).ToList();
        for (var round = 0; round < 4; round++) await Task.WhenAll(runners.Select(runner => Task.Run(() => runner.Run(TimeSpan.FromHours(1), Cancel))));
        Assert.Equal(Expected, world.Batches.Lines(Id).Select(Outcome));
        await world.AssertAgreed();
    }

    /// <summary>Number of a result's row and what became of it.</summary>
    public static string Outcome(string line)
    {
        var result = JsonDocument.Parse(line).RootElement;
        return $"{result.GetProperty("row").GetInt32()} {(result.TryGetProperty("fault", out var fault) ? fault.GetString() : result.TryGetProperty("receipt", out _) ? "ok" : "nothing")}";
    }

    private static string Line(int row) => row switch
    {
        5 => "{}",
        50 => Json("pump-50", "valve"),
        60 => Json("pump-59", "legacy"), // the row before again
        70 => Json("pump-69", "legacy", "globex"), // another owner
        _ => Json($"pump-{row}", "legacy"),
    };

    private static string Json(string id, string model, string owner = "acme") =>
        new JsonObject { ["registrationId"] = id, ["model"] = model, ["owner"] = owner, ["symmetricKey"] = true }.ToJsonString();

    private static string IdOf(string rows, RowFormat format) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes($"batch-1\n{format}\n{rows}")))[..32];

    private static async Task<Faults.Parsed<BatchView>> Submit(World world, string rows, RowFormat format = RowFormat.JsonLines)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(rows));
        return await world.BatchDesk.Submit(stream, format, "alice", Cancel);
    }

    private static BatchView Accepted(Faults.Parsed<BatchView> parsed) => parsed.TryGet(out var view, out var fault) ? view : throw new InvalidOperationException(fault.ToString());

    private sealed class Endless(long length) : Stream
    {
        private long _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(_left, count);
            _left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
