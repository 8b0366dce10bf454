using System.Collections.Immutable;
using System.Text;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>How a batch is written.</summary>
public enum RowFormat
{
    /// <summary>RFC 4180 with a header line that names the columns.</summary>
    Csv,

    /// <summary>One JSON object a line, each like the body of <c>POST api/devices</c>.</summary>
    JsonLines,
}

/// <summary>One row of a batch.</summary>
/// <param name="End">Offset of the first byte behind it.</param>
/// <param name="Request">What it asks, or why it asks nothing.</param>
public sealed record BatchRow(long End, Parsed<EnrollmentRequest> Request);

/// <summary>Reads a batch row by row, whatever its length, in bounded memory. Not thread-safe.</summary>
/// <remarks>A bad row is a fault of that row and leaves its neighbours alone; only a CSV header can be wrong for all. Empty lines are no
/// rows. A reader that starts at the <see cref="BatchRow.End"/> of a row reads the same rest.</remarks>
/// <param name="content">The batch from <paramref name="from"/> on.</param>
/// <param name="format">How it is written.</param>
/// <param name="columns">CSV columns, from <see cref="ReadHeader"/>; empty for JSON Lines.</param>
/// <param name="from">Offset in the batch that <paramref name="content"/> starts at.</param>
public sealed class RowReader(Stream content, RowFormat format, ImmutableArray<string> columns, long from)
{
    /// <summary>Most bytes of a row: those of a request.</summary>
    public const int RowBytesMax = EnrollmentRequest.WireBytesMax;

    private static readonly string[] Known = ["registrationId", "model", "owner", "certificateChain", "endorsementKey", "symmetricKey"];
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly byte[] _buffer = new byte[RowBytesMax + 64 * 1024];
    private long _offset = from;
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>Reads the header line of a CSV batch; the reader goes on with the first row.</summary>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The columns in their order and where the first row begins, or <c>batch-header</c>: not a line of known columns, each
    /// once, with <c>registrationId</c>, <c>model</c>, <c>owner</c> and a credential among them.</returns>
    public async Task<Parsed<(ImmutableArray<string> Columns, long End)>> ReadHeader(CancellationToken cancel)
    {
        var (found, line) = await Take(cancel).ConfigureAwait(false);
        if (!found || line is not { } bytes || Fields(bytes.Span) is not { } names) return new Fault("batch-header", "header");
        if (names.Count > 0) names[0] = names[0].TrimStart('\uFEFF'); // spreadsheets write it
        return names.All(name => Known.Contains(name)) && names.Distinct().Count() == names.Count && Known.Take(3).All(names.Contains) && names.Count > 3
            ? ([.. names], _offset)
            : new Fault("batch-header", "header");
    }

    /// <summary>Reads the next row.</summary>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The row, or <see langword="null"/> after the last. Its request is refused with <c>row-length</c> (over 64 KB),
    /// <c>row-malformed</c> (quotes, number of fields, not UTF-8) or a fault of <see cref="EnrollmentRequest.Parse"/>.</returns>
    public async Task<BatchRow?> Next(CancellationToken cancel)
    {
        var (found, line) = await Take(cancel).ConfigureAwait(false);
        if (!found) return null;
        if (line is not { } bytes) return new BatchRow(_offset, new Fault("row-length", "row"));
        return new BatchRow(_offset, format == RowFormat.JsonLines ? EnrollmentRequest.Parse(bytes.Span) : Csv(bytes.Span));
    }

    /// <summary>Passes over the next row without looking into it.</summary>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> Skim(CancellationToken cancel) => (await Take(cancel).ConfigureAwait(false)).Found;

    /// <summary>Offset of the first byte not yet taken.</summary>
    public long Offset => _offset;

