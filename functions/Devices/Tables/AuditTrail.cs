using System.Globalization;
using System.Text;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Serverless.Devices.Tables;

/// <summary>The audit trail of devices in blob container <c>audit</c>: append blobs <c>devices/{bucket}/{yyyy-MM}.{n}.jsonl</c>, one line an
/// entry. Thread-safe.</summary>
/// <remarks>The container's immutability policy allows appends and nothing else. A block lands whole or not at all; a block whose
/// answer was lost is appended again, so readers take each (device, revision) once.</remarks>
/// <param name="container">Container <c>audit</c>; it exists.</param>
internal sealed class AuditTrail(BlobContainerClient container)
{
    /// <summary>Most bytes of a block. The service takes 4 MiB in every version; a margin for the last line.</summary>
    private const int BlockBytesMax = 3 * 1024 * 1024;

    private readonly int[] _number = new int[Rows.Buckets]; // which blob of the month was the last that took a block; a hint

    /// <summary>Appends lines of one bucket. After an exception some may have landed.</summary>
    public async Task Append(int bucket, IEnumerable<string> lines, DateTimeOffset now, CancellationToken cancel)
    {
        using var block = new MemoryStream();
        foreach (var line in lines)
        {
            var bytes = Encoding.UTF8.GetBytes(line);
            if (block.Length + bytes.Length >= BlockBytesMax) await Flush(bucket, block, now, cancel).ConfigureAwait(false);
            block.Write(bytes);
            block.WriteByte((byte)'\n');
        }

        if (block.Length > 0) await Flush(bucket, block, now, cancel).ConfigureAwait(false);
    }

    /// <summary>Every line of one bucket that names a device, oldest blob first; a line may come twice.</summary>
    public async Task<List<string>> Read(int bucket, DeviceId id, CancellationToken cancel)
    {
        var mark = $"{{\"Device\":\"{id.Text}\",";
        var found = new List<string>();
        await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, Folder(bucket), cancel).ConfigureAwait(false))
        {
            var content = await container.GetBlobClient(blob.Name).DownloadStreamingAsync(cancellationToken: cancel).ConfigureAwait(false);
            using var reader = new StreamReader(content.Value.Content, Encoding.UTF8);
            while (await reader.ReadLineAsync(cancel).ConfigureAwait(false) is { } line)
                if (line.StartsWith(mark, StringComparison.Ordinal)) found.Add(line);
        }

        return found;
    }

    private async Task Flush(int bucket, MemoryStream block, DateTimeOffset now, CancellationToken cancel)
    {
        while (true)
        {
            var number = Volatile.Read(ref _number[bucket]);
            var blob = container.GetAppendBlobClient(string.Create(CultureInfo.InvariantCulture, $"{Folder(bucket)}{now.UtcDateTime:yyyy-MM}.{number}.jsonl"));
            block.Position = 0;
            try
            {
                await blob.AppendBlockAsync(block, cancellationToken: cancel).ConfigureAwait(false);
                block.SetLength(0);
                return;
            }
            catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
            {
                await blob.CreateIfNotExistsAsync(cancellationToken: cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException full) when (full.Status == 409 && full.ErrorCode == BlobErrorCode.BlockCountExceedsLimit)
            {
                Interlocked.CompareExchange(ref _number[bucket], number + 1, number); // 50,000 blocks: the next blob of the month
            }
        }
    }

    private static string Folder(int bucket) => string.Create(CultureInfo.InvariantCulture, $"devices/{bucket:x2}/");
}
