using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Serverless.Telemetry.Blobs;

namespace Serverless.Telemetry.Rejections;

/// <summary>A refused event's place in the batch's buffer of lines.</summary>
/// <param name="Hour">Hours since 1970 UTC of the blob it belongs to.</param>
/// <param name="Sequence">The event's sequence number.</param>
/// <param name="Start">First byte of the line.</param>
/// <param name="Length">Bytes of the line, its newline included.</param>
internal readonly record struct RejectedLine(long Hour, long Sequence, int Start, int Length);

/// <summary>Where one partition's refused events go: container <c>rejected</c>, append blobs
/// <c>{yyyy-MM-ddTHH}/{partition}-{n}.jsonl</c>, one a partition and hour of event time, and a next one when that is full.</summary>
/// <remarks>
/// <para>Each line exactly once: before it appends, a writer that has taken over reads what the one before it left behind the
/// committed position, and leaves out the lines it finds. Every append states the length the blob must have, so a writer that was
/// overtaken fails with <see cref="StaleWriterException"/> and changes nothing.</para>
/// <para>Which blob an event belongs to depends on the event alone, so any cut into batches looks in the same places. Not
/// thread-safe.</para>
/// </remarks>
/// <param name="blobs">The container. Trusted to keep evidence: whoever can write it can hide what was refused.</param>
/// <param name="hub">Name of the event hub, part of nothing but messages.</param>
/// <param name="partition">Partition of that hub.</param>
/// <param name="anchorBlob">The blob that was being written as of the last commit, or empty.</param>
/// <param name="anchorLength">Its length then: no line before it is of an event that is not committed.</param>
/// <param name="committed">Sequence number of the last event committed.</param>
internal sealed class RejectedLog(IBlobs blobs, string hub, string partition, string anchorBlob, long anchorLength, long committed)
{
    /// <summary>A blob this long is left for the next one, in bytes: 1 GiB, small enough to open in a tool.</summary>
    public const long LengthMax = 1L << 30;

    private readonly string _anchorBlob = anchorBlob;
    private readonly long _anchorLength = anchorLength;
    private readonly HashSet<long> _found = [];
    private long _hour = -1;
    private int _number;
    private int _blocks;

    /// <summary>The blob being written; the anchor's until the first append.</summary>
    public string Blob { get; private set; } = anchorBlob;

    /// <summary>Its length.</summary>
    public long Length { get; private set; } = anchorLength;

    /// <summary>Whether no line is known of an event that is not committed.</summary>
    public bool IsSettled => _found.Count == 0;

    /// <summary>Appends the lines that are not there yet, in order.</summary>
    /// <param name="lines">Lines in ascending order of hour and sequence number.</param>
    /// <param name="text">The buffer they stand in.</param>
    /// <param name="cancel">Stops the call; some blocks may have landed.</param>
    public async Task Append(IReadOnlyList<RejectedLine> lines, ReadOnlyMemory<byte> text, CancellationToken cancel)
    {
        for (var at = 0; at < lines.Count;)
        {
            if (lines[at].Hour != _hour) await GoTo(lines[at].Hour, cancel).ConfigureAwait(false);
            while (Length >= LengthMax || _blocks >= BlobLimits.BlocksMax) await Open(_number + 1, cancel).ConfigureAwait(false);
            at = await AppendBlock(lines, at, text, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Events up to <paramref name="sequence"/> are committed: their lines need no more watching.</summary>
    public void Settle(long sequence) => _found.RemoveWhere(found => found <= sequence);

    /// <summary>Name of a blob.</summary>
    internal static string Name(long hour, string partition, int number) => string.Create(
        CultureInfo.InvariantCulture, $"{DateTimeOffset.UnixEpoch.AddHours(hour):yyyy-MM-dd'T'HH}/{partition}-{number:D4}.jsonl");

    // One block: lines of one hour, as many as it takes. A line found from an earlier attempt ends a block, for a block is one
    // stretch of the buffer and is sent without a copy.
    private async Task<int> AppendBlock(IReadOnlyList<RejectedLine> lines, int at, ReadOnlyMemory<byte> text, CancellationToken cancel)
    {
        if (_found.Contains(lines[at].Sequence)) return at + 1;
        var start = lines[at].Start;
        var bytes = 0;
        for (; at < lines.Count && lines[at].Hour == _hour && !_found.Contains(lines[at].Sequence); at++)
        {
            if (lines[at].Length > BlobLimits.AppendBytesMax) throw new InvalidOperationException($"a line of {lines[at].Length} bytes: the edge bounds events to less");
            if (bytes + lines[at].Length > BlobLimits.AppendBytesMax) break;
            bytes += lines[at].Length;
        }

        await blobs.Append(Blob, text.Slice(start, bytes), Length, cancel).ConfigureAwait(false);
        Length += bytes;
        _blocks++;
        return at;
    }

    private async Task GoTo(long hour, CancellationToken cancel)
    {
        _hour = hour;
        await Open(Name(hour, partition, NumberIn(_anchorBlob)) == _anchorBlob ? NumberIn(_anchorBlob) : 0, cancel).ConfigureAwait(false);
    }

    // Makes a blob the one to append to, and learns which lines an earlier attempt left there.
    private async Task Open(int number, CancellationToken cancel)
    {
        _number = number;
        Blob = Name(_hour, partition, number);
        var from = Blob == _anchorBlob ? _anchorLength : 0;
        if (await blobs.Create(Blob, cancel).ConfigureAwait(false))
        {
            if (from != 0) throw new InvalidDataException($"rejected blob '{Blob}' of hub '{hub}' is gone though {from} bytes of it are committed");
            (Length, _blocks) = (0, 0);
            return;
        }

        using var content = await blobs.Open(Blob, from, cancel).ConfigureAwait(false) ?? throw new StaleWriterException(Blob);
        if (content.Length < from) throw new InvalidDataException($"rejected blob '{Blob}' is shorter than what is committed of it");
        (Length, _blocks) = (content.Length, content.Blocks);
        await ReadBack(PipeReader.Create(content.Bytes), cancel).ConfigureAwait(false);
    }

    private async Task ReadBack(PipeReader reader, CancellationToken cancel)
    {
        for (var more = true; more;)
        {
            var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                var sequence = RejectedEvent.ReadSequence(Line(rest.Slice(0, end)));
                if (sequence > committed) _found.Add(sequence);
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            more = !read.IsCompleted;
            if (!more && !rest.IsEmpty) throw new InvalidDataException($"rejected blob '{Blob}' ends inside a line");
            reader.AdvanceTo(rest.Start, rest.End);
        }
    }

    private static ReadOnlySpan<byte> Line(in ReadOnlySequence<byte> line) => line.IsSingleSegment ? line.FirstSpan : line.ToArray();

    private static int NumberIn(string blob) =>
        blob.Length >= 10 && int.TryParse(blob.AsSpan(blob.Length - 10, 4), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
