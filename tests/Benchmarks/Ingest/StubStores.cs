using System.Diagnostics;
using Serverless.EventHubs;
using Serverless.Faults;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.State;

namespace Serverless.Benchmarks.Ingest;

/// <summary>A hub that takes what it is given and keeps nothing.</summary>
internal sealed class StubHub : IHub, ISourceHub
{
    public Task Publish(IReadOnlyList<OutgoingEvent> events, CancellationToken cancel) => Task.CompletedTask;

    public Task<HubPositions> Positions(CancellationToken cancel) => Task.FromResult(new HubPositions());

    public Task<HubPositions> Forgotten(CancellationToken cancel) => Task.FromResult(new HubPositions());

    public Task ReadBack(HubPositions after, HubPositions until, Action<Published> found, CancellationToken cancel) => Task.CompletedTask;

    public Task<long> LastSequence(string partition, CancellationToken cancel) => Task.FromResult(-1L);
}

/// <summary>A hub in front of another that counts and remembers when publishing began and ended.</summary>
internal sealed class TimedHub(IHub hub) : IHub
{
    public long Events { get; private set; }

    public long CalledAt { get; private set; }

    public long EndedAt { get; private set; }

    public async Task Publish(IReadOnlyList<OutgoingEvent> events, CancellationToken cancel)
    {
        CalledAt = Stopwatch.GetTimestamp();
        await hub.Publish(events, cancel).ConfigureAwait(false);
        EndedAt = Stopwatch.GetTimestamp();
        Events += events.Count;
    }

    public Task<HubPositions> Positions(CancellationToken cancel) => hub.Positions(cancel);

    public Task<HubPositions> Forgotten(CancellationToken cancel) => hub.Forgotten(cancel);

    public Task ReadBack(HubPositions after, HubPositions until, Action<Published> found, CancellationToken cancel) => hub.ReadBack(after, until, found, cancel);
}

/// <summary>A container in memory.</summary>
/// <param name="keep">Whether bytes are kept, or only counted.</param>
internal sealed class StubBlobs(bool keep) : IBlobs
{
    private readonly SortedDictionary<string, MemoryStream> _blobs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);

    public long Appended { get; private set; }

    public long CalledAt { get; private set; }

    public Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<string>>([.. _blobs.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))]);

    public Task<BlobContent?> Open(string name, long from, CancellationToken cancel)
    {
        if (!_blobs.TryGetValue(name, out var blob)) return Task.FromResult<BlobContent?>(null);
        var bytes = new MemoryStream(blob.GetBuffer(), (int)from, (int)(blob.Length - from), writable: false);
        return Task.FromResult<BlobContent?>(new BlobContent(bytes, blob.Length, 1));
    }

    public Task<bool> Create(string name, CancellationToken cancel) => Task.FromResult(_lengths.TryAdd(name, 0) && _blobs.TryAdd(name, new MemoryStream()));

    public Task Append(string name, ReadOnlyMemory<byte> block, long position, CancellationToken cancel)
    {
        CalledAt = Stopwatch.GetTimestamp();
        if (_lengths[name] != position) throw new StaleWriterException(name);
        _lengths[name] += block.Length;
        Appended += block.Length;
        if (keep) _blobs[name].Write(block.Span);
        return Task.CompletedTask;
    }

    public Task<long?> Length(string name, CancellationToken cancel) => Task.FromResult<long?>(_lengths.TryGetValue(name, out var length) ? length : null);

    public Task Write(string name, IEnumerable<ReadOnlyMemory<byte>> chunks, CancellationToken cancel)
    {
        var blob = new MemoryStream();
        foreach (var chunk in chunks)
        {
            Appended += chunk.Length;
            if (keep) blob.Write(chunk.Span);
        }

        _blobs[name] = blob;
        _lengths[name] = blob.Length;
        return Task.CompletedTask;
    }

    public Task Delete(string name, CancellationToken cancel)
    {
        _blobs.Remove(name);
        _lengths.Remove(name);
        return Task.CompletedTask;
    }
}

/// <summary>One profile, and an end to the run when it is refused.</summary>
internal sealed class StubProfiles(byte[] document) : IProfileDocuments, IProfileReports
{
    public Task<ProfileDocument> Read(string name, string? knownETag, CancellationToken cancel) =>
        Task.FromResult(knownETag is null ? new ProfileDocument(ProfileDocumentKind.Found, "1", document) : new ProfileDocument(ProfileDocumentKind.Unchanged));

    public Task Refused(string name, string eTag, Fault fault, CancellationToken cancel) => throw new InvalidOperationException(fault.ToString());

    public void Unreachable(string name, Exception outage) => throw new InvalidOperationException("unreachable", outage);
}
