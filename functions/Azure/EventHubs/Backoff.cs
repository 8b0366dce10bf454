using System.Security.Cryptography;

namespace Serverless.EventHubs;

/// <summary>Waits between tries, jittered so that many clients do not come back at once, inside one bound of time.</summary>
internal sealed class Backoff(EventHubsClientOptions options, TimeProvider clock)
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(5);
    private readonly long _began = clock.GetTimestamp();
    private int _tries;

    /// <summary>Waits before the next try.</summary>
    /// <param name="condition">Why the last one failed.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>Whether to try again; <see langword="false"/>, at once, when the wait would pass the bound.</returns>
    public async Task<bool> Wait(string condition, CancellationToken cancel)
    {
        var wait = TimeSpan.FromTicks(Math.Min(WaitMax.Ticks, options.RetryWait.Ticks << Math.Min(_tries++, 10)));
        wait *= 0.5 + (RandomNumberGenerator.GetInt32(500) / 1000.0);
        if (condition == Conditions.ServerBusy) wait += options.ServerBusyWait;
        if (clock.GetElapsedTime(_began) + wait > options.RetryBound) return false;
        await Task.Delay(wait, clock, cancel).ConfigureAwait(false);
        return true;
    }
}
