using System.Globalization;
using Serverless.Telemetry.Blobs;

namespace Serverless.Telemetry.State;

/// <summary>A partition's state in blobs: an append-only log of changes, cut now and then by a snapshot.</summary>
/// <remarks>
/// Names, below <c>{event hub}/{partition}/</c>: <c>{generation}.log</c> (append blob) and <c>{generation}.{owner}.snapshot</c>.
/// <para><b>Fencing.</b> Every append states the length the blob must have. Whoever takes the partition over appends a claim;
/// from then on the writer before it, wherever it still runs, fails its next append with <see cref="StaleWriterException"/>,
/// having changed nothing.</para>
/// <para><b>Compaction</b>, step by step, and what a crash after each costs: (1) write the snapshot under a name of our own:
/// an orphan blob, swept by the next compaction; (2) seal the log, the one step that decides: from here on the next generation
/// counts; (3) create the next log with its header: a loader that finds a sealed log does this itself; (4) delete older
/// generations: the next compaction does.</para>
/// <para>Trusted: whoever can write container <c>telemetry-state</c> can make events be judged wrongly or skipped.</para>
/// </remarks>
internal sealed class StateLog
{
    /// <summary>A log of fewer bytes is not worth a snapshot.</summary>
    public const long CompactBytesMin = 8 * 1024 * 1024;

    private readonly IBlobs _blobs;
    private readonly string _folder;
    private readonly StateWriter _writer = new();
    private long _generation;
    private long _position;
    private long _snapshotBytes;
    private int _blocks;

    private StateLog(IBlobs blobs, string folder) => (_blobs, _folder) = (blobs, folder);

    /// <summary>Whether anybody, this process included, has claimed the partition before.</summary>
    public bool HadOwner { get; private set; }

    /// <summary>Reads a partition's state.</summary>
    /// <param name="blobs">Container <c>telemetry-state</c>.</param>
    /// <param name="folder"><c>{event hub}/{partition}/</c>.</param>
    /// <param name="fresh">Makes an empty state; called anew when a reading has to start over.</param>
    /// <param name="cancel">Stops the reading.</param>
    /// <returns>The log and the state at its end.</returns>
    /// <exception cref="InvalidDataException">Damaged, or of another version. Nothing was changed, and nothing will be until an
    /// operator deploys a version that can read it or moves the folder away.</exception>
    public static async Task<(StateLog Log, PartitionState State)> Open(IBlobs blobs, string folder, Func<PartitionState> fresh, CancellationToken cancel)
    {
        var log = new StateLog(blobs, folder);
        // A compaction elsewhere may move the log on while it is being read: each round then finds a newer generation.
        for (var round = 0; round < 8; round++)
        {
            try
            {
                if (await log.Read(fresh(), cancel).ConfigureAwait(false) is { } state) return (log, state);
            }
            catch (StaleWriterException)
            {
                // Somebody else started the generation in the same moment; the next round reads what they wrote.
            }
            catch (InvalidDataException problem)
            {
                throw new InvalidDataException($"the state in '{folder}' cannot be read: {problem.Message}", problem); // whoever is on call needs to know which partition
            }
        }

        throw new StaleWriterException(folder);
    }

    /// <summary>Takes the partition over.</summary>
    /// <param name="owner">Unlike that of any other process, past or present; 1 to 64 of letters, digits and <c>-</c>.</param>
    /// <param name="cancel">Stops the call.</param>
    public async Task Claim(string owner, CancellationToken cancel)
    {
        _writer.Reset();
        _writer.Begin(StateRecordKind.Claim);
        _writer.Text(owner);
        _writer.End();
        await Append(_writer.Written, cancel).ConfigureAwait(false);
        HadOwner = true;
    }

    /// <summary>Appends what changed since the last commit: in one block, or in several of which the last makes the others count.</summary>
    public async Task Commit(PartitionState state, CancellationToken cancel)
    {
        foreach (var record in StateSections.Changes(state, _writer)) await Append(record, cancel).ConfigureAwait(false);
        state.MarkCommitted();
    }

    /// <summary>Appends the pins made since the last commit and nothing else: what is judged by them comes after.</summary>
    public async Task CommitPins(PartitionState state, CancellationToken cancel)
    {
        await Append(StateSections.NewPins(state, _writer), cancel).ConfigureAwait(false);
        state.MarkPinsCommitted();
    }

