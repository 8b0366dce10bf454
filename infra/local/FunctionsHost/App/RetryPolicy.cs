namespace Serverless.Local.FunctionsHost.App;

/// <summary>The <c>retry</c> member of function.json.</summary>
/// <param name="MaxRetryCount">Retries after the first attempt; -1 for ever.</param>
/// <param name="MinimumInterval">First delay; every delay, if the policy is fixed.</param>
/// <param name="MaximumInterval">Longest delay of an exponential policy; <see langword="null"/> for a fixed one.</param>
internal sealed record RetryPolicy(int MaxRetryCount, TimeSpan MinimumInterval, TimeSpan? MaximumInterval)
{
    /// <summary>Whether another attempt follows.</summary>
    /// <param name="retries">Retries made so far.</param>
    public bool Allows(int retries) => MaxRetryCount < 0 || retries < MaxRetryCount;

    /// <summary>Delay before a retry. Exponential: doubled each time, spread by a fifth either way so that partitions that failed together
    /// do not come back together. The spread is a function of the invocation, so a run can be repeated.</summary>
    /// <param name="retry">1 for the first retry.</param>
    /// <param name="invocation">Seeds the spread.</param>
    public TimeSpan Delay(int retry, Guid invocation)
    {
        if (MaximumInterval is not { } longest) return MinimumInterval;
        var spread = 0.8 + 0.4 * (Hash(invocation, retry) / (double)uint.MaxValue);
        var seconds = MinimumInterval.TotalSeconds * Math.Pow(2, Math.Min(retry - 1, 40)) * spread;
        return TimeSpan.FromSeconds(Math.Min(seconds, longest.TotalSeconds));
    }

    private static uint Hash(Guid invocation, int retry)
    {
        unchecked
        {
            var hash = 2166136261u; // FNV-1a
            foreach (var part in invocation.ToByteArray()) hash = (hash ^ part) * 16777619;
            return (hash ^ (uint)retry) * 16777619;
        }
    }
}
