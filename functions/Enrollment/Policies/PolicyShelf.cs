using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Policies;

/// <summary>Where the policy document is.</summary>
internal interface IPolicyDocument
{
    /// <summary>Reads it if it is not the version known.</summary>
    /// <param name="known">ETag of the version known, if any.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The document and its ETag; or no bytes when the version known is still the newest.</returns>
    Task<(byte[]? Document, string ETag)> Read(string? known, CancellationToken cancel);
}

/// <summary>The policy in container <c>profiles</c>.</summary>
internal sealed class BlobPolicy(BlobContainerClient profiles) : IPolicyDocument
{
    /// <summary>Name of the document.</summary>
    public const string Name = "policies/enrollment.json";

    /// <inheritdoc/>
    public async Task<(byte[]? Document, string ETag)> Read(string? known, CancellationToken cancel)
    {
        var options = new BlobDownloadOptions
        {
            Range = new HttpRange(0, FleetPolicy.BytesMax + 1), // one more, so that too long is seen
            Conditions = known is null ? null : new BlobRequestConditions { IfNoneMatch = new ETag(known) },
        };
        try
        {
            var got = await profiles.GetBlobClient(Name).DownloadContentAsync(options, cancel).ConfigureAwait(false);
            return got.GetRawResponse().Status == 304 ? (null, known!) : (got.Value.Content.ToArray(), got.Value.Details.ETag.ToString());
        }
        catch (RequestFailedException same) when (same.Status == 304)
        {
            return (null, known!);
        }
    }
}

/// <summary>The fleet's policy as of a short while ago. Thread-safe.</summary>
/// <remarks>A document that is refused or cannot be reached leaves the last good one in use: a slip of the pen must not stop a fleet, and
/// is logged as an error each time it is met. Without any good one yet, admission is an outage.</remarks>
internal sealed class PolicyShelf(IPolicyDocument document, TimeSpan interval, TimeProvider clock, ILogger<PolicyShelf> log) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private volatile Kept? _kept;

    /// <summary>The policy.</summary>
    /// <exception cref="IOException">There is no good one.</exception>
    public async ValueTask<FleetPolicy> Get(CancellationToken cancel)
    {
        if (_kept is { } fresh && clock.GetElapsedTime(fresh.At) < interval) return fresh.Policy;
        await _turn.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var kept = _kept;
            if (kept is not null && clock.GetElapsedTime(kept.At) < interval) return kept.Policy;
            _kept = kept = await Look(kept, cancel).ConfigureAwait(false);
            return kept.Policy;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task<Kept> Look(Kept? kept, CancellationToken cancel)
    {
        (byte[]? Document, string ETag) read;
        try
        {
            read = await document.Read(kept?.ETag, cancel).ConfigureAwait(false);
        }
        catch (Exception outage) when (kept is not null && outage is RequestFailedException or IOException)
        {
            Log.PolicyUnreachable(log, outage);
            return kept! with { At = clock.GetTimestamp() };
        }

        if (read.Document is not { } json) return kept! with { At = clock.GetTimestamp() };
        if (FleetPolicy.Parse(json).TryGet(out var policy, out var fault)) return new Kept(policy, read.ETag, clock.GetTimestamp());
        Log.PolicyRefused(log, fault.Code, fault.Where, kept is not null);
        return kept is not null ? kept with { At = clock.GetTimestamp() } : throw new IOException($"the enrolment policy is refused: {fault}");
    }

    private sealed record Kept(FleetPolicy Policy, string ETag, long At);
}
