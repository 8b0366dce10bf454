namespace Serverless.Local.IotHub;

/// <summary>At most so many operations in any window of time, wherever it begins. Stricter than a token bucket, which lets a window's worth pass
/// at once and another one while it fills: who stays inside this stays inside any counting that the service may do.</summary>
/// <remarks>Thread-safe. Wall time. Refused operations do not count.</remarks>
/// <param name="capacity">Operations a window, 1 or more.</param>
/// <param name="window">The window.</param>
/// <param name="wall">Wall clock.</param>
internal sealed class RateWindow(int capacity, TimeSpan window, TimeProvider wall)
{
    private readonly Lock _gate = new();
    private readonly Queue<long> _taken = new();

    /// <summary>Takes one operation.</summary>
    /// <param name="within">Operations of the window that ends now, this one included.</param>
    /// <returns>Zero when it may go on, else how long until one is free.</returns>
    public TimeSpan Take(out int within)
    {
        lock (_gate)
        {
            while (_taken.TryPeek(out var oldest) && wall.GetElapsedTime(oldest) >= window) _taken.Dequeue();
            if (_taken.Count >= capacity)
            {
                within = _taken.Count;
                return window - wall.GetElapsedTime(_taken.Peek());
            }

            _taken.Enqueue(wall.GetTimestamp());
            within = _taken.Count;
            return TimeSpan.Zero;
        }
    }
}