    private Parsed<EnrollmentRequest> Csv(ReadOnlySpan<byte> line)
    {
        if (Fields(line) is not { } fields || fields.Count != columns.Length) return new Fault("row-malformed", "row");
        string? Field(string column) => columns.IndexOf(column) is >= 0 and var at && fields[at].Length > 0 ? fields[at] : null;
        bool? shared = Field("symmetricKey") switch { null => null, "true" => true, _ => false };
        return EnrollmentRequest.From(Field("registrationId"), Field("model"), Field("owner"), Field("certificateChain"), Field("endorsementKey"), shared);
    }

    // record = field *("," field); field = *textdata / DQUOTE *(textdata / "," / CR / LF / 2DQUOTE) DQUOTE   RFC 4180 section 2
    private static List<string>? Fields(ReadOnlySpan<byte> line)
    {
        var fields = new List<string>();
        try
        {
            while (true)
            {
                var quoted = line.Length > 0 && line[0] == '"';
                var field = new StringBuilder();
                if (quoted)
                {
                    line = line[1..];
                    while (true)
                    {
                        var quote = line.IndexOf((byte)'"');
                        if (quote < 0) return null;
                        field.Append(Strict.GetString(line[..quote]));
                        line = line[(quote + 1)..];
                        if (line.Length == 0 || line[0] != '"') break;
                        field.Append('"');
                        line = line[1..];
                    }

                    if (line.Length > 0 && line[0] != ',') return null;
                }
                else
                {
                    var comma = line.IndexOf((byte)',');
                    var text = comma < 0 ? line : line[..comma];
                    if (text.Contains((byte)'"')) return null;
                    field.Append(Strict.GetString(text));
                    line = line[text.Length..];
                }

                fields.Add(field.ToString());
                if (line.Length == 0) return fields;
                line = line[1..];
            }
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>Takes one line, without its end; none when it was too long. Empty ones are passed over.</summary>
    private async Task<(bool Found, ReadOnlyMemory<byte>? Line)> Take(CancellationToken cancel)
    {
        while (true)
        {
            var length = LineEnd(_buffer.AsSpan(_start, _end - _start));
            if (length < 0 && !_ended && _end - _start <= RowBytesMax)
            {
                await Fill(cancel).ConfigureAwait(false);
                continue;
            }

            if (length < 0 && _end - _start > RowBytesMax)
            {
                await Skip(cancel).ConfigureAwait(false);
                return (true, null);
            }

            if (length < 0 && _start == _end) return (false, null);
            var line = _buffer.AsMemory(_start, length < 0 ? _end - _start : length);
            Advance(line.Length + (length < 0 ? 0 : 1));
            if (line.Length > 0 && line.Span[^1] == '\r') line = line[..^1];
            if (line.Length > RowBytesMax) return (true, null);
            if (!line.Span.Trim(" \t"u8).IsEmpty) return (true, line);
        }
    }

    /// <summary>Length of the line at the front, its end not counted; -1 when it does not end here. In CSV a line end inside quotes is text.</summary>
    private int LineEnd(ReadOnlySpan<byte> bytes)
    {
        if (format == RowFormat.JsonLines) return bytes.IndexOf((byte)'\n');
        var quoted = false;
        for (var at = 0; at < bytes.Length; at++)
        {
            if (bytes[at] == '"') quoted = !quoted; // a doubled quote closes and opens again
            else if (bytes[at] == '\n' && !quoted) return at;
        }

        return -1;
    }

    /// <summary>Passes over a line that is too long: up to the next line end, quoted or not, since an open quote may be the reason.</summary>
    private async Task Skip(CancellationToken cancel)
    {
        Advance(RowBytesMax);
        while (true)
        {
            var end = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (end >= 0)
            {
                Advance(end + 1);
                return;
            }

            Advance(_end - _start);
            if (_ended) return;
            await Fill(cancel).ConfigureAwait(false);
        }
    }

    private void Advance(int bytes) => (_start, _offset) = (_start + bytes, _offset + bytes);

    private async Task Fill(CancellationToken cancel)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        var read = await content.ReadAsync(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
        _end += read;
        _ended = read == 0;
    }
}
