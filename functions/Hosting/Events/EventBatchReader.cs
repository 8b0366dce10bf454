using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Reads the host's envelope into an <see cref="EventBatch"/>.</summary>
/// <remarks>
/// <code>
/// {"Data":{"events":"[\"base64\",…]"},
///  "Metadata":{"PartitionContext":{…},"OffsetArray":"[…]","SequenceNumberArray":"[…]",…,"RetryContext":{…},"sys":{…}}}
/// </code>
/// Arrays are JSON inside JSON strings. Metadata is unescaped once, vector by vector, into the batch's text; bodies are decoded from
/// the request itself into the same text, so nothing is copied in between. First the envelope is walked, then, when all arrays are at
/// hand, each array, since their order is the serializer's affair.
/// </remarks>
internal ref partial struct EventBatchReader
{
    private readonly EventBatchLimits _limits;
    private readonly byte[] _text;
    private int _written;
    private EventSlot[] _events;
    private int _count;
    private PropertySlot[] _properties;
    private int _propertyCount;
    private (int First, int Count) _before; // the properties of the event before, of the same kind
    private Fault?[]? _faults;

    private EventBatchReader(int length, EventBatchLimits limits)
    {
        _limits = limits;
        _text = ArrayPool<byte>.Shared.Rent(length + JsonScan.Slack);
        _events = ArrayPool<EventSlot>.Shared.Rent(512);
        _properties = ArrayPool<PropertySlot>.Shared.Rent(4096);
    }

    public static EventBatch Read(ReadOnlySpan<byte> envelope, EventBatchLimits limits)
    {
        if (envelope.Length > limits.WireBytesMax) throw new EnvelopeException(new Fault("envelope-size", "envelope"));
        if (!Utf8.IsValid(envelope)) throw new EnvelopeException(new Fault("envelope-utf8", "envelope"));
        var reader = new EventBatchReader(envelope.Length, limits);
        var handedOver = false;
        try
        {
            var source = reader.Envelope(envelope);
            handedOver = true;
            return new EventBatch(reader._text, reader._events, reader._count, reader._properties, reader._faults, source);
        }
        finally
        {
            if (!handedOver) reader.Return();
        }
    }

    private EventBatchSource Envelope(ReadOnlySpan<byte> envelope)
    {
        var scan = new JsonScan(envelope, "envelope", _limits.DepthMax);
        var hasData = false;
        var arrays = new MetadataArrays();
        MetadataRead? metadata = null;
        for (var more = scan.Enter((byte)'{', (byte)'}'); more; more = scan.More((byte)'}'))
        {
            var name = Name(ref scan);
            if (name.SequenceEqual("Data"u8))
            {
                if (hasData) throw new EnvelopeException(new Fault("envelope-duplicate", "Data"));
                hasData = true;
                Data(ref scan);
            }
            else if (name.SequenceEqual("Metadata"u8))
            {
                if (metadata is not null) throw new EnvelopeException(new Fault("envelope-duplicate", "Metadata"));
                metadata = Metadata(ref scan, ref arrays);
            }
            else
            {
                scan.Skip();
            }
        }

        scan.End();
        if (!hasData) throw new EnvelopeException(new Fault("envelope-missing", "Data"));
        if (metadata is not { } read) throw new EnvelopeException(new Fault("envelope-missing", "Metadata"));
        EachEvent(arrays);
        return read.Source();
    }

    /// <summary>Data holds the trigger's value alone, whatever its binding is called.</summary>
    private void Data(ref JsonScan scan)
    {
        if (!scan.Enter((byte)'{', (byte)'}')) throw new EnvelopeException(new Fault("envelope-missing", "Data.events"));
        Name(ref scan);
        if (scan.Peek() != '"') throw new EnvelopeException(new Fault("envelope-type", "Data.events")); // an object is an HTTP or a timer trigger's value
        if (!PlainBodies(ref scan)) EscapedBodies(ref scan);
        if (scan.More((byte)'}')) throw new EnvelopeException(new Fault("envelope-type", "Data"));
    }

    /// <summary>Reads bodies as the host writes them, <c>"[\"base64\",\"base64\"]"</c>, decoding from the request itself.</summary>
    /// <returns>Whether it was just that; if not, nothing has happened.</returns>
    private bool PlainBodies(ref JsonScan scan)
    {
        var rest = scan.Rest;
        var written = _written;
        var at = "\"["u8.Length;
        if (!rest.StartsWith("\"["u8)) return false;
        var more = !rest[at..].StartsWith("]\""u8);
        while (more)
        {
            var quoted = rest[at..].StartsWith("\\\""u8);
            var length = quoted ? rest[(at + 2)..].IndexOf((byte)'\\') : -1;
            if (length < 0 || !Decode(rest.Slice(at + 2, length), out var body)) return Rewind(written);
            at += 2 + length;
            var closed = rest[at..].StartsWith("\\\""u8) && at + 2 < rest.Length;
            more = closed && rest[at + 2] == ',';
            if (!closed || (!more && rest[at + 2] != ']')) return Rewind(written);
            at += more ? 3 : 2;
            AddEvent(body);
        }

        if (!rest[at..].StartsWith("]\""u8)) return Rewind(written);
        scan.At += at + 2;
        return true;
    }

    private bool Rewind(int written)
    {
        (_written, _count) = (written, 0);
        return false;
    }

    /// <summary>Reads bodies in any other spelling, and bodies that are not bodies.</summary>
    private void EscapedBodies(ref JsonScan scan)
    {
        var start = _written;
        _written = scan.String(_text, start);
        var list = new JsonScan(_text.AsSpan(start, _written - start), "Data.events", _limits.DepthMax);
        if (list.Peek() != '[') throw new EnvelopeException(new Fault("envelope-cardinality", "Data.events"));
        // Unescaped and decoded in place: slower than the plain way, but this spelling has not been seen from a host yet.
        for (var more = list.Enter((byte)'[', (byte)']'); more; more = list.More((byte)']'))
        {
            if (list.Peek() != '"')
            {
                list.Skip();
                Flaw(AddEvent(default), new Fault("event-body", Where(_count - 1)));
                continue;
            }

            var (inside, escaped) = list.RawString();
            var (from, length) = (start + inside.Start.Value, inside.End.Value - inside.Start.Value);
            var sound = !escaped || JsonScan.UnescapeInPlace(_text.AsSpan(from, length), out length);
            sound &= Base64InPlace(_text.AsSpan(from, length), out var decoded);
            var index = AddEvent(sound ? (from, decoded) : default);
            if (!sound) Flaw(index, new Fault("event-base64", Where(index)));
        }

        list.End();
    }

    private static bool Base64InPlace(Span<byte> text, out int decoded)
    {
        var expected = DecodedLength(text);
        return Base64.DecodeFromUtf8InPlace(text, out decoded) == OperationStatus.Done && decoded == expected;
    }

    private bool Decode(ReadOnlySpan<byte> base64, out (int Start, int Length) body)
    {
        var done = Base64.DecodeFromUtf8(base64, _text.AsSpan(_written), out _, out var length) == OperationStatus.Done
            && length == DecodedLength(base64); // the decoder would pass over white space
        body = (_written, length);
        if (done) _written += length;
        return done;
    }

    /// <summary>What base64 without a stray byte decodes to; −1 for lengths that no base64 has.</summary>
    private static int DecodedLength(ReadOnlySpan<byte> base64) =>
        base64.Length % 4 != 0 ? -1 : base64.Length / 4 * 3 - (base64.EndsWith("=="u8) ? 2 : base64.EndsWith("="u8) ? 1 : 0);

    private int AddEvent((int Start, int Length) body)
    {
        if (_count == _limits.EventsMax) throw new EnvelopeException(new Fault("envelope-count", "Data.events"));
        if (_count == _events.Length) Grow(ref _events);
        _events[_count] = new EventSlot { BodyStart = body.Start, BodyLength = body.Length, SequenceNumber = -1, KeyLength = -1 };
        return _count++;
    }

    /// <summary>Reads a member's name and the colon. The name is good until the next string is read.</summary>
    private readonly ReadOnlySpan<byte> Name(ref JsonScan scan)
    {
        var end = scan.String(_text, _written);
        scan.Expect((byte)':');
        return _text.AsSpan(_written, end - _written);
    }

    private void Flaw(int index, Fault fault)
    {
        if (_faults is null || index >= _faults.Length) Array.Resize(ref _faults, Math.Max(_events.Length, index + 1));
        _faults[index] ??= fault;
    }

    private static string Where(int index) => $"events[{index}]";

    private static void Grow<T>(ref T[] array)
    {
        var larger = ArrayPool<T>.Shared.Rent(array.Length * 2);
        array.CopyTo(larger, 0);
        ArrayPool<T>.Shared.Return(array);
        array = larger;
    }

    private readonly void Return()
    {
        ArrayPool<byte>.Shared.Return(_text);
        ArrayPool<EventSlot>.Shared.Return(_events);
        ArrayPool<PropertySlot>.Shared.Return(_properties);
    }
}
