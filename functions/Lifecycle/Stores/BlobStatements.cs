using System.Globalization;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Serverless.Devices;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Stores;

/// <summary>Statements of death as blobs <c>deaths/{id}/{asked}.jws</c> in container <c>audit</c>, whose immutability policy lets nobody change or
/// delete them. Written with "only if there is none"; an id that ends twice (after a transfer) has two.</summary>
/// <param name="container">Container <c>audit</c>; it exists.</param>
internal sealed class BlobStatements(BlobContainerClient container) : IStatements
{
    /// <inheritdoc/>
    public async Task<string> Store(DeviceRecord device, string statement, CancellationToken cancel)
    {
        try
        {
            var headers = new BlobHttpHeaders { ContentType = "application/jose" };
            await container.GetBlobClient(Name(device)).UploadAsync(
                BinaryData.FromString(statement), new BlobUploadOptions { HttpHeaders = headers, Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } }, cancel).ConfigureAwait(false);
            return statement;
        }
        catch (RequestFailedException there) when (there.Status is 409 or 412)
        {
            return await Read(device, cancel).ConfigureAwait(false) ?? throw new InvalidOperationException("a statement is there and is not");
        }
    }

    /// <inheritdoc/>
    public async Task<string?> Read(DeviceRecord device, CancellationToken cancel)
    {
        try
        {
            var read = await container.GetBlobClient(Name(device)).DownloadStreamingAsync(cancellationToken: cancel).ConfigureAwait(false);
            using var content = read.Value;
            if (content.Details.ContentLength > DeathStatement.BytesMax) throw new IOException("a statement of death is longer than any");
            using var reader = new StreamReader(content.Content, Encoding.UTF8);
            return await reader.ReadToEndAsync(cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }

    private static string Name(DeviceRecord device) =>
        string.Create(CultureInfo.InvariantCulture, $"deaths/{device.Id.Text}/{device.Ending!.AskedAt.UtcTicks:D19}.jws");
}

/// <summary>Attempts to come back as append blobs <c>returns/{id}.jsonl</c> in container <c>audit</c>: one line an attempt.</summary>
/// <param name="container">Container <c>audit</c>; it exists, and its policy allows appends.</param>
internal sealed class BlobReturns(BlobContainerClient container) : IReturns
{
    private const int BytesMax = 4 * 1024 * 1024;

    /// <inheritdoc/>
    public async Task Note(DeviceId device, ReturnAttempt attempt, CancellationToken cancel)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(attempt, ReturnsJson.Default.ReturnAttempt);
        var blob = container.GetAppendBlobClient(Name(device));
        for (var tries = 1; ; tries++)
        {
            try
            {
                using var block = new MemoryStream([.. line, (byte)'\n'], writable: false);
                await blob.AppendBlockAsync(block, cancellationToken: cancel).ConfigureAwait(false);
                return;
            }
            catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound && tries == 1)
            {
                await blob.CreateIfNotExistsAsync(cancellationToken: cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException full) when (full.ErrorCode == BlobErrorCode.BlockCountExceedsLimit)
            {
                return; // 50,000 attempts say it all
            }
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ReturnAttempt>> Read(DeviceId device, CancellationToken cancel)
    {
        try
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(0, BytesMax) };
            var read = await container.GetBlobClient(Name(device)).DownloadStreamingAsync(options, cancel).ConfigureAwait(false);
            using var content = read.Value;
            using var reader = new StreamReader(content.Content, Encoding.UTF8);
            var lines = new List<string>();
            while (await reader.ReadLineAsync(cancel).ConfigureAwait(false) is { Length: > 0 } line) lines.Add(line);
            if (content.Details.ContentLength >= BytesMax && lines.Count > 0) lines.RemoveAt(lines.Count - 1); // the range may end within it
            var attempts = lines.Select(line => JsonSerializer.Deserialize(line, ReturnsJson.Default.ReturnAttempt)).OfType<ReturnAttempt>();
            return [.. attempts.OrderBy(attempt => attempt.At)];
        }
        catch (RequestFailedException missing) when (missing.Status is 404 or 416)
        {
            return []; // none, or a blob without a line yet
        }
    }

    private static string Name(DeviceId device) => $"returns/{device.Text}.jsonl";
}

[System.Text.Json.Serialization.JsonSerializable(typeof(ReturnAttempt))]
internal sealed partial class ReturnsJson : System.Text.Json.Serialization.JsonSerializerContext;
