using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>A token bucket a caller, after authentication: one caller cannot use up another's. Callers without a valid token share
/// one bucket.</summary>
/// <remarks>Nothing queues: a refused request answers 429 <c>rate-limited</c> with <c>Retry-After</c> in whole seconds. Buckets of callers
/// that went away are dropped by the limiter itself; their number is bounded by how many identities the tenant signs for.</remarks>
internal sealed class CallerRates(RateSettings rates) : IDisposable
{
    private readonly PartitionedRateLimiter<HttpContext> _buckets = PartitionedRateLimiter.Create<HttpContext, string>(
        context => RateLimitPartition.GetTokenBucketLimiter(Caller.Of(context.User), _ => Bucket(rates)), StringComparer.Ordinal);

    /// <summary>Takes a token and goes on, or refuses.</summary>
    public async Task Invoke(HttpContext context, RequestDelegate next)
    {
        using var lease = _buckets.AttemptAcquire(context);
        if (lease.IsAcquired)
        {
            await next(context).ConfigureAwait(false);
            return;
        }

        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromSeconds(1);
        context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        await Answer.RefuseNow(context, new Fault("rate-limited", "caller")).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _buckets.Dispose();

    private static TokenBucketRateLimiterOptions Bucket(RateSettings rates)
    {
        // Refilled at most every 100 ms and at least one whole token at a time.
        var perToken = TimeSpan.FromMinutes(1) / rates.RequestsPerMinute;
        var tokens = Math.Max(1, (int)(TimeSpan.FromMilliseconds(100) / perToken));
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(rates.Burst, tokens),
            TokensPerPeriod = tokens,
            ReplenishmentPeriod = perToken * tokens,
            QueueLimit = 0,
            AutoReplenishment = true,
        };
    }
}
