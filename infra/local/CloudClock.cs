namespace Serverless.Local;

/// <summary>Device time: the clock by which devices live and hubs stamp, which may run faster than the wall.</summary>
/// <remarks>Only stamps and schedules of the simulated world read it. Tokens, certificates, leases and timeouts live in wall time.
/// Its timestamps stay the wall's (<see cref="TimeProvider.GetTimestamp"/>), so that measured durations are true.</remarks>
/// <param name="wall">The wall clock.</param>
/// <param name="start">Device time at construction, UTC.</param>
/// <param name="speed">Device seconds per wall second, 1 to 100 000.</param>
public sealed class CloudClock(TimeProvider wall, DateTimeOffset start, double speed = 1) : TimeProvider
{
    private readonly long _began = wall.GetTimestamp();

    /// <summary>Device seconds per wall second.</summary>
    public double Speed { get; } = speed is >= 1 and <= 100_000 ? speed : throw new ArgumentOutOfRangeException(nameof(speed), "1 to 100000");

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => start + wall.GetElapsedTime(_began) * Speed;

    /// <summary>The wall time that a stretch of device time takes.</summary>
    /// <param name="deviceTime">A duration in device time.</param>
    public TimeSpan ToWall(TimeSpan deviceTime) => deviceTime / Speed;
}
