namespace Serverless.Local.IotHub;

/// <summary>A token bucket, full at start: a period's worth may come at once.</summary>
/// <remarks>Thread-safe. Wall time.</remarks>
/// <param name="capacity">Operations a period, 1 or more.</param>
/// <param name="period">The period.</param>
/// <param name="wall">Wall clock.</param>
internal sealed class RateBucket(int capacity, TimeSpan period, TimeProvider wall)
{
    private readonly Lock _gate = new();
    private double _tokens = capacity;
    private long _filledAt = wall.GetTimestamp();

    /// <summary>Takes one operation.</summary>
    /// <returns>Zero when it may go on, else how long until one is free.</returns>
    public TimeSpan Take()
    {
        lock (_gate)
        {
            _tokens = Math.Min(capacity, _tokens + (wall.GetElapsedTime(_filledAt) / period * capacity));
            _filledAt = wall.GetTimestamp();
            if (_tokens < 1) return (1 - _tokens) / capacity * period;
            _tokens--;
            return TimeSpan.Zero;
        }
    }
}