    /// <summary>Proves, without writing, that nobody has taken the partition over.</summary>
    /// <exception cref="StaleWriterException">Somebody has.</exception>
    public async Task VerifyOwned(CancellationToken cancel)
    {
        if (await _blobs.Length(LogName(_generation), cancel).ConfigureAwait(false) != _position) throw new StaleWriterException(LogName(_generation));
    }

    /// <summary>Whether the log has outgrown its snapshot.</summary>
    public bool CompactionDue => _blocks >= BlobLimits.BlocksMax || _position >= Math.Max(CompactBytesMin, _snapshotBytes);

    /// <summary>Cuts the log: what was committed becomes a snapshot. Call it with nothing uncommitted.</summary>
    public async Task Compact(PartitionState state, string owner, CancellationToken cancel)
    {
        if (state.Changed.Count != 0) throw new InvalidOperationException("a snapshot holds committed state only");
        var snapshot = $"{_folder}{_generation + 1:D10}.{owner}.snapshot";
        long written = 0;
        await _blobs.Write(snapshot, Counted(SnapshotRecords(state, _generation + 1), count => written += count), cancel).ConfigureAwait(false);

        _writer.Reset();
        _writer.Begin(StateRecordKind.Seal);
        _writer.Text(snapshot);
        _writer.End();
        await Append(_writer.Written, cancel).ConfigureAwait(false);

        await StartGeneration(_generation + 1, snapshot, cancel).ConfigureAwait(false);
        _snapshotBytes = written;
        // Older generations, and snapshots of this one by writers whose seal came too late: the seal has decided against them.
        var current = $"{_folder}{_generation:D10}.";
        foreach (var name in await _blobs.List(_folder, cancel).ConfigureAwait(false))
        {
            var orphan = name.StartsWith(current, StringComparison.Ordinal) && name.EndsWith(".snapshot", StringComparison.Ordinal) && name != snapshot;
            if (orphan || string.CompareOrdinal(name, current) < 0) await _blobs.Delete(name, cancel).ConfigureAwait(false);
        }
    }

    private string LogName(long generation) => $"{_folder}{generation:D10}.log";

    private async Task Append(ReadOnlyMemory<byte> block, CancellationToken cancel)
    {
        await _blobs.Append(LogName(_generation), block, _position, cancel).ConfigureAwait(false);
        _position += block.Length;
        _blocks++;
    }

    private async Task StartGeneration(long generation, string snapshot, CancellationToken cancel)
    {
        await _blobs.Create(LogName(generation), cancel).ConfigureAwait(false);
        (_generation, _position, _blocks) = (generation, 0, 0);
        await Append(Header(generation, snapshot), cancel).ConfigureAwait(false);
    }

    private byte[] Header(long generation, string snapshot)
    {
        _writer.Reset();
        _writer.Begin(StateRecordKind.Header);
        _writer.UInt16(StateRecord.FormatVersion);
        _writer.Int64(generation);
        _writer.Text(snapshot);
        _writer.End();
        return _writer.Written.ToArray();
    }

