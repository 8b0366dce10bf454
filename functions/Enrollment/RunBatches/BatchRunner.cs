using System.Text.Json;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.SubmitBatch;
using Serverless.Faults;

namespace Serverless.Enrollment.RunBatches;

/// <summary>Works on open batches: some rows at a time, results appended, then the state.</summary>
/// <remarks>A crash before the append repeats the rows, which enrol the same again and answer the same. A crash between append and state is
/// found by the results being longer than the state knows: those rows are counted and not done again. Two runners at once do harm to
/// nobody: results are appended only at the length that was read, so one of the two gives the batch up.</remarks>
internal sealed class BatchRunner(IBatches batches, Enroller enroller, TimeProvider clock, ILogger<BatchRunner> log)
{
    /// <summary>Rows between two commits: four bulk calls of DPS.</summary>
    public const int RowsAtOnce = 4 * Enroller.AtOnce;

    /// <summary>Works until everything is done or the time is over.</summary>
    /// <param name="time">How long; a chunk begun is finished.</param>
    /// <param name="cancel">Stops between two chunks or in one.</param>
    /// <returns>Whether every open batch is finished.</returns>
    public async Task<bool> Run(TimeSpan time, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        var open = new List<(BatchState State, string Version)>();
        foreach (var id in await batches.ListOpen(cancel).ConfigureAwait(false))
        {
            if (await batches.Get(id, cancel).ConfigureAwait(false) is { } batch) open.Add(batch);
        }

        var finished = true;
        foreach (var (state, version) in open.OrderBy(batch => batch.State.SubmittedAt).ThenBy(batch => batch.State.Id, StringComparer.Ordinal))
        {
            var progress = new Progress(state, version);
            try
            {
                finished &= await Work(progress, () => clock.GetElapsedTime(start) < time, cancel).ConfigureAwait(false);
            }
            catch (Exception outage) when (!cancel.IsCancellationRequested && outage is not (InvalidOperationException or ArgumentException))
            {
                Log.BatchInterrupted(log, outage, state.Id, progress.State.Done); // the next tick goes on; the other batches need not wait for it
                finished = false;
            }
        }

        return finished;
    }

    private async Task<bool> Work(Progress progress, Func<bool> timeLeft, CancellationToken cancel)
    {
        var id = progress.State.Id;
        if (progress.State.FinishedAt is null && !await Recover(progress, cancel).ConfigureAwait(false)) return false;
        if (progress.State.FinishedAt is null)
        {
            var rows = await batches.OpenRows(id, progress.State.Offset, cancel).ConfigureAwait(false);
            await using (rows.ConfigureAwait(false))
            {
                var reader = new RowReader(rows, progress.State.Format, [.. progress.State.Columns], progress.State.Offset);
                while (progress.State.FinishedAt is null)
                {
                    if (!timeLeft()) return false;
                    if (!await Chunk(progress, reader, cancel).ConfigureAwait(false)) return false;
                }
            }
        }

        await batches.Close(id, cancel).ConfigureAwait(false);
        Log.BatchProgress(log, id, progress.State.Done, progress.State.Rows, progress.State.Refused);
        return true;
    }

    /// <summary>Takes account of results that a crash left behind the state's back.</summary>
    private async Task<bool> Recover(Progress progress, CancellationToken cancel)
    {
        var state = progress.State;
        var (rows, accepted, length) = (0, 0, state.Results);
        var tail = await batches.OpenResults(state.Id, state.Results, cancel).ConfigureAwait(false);
        await using (tail.ConfigureAwait(false))
        {
            using var reader = new StreamReader(tail);
            while (await reader.ReadLineAsync(cancel).ConfigureAwait(false) is { } line)
            {
                var result = JsonSerializer.Deserialize(line, EnrollmentJson.Default.RowResult)!;
                (rows, accepted, length) = (rows + 1, accepted + (result.Receipt is null ? 0 : 1), length + System.Text.Encoding.UTF8.GetByteCount(line) + 1);
            }
        }

        if (rows == 0) return true;
        var input = await batches.OpenRows(state.Id, state.Offset, cancel).ConfigureAwait(false);
        await using (input.ConfigureAwait(false))
        {
            var reader = new RowReader(input, state.Format, [.. state.Columns], state.Offset);
            for (var row = 0; row < rows; row++) await reader.Skim(cancel).ConfigureAwait(false);
            return await Advance(progress, state.After(rows, accepted, reader.Offset, length, clock.GetUtcNow()), cancel).ConfigureAwait(false);
        }
    }

    private async Task<bool> Chunk(Progress progress, RowReader reader, CancellationToken cancel)
    {
        var state = progress.State;
        var rows = new List<BatchRow>();
        while (rows.Count < RowsAtOnce && await reader.Next(cancel).ConfigureAwait(false) is { } row) rows.Add(row);
        if (rows.Count == 0) throw new InvalidOperationException($"batch {state.Id} has fewer rows than were counted");
        var results = await Enroll(state, rows, cancel).ConfigureAwait(false);
        using var lines = new MemoryStream();
        foreach (var result in results)
        {
            lines.Write(JsonSerializer.SerializeToUtf8Bytes(result, EnrollmentJson.Default.RowResult));
            lines.WriteByte((byte)'\n');
        }

        if (!await batches.Append(state.Id, lines.ToArray(), state.Results, cancel).ConfigureAwait(false)) return false; // another runner is at it
        var after = state.After(rows.Count, results.Count(result => result.Receipt is not null), rows[^1].End, state.Results + lines.Length, clock.GetUtcNow());
        return await Advance(progress, after, cancel).ConfigureAwait(false);
    }

    private async Task<RowResult[]> Enroll(BatchState state, List<BatchRow> rows, CancellationToken cancel)
    {
        var asked = rows.Select((row, at) => (At: at, Request: row.Request.TryGet(out var request, out _) ? request : null)).Where(row => row.Request is not null).ToList();
        var answers = new Parsed<EnrollmentReceipt>[rows.Count];
        // Rows of one id are done in their order: the first of them is the enrolment, whatever runs side by side.
        var firsts = asked.DistinctBy(row => row.Request!.Id).ToList();
        await Task.WhenAll(firsts.Chunk(Enroller.AtOnce).Select(Some)).ConfigureAwait(false);
        foreach (var again in asked.Except(firsts)) await Some([again]).ConfigureAwait(false);
        return [.. rows.Select((row, at) =>
        {
            var number = state.Done + at + 1;
            if (!row.Request.TryGet(out var request, out var malformed)) return new RowResult(number, null, null, malformed.Code, malformed.Where);
            return answers[at].TryGet(out var receipt, out var fault)
                ? new RowResult(number, request.Id.Text, receipt, null, null)
                : new RowResult(number, request.Id.Text, null, fault.Code, fault.Where);
        })];

        async Task Some((int At, EnrollmentRequest? Request)[] some)
        {
            var receipts = await enroller.Enroll([.. some.Select(one => one.Request!)], state.Caller, $"batch {state.Id}", cancel).ConfigureAwait(false);
            for (var at = 0; at < some.Length; at++) answers[some[at].At] = receipts[at];
        }
    }

    private async Task<bool> Advance(Progress progress, BatchState after, CancellationToken cancel)
    {
        if (await batches.Put(after, progress.Version, cancel).ConfigureAwait(false) is not { } version) return false;
        (progress.State, progress.Version) = (after, version);
        return true;
    }

    private sealed class Progress(BatchState state, string version)
    {
        public BatchState State { get; set; } = state;

        public string Version { get; set; } = version;
    }
}
