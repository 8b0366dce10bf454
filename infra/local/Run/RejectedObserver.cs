using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace Serverless.Local.Run;

/// <summary>Follows container <c>rejected</c>: each look reads only what was appended since the last.</summary>
/// <param name="container">The container, with an identity that may read it.</param>
public sealed class RejectedObserver(BlobContainerClient container)
{
    private readonly Dictionary<string, long> _read = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _byFault = new(StringComparer.Ordinal);
    private readonly List<RejectedEvent> _seen = [];

    /// <summary>Refused events by fault, as of the last look.</summary>
    public IReadOnlyDictionary<string, long> ByFault => _byFault;

    /// <summary>All refused events, as of the last look; not to be read during one.</summary>
    public IReadOnlyList<RejectedEvent> Seen => _seen;

    /// <summary>Passes over what stands there already.</summary>
    /// <param name="cancel">Cancels.</param>
    public async Task Skip(CancellationToken cancel)
    {
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: cancel).ConfigureAwait(false)) _read[blob.Name] = blob.Properties.ContentLength ?? 0;
    }

    /// <summary>Drops what was seen so far; not during a look.</summary>
    public void Forget()
    {
        _seen.Clear();
        _byFault.Clear();
    }

    /// <summary>Reads what is new.</summary>
    /// <param name="cancel">Cancels.</param>
    public async Task Look(CancellationToken cancel)
    {
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: cancel).ConfigureAwait(false))
        {
            var from = _read.GetValueOrDefault(blob.Name);
            if (blob.Properties.ContentLength is not { } length || length <= from) continue;
            var content = await container.GetBlobClient(blob.Name)
                .DownloadContentAsync(new BlobDownloadOptions { Range = new Azure.HttpRange(from, length - from) }, cancel).ConfigureAwait(false);
            var bytes = content.Value.Content.ToMemory();
            // Blocks are appended whole, so what is there ends with a line's end.
            for (int end; (end = bytes.Span.IndexOf((byte)'\n')) >= 0; bytes = bytes[(end + 1)..]) See(bytes[..end]);
            _read[blob.Name] = length - bytes.Length;
        }
    }

    private void See(ReadOnlyMemory<byte> line)
    {
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        var fault = root.GetProperty("fault").GetString()!;
        _seen.Add(new RejectedEvent(
            new EventPosition(root.GetProperty("partition").GetString()!, root.GetProperty("sequence").GetInt64()),
            root.TryGetProperty("device", out var device) ? device.GetString()! : "",
            fault,
            Convert.ToHexString(SHA256.HashData(root.GetProperty("body").GetBytesFromBase64()))));
        _byFault.AddOrUpdate(fault, 1, (_, count) => count + 1);
    }
}
