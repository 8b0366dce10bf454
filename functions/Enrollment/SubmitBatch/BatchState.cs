using Serverless.Enrollment.Admission;
using Serverless.Enrollment.EnrollDevice;

namespace Serverless.Enrollment.SubmitBatch;

/// <summary>How far a batch is: blob <c>batches/{id}/state.json</c>, each version by compare-and-swap.</summary>
/// <param name="Id">32 hex characters of the SHA-256 of what was submitted: the same submitted twice is one batch.</param>
/// <param name="Format"><c>Csv</c> or <c>JsonLines</c>.</param>
/// <param name="Columns">Columns of CSV, in their order.</param>
/// <param name="Rows">Rows in all.</param>
/// <param name="Caller">Who submitted it.</param>
/// <param name="SubmittedAt">When, UTC.</param>
/// <param name="Offset">Bytes of the rows done, header included.</param>
/// <param name="Results">Bytes of the results that belong to the rows done.</param>
/// <param name="Done">Rows done.</param>
/// <param name="Accepted">Of them, rows enrolled.</param>
internal sealed record BatchState(
    string Id, RowFormat Format, IReadOnlyList<string> Columns, int Rows, string Caller, DateTimeOffset SubmittedAt, long Offset, long Results, int Done, int Accepted)
{
    /// <summary>When the first row was done, UTC.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When the last row was done, UTC.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>When the rate began to be measured: a minute or two ago, so that it follows a throttle.</summary>
    public DateTimeOffset? MarkAt { get; init; }

    /// <summary>Rows done then.</summary>
    public int MarkDone { get; init; }

    /// <summary>The mark that is next to be.</summary>
    public DateTimeOffset? NextMarkAt { get; init; }

    /// <summary>Rows done then.</summary>
    public int NextMarkDone { get; init; }

    /// <summary>Rows refused.</summary>
    public int Refused => Done - Accepted;

    /// <summary>The state after some rows.</summary>
    public BatchState After(int rows, int accepted, long offset, long results, DateTimeOffset now)
    {
        var state = this with { Done = Done + rows, Accepted = Accepted + accepted, Offset = offset, Results = results, StartedAt = StartedAt ?? now };
        if (state.Done >= Rows) state = state with { FinishedAt = now };
        if (MarkAt is null) return state with { MarkAt = now, MarkDone = state.Done, NextMarkAt = now, NextMarkDone = state.Done };
        return now - NextMarkAt >= TimeSpan.FromMinutes(1) ? state with { MarkAt = NextMarkAt, MarkDone = NextMarkDone, NextMarkAt = now, NextMarkDone = state.Done } : state;
    }
}

/// <summary>A batch as it is shown.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State"><c>queued</c>, <c>running</c> or <c>finished</c>.</param>
/// <param name="Rows">Rows in all.</param>
/// <param name="Done">Rows done.</param>
/// <param name="Accepted">Rows enrolled.</param>
/// <param name="Refused">Rows refused.</param>
/// <param name="SubmittedBy">Who submitted it.</param>
/// <param name="SubmittedAt">When, UTC.</param>
/// <param name="RowsPerMinute">Over the last minute or two; <see langword="null"/> before there is one.</param>
/// <param name="PredictedFinishAt">When it will be finished at that rate, UTC.</param>
/// <param name="FinishedAt">When it was finished, UTC.</param>
internal sealed record BatchView(
    string Id, string State, int Rows, int Done, int Accepted, int Refused, string SubmittedBy, DateTimeOffset SubmittedAt, double? RowsPerMinute,
    DateTimeOffset? PredictedFinishAt, DateTimeOffset? FinishedAt)
{
    /// <summary>The view of a state.</summary>
    public static BatchView Of(BatchState state, DateTimeOffset now)
    {
        var span = state.MarkAt is { } mark ? (state.FinishedAt ?? now) - mark : TimeSpan.Zero;
        double? rate = span > TimeSpan.Zero && state.Done > state.MarkDone ? (state.Done - state.MarkDone) / span.TotalMinutes : null;
        return new BatchView(
            state.Id, state.FinishedAt is not null ? "finished" : state.StartedAt is not null ? "running" : "queued", state.Rows, state.Done, state.Accepted, state.Refused,
            state.Caller, state.SubmittedAt, rate is { } exact ? Math.Round(exact, 1) : null,
            state.FinishedAt is null && rate is { } perMinute ? now + TimeSpan.FromMinutes((state.Rows - state.Done) / perMinute) : null, state.FinishedAt);
    }
}

/// <summary>One line of a batch's results, in the order of its rows.</summary>
/// <param name="Row">Number of the row, from 1.</param>
/// <param name="RegistrationId">The device, where the row named one.</param>
/// <param name="Receipt">What an accepted row is answered.</param>
/// <param name="Fault">Why a row was refused.</param>
/// <param name="Where">Path of the field at fault.</param>
internal sealed record RowResult(int Row, string? RegistrationId = null, EnrollmentReceipt? Receipt = null, string? Fault = null, string? Where = null);
