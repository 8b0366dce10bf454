using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Specialized;

namespace Serverless.Local.FunctionsHost.Timers;

/// <summary>The singleton lock of a timer: of several instances of an app, one fires it. A blob lease, as in the real host
/// (<c>locks/{host id}/Host.Functions.{function}.Listener</c>).</summary>
internal sealed class TimerLock(BlobContainerClient container, string hostId, string function, TimeProvider clock)
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(15); // the shortest a lease may be
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(5);

    /// <summary>Tries to take the lock.</summary>
    /// <returns>The lease, or <see langword="null"/> while somebody else holds it.</returns>
    public async Task<BlobLeaseClient?> TryTake(CancellationToken cancel)
    {
        var blob = container.GetBlobClient($"locks/{hostId}/Host.Functions.{function}.Listener");
        try
        {
            await blob.UploadAsync(BinaryData.Empty, overwrite: false, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (error.Status is 409 or 412)
        {
            // There already; the lease is what counts.
        }

        var lease = blob.GetBlobLeaseClient(HostIdentity.NewId().ToString());
        try
        {
            await lease.AcquireAsync(Length, cancellationToken: cancel).ConfigureAwait(false);
            return lease;
        }
        catch (RequestFailedException error) when (error.Status == 409)
        {
            return null;
        }
    }

    /// <summary>Renews the lease until cancelled; returns when it is lost.</summary>
    public async Task Hold(BlobLeaseClient lease, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await Task.Delay(RenewEvery, clock, cancel).ConfigureAwait(false);
                await lease.RenewAsync(cancellationToken: cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await lease.ReleaseAsync(cancellationToken: CancellationToken.None).ConfigureAwait(false);
        }
        catch (RequestFailedException)
        {
            // Lost, or storage is away for longer than the lease: either way somebody else may fire now.
        }
    }
}
