using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>Which lines of one blob of container <c>rejected</c> went through again: an append blob beside it, so it is kept as long as
/// the evidence it speaks of.</summary>
/// <remarks>
/// <c>replayed/{yyyy-MM-ddTHH}/{partition}-{n}.jsonl</c> is the ledger of <c>{yyyy-MM-ddTHH}/{partition}-{n}.jsonl</c>. One JSON object a line:
/// <code>
/// {"run":"…","by":"…","at":"…","claim":true}                    from here on the run before can write nothing
/// {"run":"…","by":"…","at":"…","intent":[41,42],"after":{"0":7}}  about to be published; whatever lands lies behind these positions
/// {"run":"…","by":"…","at":"…","done":[41,42],"void":[]}          landed; and those of which it is proven that they did not
/// </code>
/// Every append states the length it must find, so of two runs over one blob one fails with <see cref="StaleWriterException"/> and
/// publishes nothing more. Not thread-safe.
/// </remarks>
internal sealed class ReplayLedger
{
    private readonly IBlobs _blobs;
    private readonly string _run;
    private readonly string _by;
    private readonly TimeProvider _clock;
    private readonly Dictionary<long, HubPositions> _unfinished = [];
    private readonly HashSet<long> _done = [];
    private readonly ArrayBufferWriter<byte> _line = new(4096);
    private long _length;
    private int _blocks;
    private bool _exists;

    private ReplayLedger(IBlobs blobs, string blob, string run, string by, TimeProvider clock) =>
        (_blobs, Blob, _run, _by, _clock) = (blobs, "replayed/" + blob, run, by, clock);

    /// <summary>Its name.</summary>
    public string Blob { get; }

    /// <summary>Events of which nobody noted whether they landed: a run ended, or is, between its intent and what came of it.</summary>
    public IReadOnlyCollection<long> Unfinished => _unfinished.Keys;

    /// <summary>Positions of hub <c>validated</c> behind which everything unfinished lies, if it landed.</summary>
    public HubPositions Anchor
    {
        get
        {
            HubPositions? least = null;
            foreach (var after in _unfinished.Values.Distinct())
            {
                if (least is null)
                {
                    least = [];
                    foreach (var (partition, at) in after) least[partition] = at;
                    continue;
                }

                foreach (var partition in least.Keys.ToArray()) least[partition] = Math.Min(least[partition], after.Of(partition));
            }

            return least ?? [];
        }
    }

    /// <summary>Reads a ledger; one that does not exist yet is empty, and is made by the first append.</summary>
    /// <param name="blobs">Container <c>rejected</c>.</param>
    /// <param name="blob">The blob of refused events.</param>
    /// <param name="run">Unlike that of any other run.</param>
    /// <param name="by">Who runs it.</param>
    /// <param name="clock">Stamps records, for people to read.</param>
    /// <param name="cancel">Stops the reading.</param>
    /// <exception cref="InvalidDataException">It cannot be read: nothing may be put through on a guess.</exception>
    public static async Task<ReplayLedger> Open(IBlobs blobs, string blob, string run, string by, TimeProvider clock, CancellationToken cancel)
    {
        var ledger = new ReplayLedger(blobs, blob, run, by, clock);
        using var content = await blobs.Open(ledger.Blob, 0, cancel).ConfigureAwait(false);
        if (content is null) return ledger;
        (ledger._exists, ledger._length, ledger._blocks) = (true, content.Length, content.Blocks);
        await foreach (var line in Lines.Of(PipeReader.Create(content.Bytes), ledger.Blob, cancel).ConfigureAwait(false)) ledger.Take(line);
        return ledger;
    }

    /// <summary>Whether an event went through.</summary>
    public bool IsDone(long sequence) => _done.Contains(sequence);

    /// <summary>Makes it this run's: an older run that is still under way fails at its next append.</summary>
    public Task Claim(CancellationToken cancel) => Append(json => json.WriteBoolean("claim"u8, true), cancel);

    /// <summary>Notes what is about to be published.</summary>
    /// <param name="sequences">The events.</param>
    /// <param name="after">Positions of hub <c>validated</c> before it.</param>
    /// <param name="cancel">Stops the append, which may have landed.</param>
    public async Task Intend(IReadOnlyCollection<long> sequences, HubPositions after, CancellationToken cancel)
    {
        await Append(
            json =>
            {
                Write(json, "intent", sequences);
                json.WriteStartObject("after"u8);
                foreach (var (partition, at) in after) json.WriteNumber(partition, at);
                json.WriteEndObject();
            },
            cancel).ConfigureAwait(false);
        foreach (var sequence in sequences) _unfinished[sequence] = after;
    }

    /// <summary>Notes what became of intents.</summary>
    /// <param name="landed">Published.</param>
    /// <param name="absent">Proven not to be in the hub; they may be put through again.</param>
    /// <param name="cancel">Stops the append, which may have landed.</param>
    public async Task Settle(IReadOnlyCollection<long> landed, IReadOnlyCollection<long> absent, CancellationToken cancel)
    {
        await Append(
            json =>
            {
                Write(json, "done", landed);
                Write(json, "void", absent);
            },
            cancel).ConfigureAwait(false);
        _done.UnionWith(landed);
        foreach (var sequence in landed.Concat(absent)) _unfinished.Remove(sequence);
    }

    private async Task Append(Action<Utf8JsonWriter> write, CancellationToken cancel)
    {
        // The service ends a blob at 50,000 blocks: 24,000 batches of one hour and partition that each went through.
        if (_blocks >= BlobLimits.BlocksMax) throw new InvalidDataException($"ledger '{Blob}' is full");
        if (!_exists && !await _blobs.Create(Blob, cancel).ConfigureAwait(false)) throw new StaleWriterException(Blob);
        _exists = true;
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line))
        {
            json.WriteStartObject();
            json.WriteString("run"u8, _run);
            json.WriteString("by"u8, _by);
            json.WriteString("at"u8, _clock.GetUtcNow());
            write(json);
            json.WriteEndObject();
        }

        _line.Write("\n"u8);
        await _blobs.Append(Blob, _line.WrittenMemory, _length, cancel).ConfigureAwait(false);
        _length += _line.WrittenCount;
        _blocks++;
    }

    private void Take(ReadOnlySequence<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var record = document.RootElement;
            if (record.TryGetProperty("intent", out var intent))
            {
                var after = new HubPositions();
                foreach (var partition in record.GetProperty("after").EnumerateObject()) after[partition.Name] = partition.Value.GetInt64();
                foreach (var sequence in intent.EnumerateArray()) _unfinished[sequence.GetInt64()] = after;
            }
            else if (record.TryGetProperty("done", out var done))
            {
                foreach (var sequence in done.EnumerateArray()) _done.Add(sequence.GetInt64());
                foreach (var sequence in done.EnumerateArray().Concat(record.GetProperty("void").EnumerateArray())) _unfinished.Remove(sequence.GetInt64());
            }
            else if (!record.TryGetProperty("claim", out _))
            {
                throw new FormatException("neither claim, intent nor done");
            }
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InvalidDataException($"ledger '{Blob}' has a line that cannot be read", other);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyCollection<long> sequences)
    {
        json.WriteStartArray(name);
        foreach (var sequence in sequences) json.WriteNumberValue(sequence);
        json.WriteEndArray();
    }
}
