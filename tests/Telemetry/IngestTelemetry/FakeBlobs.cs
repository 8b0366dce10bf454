using Serverless.Telemetry.Blobs;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>A blob container in memory, with the append conditions of the real one.</summary>
internal sealed class FakeBlobs(string container, FaultPlan plan) : IBlobs
{
    private readonly SortedDictionary<string, Blob> _blobs = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _blobs.Keys;

    public byte[] this[string name]
    {
        get => [.. _blobs[name].Bytes];
        set => _blobs[name].Bytes = [.. value];
    }

    /// <summary>Pretends that an append blob has many blocks.</summary>
    public int BlocksOfEachAppend { get; set; } = 1;

    public async Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel)
    {
        var names = new List<string>();
        await plan.Call($"{container}.List", _ => names.AddRange(_blobs.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))));
        return names;
    }

    public async Task<BlobContent?> Open(string name, long from, CancellationToken cancel)
    {
        BlobContent? content = null;
        await plan.Call($"{container}.Open", _ => content = _blobs.TryGetValue(name, out var blob)
            ? new BlobContent(new MemoryStream([.. blob.Bytes.GetRange((int)Math.Min(from, blob.Bytes.Count), (int)Math.Max(0, blob.Bytes.Count - from))]), blob.Bytes.Count, blob.Blocks)
            : null);
        return content;
    }

    public async Task<bool> Create(string name, CancellationToken cancel)
    {
        var made = false;
        await plan.Call($"{container}.Create", _ => made = _blobs.TryAdd(name, new Blob()));
        return made;
    }

    public Task Append(string name, ReadOnlyMemory<byte> block, long position, CancellationToken cancel) => plan.Call($"{container}.Append", half =>
    {
        if (half) return; // a block lands whole or not at all
        cancel.ThrowIfCancellationRequested();
        var blob = _blobs[name];
        Assert.InRange(block.Length, 1, BlobLimits.AppendBytesMax);
        if (blob.Bytes.Count != position) throw new StaleWriterException(name);
        blob.Bytes.AddRange(block.Span);
        blob.Blocks += BlocksOfEachAppend;
        Assert.InRange(blob.Blocks, 1, 50_000);
    });

    public async Task<long?> Length(string name, CancellationToken cancel)
    {
        long? length = null;
        await plan.Call($"{container}.Length", _ => length = _blobs.TryGetValue(name, out var blob) ? blob.Bytes.Count : null);
        return length;
    }

    public Task Write(string name, IEnumerable<ReadOnlyMemory<byte>> chunks, CancellationToken cancel)
    {
        var bytes = new List<byte>();
        foreach (var chunk in chunks) bytes.AddRange(chunk.Span);
        return plan.Call($"{container}.Write", half =>
        {
            if (!half) _blobs[name] = new Blob { Bytes = bytes };
        });
    }

    public Task Delete(string name, CancellationToken cancel) => plan.Call($"{container}.Delete", half =>
    {
        if (!half) _blobs.Remove(name);
    });

    private sealed class Blob
    {
        public List<byte> Bytes { get; set; } = [];

        public int Blocks { get; set; }
    }
}
