namespace Serverless.Rest;

/// <summary>At most so many operations in any window of time, as the service counts them, handed out fairly.</summary>
/// <remarks>Thread-safe. An operation counts from its start until one window after its <em>end</em>: the service saw it at some instant
/// in between, so no window of the service's holds more than the budget, whatever the network delays. Waiters of one piece of work are
/// served first come, first served; pieces of work take turns, so that a sweep of thousands does not keep one urgent call waiting.</remarks>
/// <param name="operations">Operations a window, 1 or more.</param>
/// <param name="window">The window's length.</param>
/// <param name="clock">Monotonic time.</param>
public sealed class RateBudget(int operations, TimeSpan window, TimeProvider clock) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<long> _ended = new();
    private readonly Dictionary<string, LinkedList<Waiter>> _lanes = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _turns = new();
    private ITimer? _timer;
    private int _running;
    private long _pausedAt;
    private TimeSpan _pause;

    /// <summary>Operations a window.</summary>
    public int Operations { get; } = operations >= 1 ? operations : throw new ArgumentOutOfRangeException(nameof(operations));

    /// <summary>The window's length.</summary>
    public TimeSpan Window { get; } = window > TimeSpan.Zero ? window : throw new ArgumentOutOfRangeException(nameof(window));

    /// <summary>Operations that could start now.</summary>
    public int Free
    {
        get
        {
            lock (_gate)
            {
                Forget();
                return Paused() > TimeSpan.Zero ? 0 : Math.Max(0, Operations - _running - _ended.Count);
            }
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <param name="work">The piece of work that asks; names take turns.</param>
    /// <param name="patience">Longest wait.</param>
    /// <param name="cancel">Gives up the place in the queue.</param>
    /// <returns>The place, to be disposed of when the answer is there; or <see langword="null"/> after <paramref name="patience"/>.</returns>
    public async Task<IDisposable?> Take(string work, TimeSpan patience, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_gate)
        {
            waiter = new Waiter(this);
            if (!_lanes.TryGetValue(work, out var lane))
            {
                _lanes[work] = lane = new LinkedList<Waiter>();
                _turns.AddLast(work);
            }

            lane.AddLast(waiter);
            Serve();
        }

        if (waiter.Granted.Task.IsCompletedSuccessfully) return waiter;
        try
        {
            await waiter.Granted.Task.WaitAsync(patience, clock, cancel).ConfigureAwait(false);
            return waiter;
        }
        catch (Exception gaveUp) when (gaveUp is TimeoutException or OperationCanceledException)
        {
            lock (_gate)
            {
                if (_lanes.TryGetValue(work, out var lane) && lane.Remove(waiter))
                {
                    DropIfEmpty(work, lane);
                    if (gaveUp is TimeoutException) return null;
                    throw;
                }
            }

            // Served in the same instant: a place that is not used is given back at once, as if it had never been taken.
            if (gaveUp is TimeoutException) return waiter;
            waiter.GiveBack();
            throw;
        }
    }

    /// <summary>Starts nothing for a while: the service said that it is over its rate, whoever caused it.</summary>
    /// <param name="wait">How long; a longer pause that is on already stays.</param>
    public void Pause(TimeSpan wait)
    {
        lock (_gate)
        {
            if (wait <= Paused()) return;
            (_pausedAt, _pause) = (clock.GetTimestamp(), wait);
            Serve();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _timer?.Dispose();
    }

    private TimeSpan Paused() => _pause == TimeSpan.Zero ? TimeSpan.Zero : _pause - clock.GetElapsedTime(_pausedAt);

    private void Forget()
    {
        while (_ended.TryPeek(out var ended) && clock.GetElapsedTime(ended) >= Window) _ended.Dequeue();
    }

    private void Serve()
    {
        Forget();
        while (_turns.First is { } turn && Paused() <= TimeSpan.Zero && _running + _ended.Count < Operations)
        {
            var (work, lane) = (turn.Value, _lanes[turn.Value]);
            var next = lane.First!.Value;
            lane.RemoveFirst();
            _turns.RemoveFirst();
            if (lane.Count > 0) _turns.AddLast(work);
            else _lanes.Remove(work);
            _running++;
            next.Granted.SetResult();
        }

        if (_turns.Count == 0) return;
        // The next change without anybody's doing: the pause ends, or the oldest ended operation leaves its window.
        var wait = Paused();
        if (wait <= TimeSpan.Zero && _ended.TryPeek(out var oldest)) wait = Window - clock.GetElapsedTime(oldest);
        if (wait <= TimeSpan.Zero) return; // everything is running; the end of one serves
        _timer ??= clock.CreateTimer(static state => ((RateBudget)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        // A timer counts whole milliseconds and may fire early by less than one.
        _timer.Change(wait + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }

    private void Tick()
    {
        lock (_gate) Serve();
    }

    private void DropIfEmpty(string work, LinkedList<Waiter> lane)
    {
        if (lane.Count > 0) return;
        _lanes.Remove(work);
        _turns.Remove(work);
    }

    private void End(bool counted)
    {
        lock (_gate)
        {
            _running--;
            if (counted) _ended.Enqueue(clock.GetTimestamp());
            Serve();
        }
    }

    private sealed class Waiter(RateBudget budget) : IDisposable
    {
        private int _over;

        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void GiveBack() => Over(counted: false);

        public void Dispose() => Over(counted: true);

        private void Over(bool counted)
        {
            if (Interlocked.Exchange(ref _over, 1) == 0) budget.End(counted);
        }
    }
}
