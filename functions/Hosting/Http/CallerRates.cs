using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
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
        if (context.GetEndpoint()?.Metadata.GetMetadata<NoCallerRate>() is not null)
        {
            await next(context).ConfigureAwait(false);
            return;
        }

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

/// <summary>A route whose callers are not told apart by token, and which bounds them itself.</summary>
internal sealed class NoCallerRate
{
    public static NoCallerRate Metadata { get; } = new();
}

/// <summary>Routes and callers' rates.</summary>
public static class CallerRateRoutes
{
    /// <summary>Takes no token of a caller's bucket for this route: for a webhook that one service calls for everybody, where the bucket that
    /// all callers without a token share would be a way to shut that service out. The route must bound its load by itself.</summary>
    /// <typeparam name="TBuilder">The route's builder.</typeparam>
    /// <param name="route">The route.</param>
    public static TBuilder WithoutCallerRate<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(NoCallerRate.Metadata);
}
