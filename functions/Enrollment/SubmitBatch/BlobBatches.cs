using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Serverless.Enrollment.SubmitBatch;

/// <summary>Batches in container <c>enrollment</c>.</summary>
/// <param name="container">The container; it exists.</param>
internal sealed class BlobBatches(BlobContainerClient container) : IBatches
{
    /// <inheritdoc/>
    public Task SaveRows(string id, Stream rows, CancellationToken cancel) => container.GetBlobClient(Rows(id)).UploadAsync(rows, overwrite: true, cancel);

    /// <inheritdoc/>
    public Task<Stream> OpenRows(string id, long from, CancellationToken cancel) => Read(Rows(id), from, cancel);

    /// <inheritdoc/>
    public async Task<(BatchState State, string Version)?> Get(string id, CancellationToken cancel)
    {
        try
        {
            var got = (await container.GetBlobClient(State(id)).DownloadContentAsync(cancel).ConfigureAwait(false)).Value;
            return (JsonSerializer.Deserialize(got.Content.ToMemory().Span, EnrollmentJson.Default.BatchState)!, got.Details.ETag.ToString());
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<string?> Put(BatchState state, string? version, CancellationToken cancel)
    {
        var only = version is null ? new BlobRequestConditions { IfNoneMatch = ETag.All } : new BlobRequestConditions { IfMatch = new ETag(version) };
        var json = BinaryData.FromBytes(JsonSerializer.SerializeToUtf8Bytes(state, EnrollmentJson.Default.BatchState));
        try
        {
            return (await container.GetBlobClient(State(state.Id)).UploadAsync(json, new BlobUploadOptions { Conditions = only }, cancel).ConfigureAwait(false)).Value.ETag.ToString();
        }
        catch (RequestFailedException moved) when (moved.Status is 409 or 412)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> Append(string id, ReadOnlyMemory<byte> lines, long position, CancellationToken cancel)
    {
        var blob = container.GetAppendBlobClient(Results(id));
        using var block = new MemoryStream(lines.ToArray(), writable: false);
        if (position == 0) await blob.CreateIfNotExistsAsync(cancellationToken: cancel).ConfigureAwait(false);
        try
        {
            var only = new AppendBlobAppendBlockOptions { Conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = position } };
            await blob.AppendBlockAsync(block, only, cancel).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException moved) when (moved.Status == 412)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public Task<Stream> OpenResults(string id, long from, CancellationToken cancel) => Read(Results(id), from, cancel);

    /// <inheritdoc/>
    public Task Open(string id, CancellationToken cancel) => container.GetBlobClient(Mark(id)).UploadAsync(BinaryData.FromString(""), overwrite: true, cancel);

    /// <inheritdoc/>
    public Task Close(string id, CancellationToken cancel) => container.GetBlobClient(Mark(id)).DeleteIfExistsAsync(cancellationToken: cancel);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> ListOpen(CancellationToken cancel)
    {
        var ids = new List<string>();
        await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, "open/", cancel).ConfigureAwait(false)) ids.Add(blob.Name["open/".Length..]);
        return ids;
    }

    private async Task<Stream> Read(string name, long from, CancellationToken cancel)
    {
        var blob = container.GetBlobClient(name);
        try
        {
            var known = (await blob.GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value;
            // A range that starts at the end is refused by the service (416), though it means "nothing new".
            if (from >= known.ContentLength) return Stream.Null;
            var range = new BlobDownloadOptions { Range = new HttpRange(from, known.ContentLength - from) };
            return (await blob.DownloadStreamingAsync(range, cancel).ConfigureAwait(false)).Value.Content;
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return Stream.Null;
        }
    }

    private static string Rows(string id) => $"batches/{id}/rows";

    private static string State(string id) => $"batches/{id}/state.json";

    private static string Results(string id) => $"batches/{id}/results.jsonl";

    private static string Mark(string id) => $"open/{id}";
}