    private IEnumerable<ReadOnlyMemory<byte>> SnapshotRecords(PartitionState state, long generation)
    {
        yield return Header(generation, "");
        foreach (var record in StateSections.Everything(state, _writer)) yield return record;
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Counted(IEnumerable<ReadOnlyMemory<byte>> chunks, Action<int> count)
    {
        foreach (var chunk in chunks)
        {
            count(chunk.Length);
            yield return chunk;
        }
    }

    // One round: null when the files changed under us or a generation had to be started, and the next round sees more.
    private async Task<PartitionState?> Read(PartitionState state, CancellationToken cancel)
    {
        var newest = await NewestGeneration(cancel).ConfigureAwait(false);
        if (newest == 0)
        {
            await StartGeneration(1, "", cancel).ConfigureAwait(false);
            return state;
        }

        using var content = await _blobs.Open(LogName(newest), 0, cancel).ConfigureAwait(false);
        if (content is null) return null;
        // A generation after the first was started by an owner, though its log may hold no claim yet.
        (_generation, _position, _blocks, HadOwner) = (newest, content.Length, content.Blocks, newest > 1);
        var records = new StateRecordStream(content.Bytes, LogName(newest));
        if (!await records.Next(cancel).ConfigureAwait(false))
        {
            // Created, but whoever did it died before the header. The generation before says what it goes on from.
            await StartGeneration(newest, newest == 1 ? "" : await SealOf(newest - 1, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
            return null;
        }

        var snapshot = ReadHeader(records, newest);
        if (snapshot.Length != 0 && !await ReadSnapshot(state, snapshot, cancel).ConfigureAwait(false)) return null;
        var seal = await Replay(records, state, cancel).ConfigureAwait(false);
        if (seal is null) return state;
        await StartGeneration(newest + 1, seal, cancel).ConfigureAwait(false);
        return null;
    }

    private async Task<long> NewestGeneration(CancellationToken cancel)
    {
        long newest = 0;
        foreach (var name in await _blobs.List(_folder, cancel).ConfigureAwait(false))
        {
            if (!name.EndsWith(".log", StringComparison.Ordinal)) continue;
            if (long.TryParse(name.AsSpan(_folder.Length, name.Length - _folder.Length - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var generation))
            {
                newest = Math.Max(newest, generation);
            }
        }

        return newest;
    }

    private static string ReadHeader(StateRecordStream records, long generation)
    {
        var reader = new StateReader(records.Payload.Span);
        if (records.Kind != StateRecordKind.Header) throw new InvalidDataException("a state file begins with its header");
        var version = reader.UInt16();
        if (version != StateRecord.FormatVersion)
        {
            throw new InvalidDataException(
                $"the state was written in format {version} and this version of the app reads format {StateRecord.FormatVersion}; deploy the version that wrote it or a newer one");
        }

        if (reader.Int64() != generation) throw new InvalidDataException("a state file's name and header disagree about its generation");
        return reader.Text();
    }

    private async Task<bool> ReadSnapshot(PartitionState state, string snapshot, CancellationToken cancel)
    {
        using var content = await _blobs.Open(snapshot, 0, cancel).ConfigureAwait(false);
        if (content is null)
        {
            // Gone because a newer generation replaced it, or gone for good: only the first is nobody's fault.
            if (await NewestGeneration(cancel).ConfigureAwait(false) > _generation) return false;
            throw new InvalidDataException($"snapshot '{snapshot}' is missing");
        }

        _snapshotBytes = content.Length;
        var records = new StateRecordStream(content.Bytes, snapshot);
        if (!await records.Next(cancel).ConfigureAwait(false)) throw new InvalidDataException($"snapshot '{snapshot}' is empty");
        ReadHeader(records, _generation);
        var complete = false;
        while (await records.Next(cancel).ConfigureAwait(false))
        {
            if (records.Kind is not (StateRecordKind.Part or StateRecordKind.Commit)) throw new InvalidDataException($"snapshot '{snapshot}' holds a record of kind {records.Kind}");
            StateSections.Apply(state, records.Payload.Span);
            complete = records.Kind == StateRecordKind.Commit;
        }

        if (!complete) throw new InvalidDataException($"snapshot '{snapshot}' is not complete");
        state.MarkCommitted();
        return true;
    }

    // Applies the log to the state; returns the snapshot that a seal names.
    private async Task<string?> Replay(StateRecordStream records, PartitionState state, CancellationToken cancel)
    {
        var parts = new List<byte[]>();
        while (await records.Next(cancel).ConfigureAwait(false))
        {
            switch (records.Kind)
            {
                case StateRecordKind.Part:
                    parts.Add(records.Payload.ToArray());
                    break;
                case StateRecordKind.Commit:
                    foreach (var part in parts) StateSections.Apply(state, part);
                    StateSections.Apply(state, records.Payload.Span);
                    state.MarkCommitted();
                    parts.Clear();
                    break;
                case StateRecordKind.Claim:
                    parts.Clear(); // their writer died before its commit
                    HadOwner = true;
                    break;
                case StateRecordKind.Seal:
                    return new StateReader(records.Payload.Span).Text();
                default:
                    throw new InvalidDataException($"state record kind {(byte)records.Kind} is not known to this version of the app; deploy the version that wrote it or a newer one");
            }
        }

        return null;
    }

    private async Task<string> SealOf(long generation, CancellationToken cancel)
    {
        using var content = await _blobs.Open(LogName(generation), 0, cancel).ConfigureAwait(false)
            ?? throw new InvalidDataException($"state log '{LogName(generation)}' is missing though the next one has no header");
        var records = new StateRecordStream(content.Bytes, LogName(generation));
        var seal = "";
        while (await records.Next(cancel).ConfigureAwait(false))
        {
            if (records.Kind == StateRecordKind.Seal) seal = new StateReader(records.Payload.Span).Text();
        }

        return seal.Length != 0 ? seal : throw new InvalidDataException($"state log '{LogName(generation)}' is not sealed though the next one exists");
    }
}
