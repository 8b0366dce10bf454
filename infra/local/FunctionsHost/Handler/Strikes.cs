namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>Counts a handler's deaths as the real host does: so many, none more than half an hour after the one before it in the window,
/// stop the host.</summary>
/// <param name="clock">Wall clock.</param>
/// <param name="max">Deaths that stop the host.</param>
internal sealed class Strikes(TimeProvider clock, int max)
{
    /// <summary>Deaths that stop the host.</summary>
    public int Max => max;

    /// <summary>How long a death counts.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(30);

    private readonly Queue<DateTimeOffset> _times = new();

    /// <summary>Deaths that count now.</summary>
    public int Count => _times.Count;

    /// <summary>Adds one.</summary>
    /// <returns>Whether the host must stop.</returns>
    public bool Add()
    {
        var now = clock.GetUtcNow();
        while (_times.TryPeek(out var oldest) && now - oldest > Window) _times.Dequeue();
        _times.Enqueue(now);
        return _times.Count >= Max;
    }
}
