using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Where each metadata array's unescaped text stands; the default range means that it was not there.</summary>
internal struct MetadataArrays
{
    public Range PartitionKeys, Offsets, SequenceNumbers, EnqueuedTimes, Application, System;
}

/// <summary>What the metadata says about the whole batch.</summary>
internal struct MetadataRead
{
    public string? Namespace, Hub, ConsumerGroup, PartitionId;
    public int RetryCount;
    public int? MaxRetryCount;

    public readonly EventBatchSource Source() => new(
        Namespace ?? throw Missing("FullyQualifiedNamespace"),
        Hub ?? throw Missing("EventHubName"),
        ConsumerGroup ?? throw Missing("ConsumerGroup"),
        PartitionId ?? throw Missing("PartitionId"),
        RetryCount,
        MaxRetryCount);

    private static EnvelopeException Missing(string member) => new(new Fault("envelope-missing", $"Metadata.PartitionContext.{member}"));
}

/// <content>The metadata half of the envelope.</content>
internal ref partial struct EventBatchReader
{
    private MetadataRead Metadata(ref JsonScan scan, ref MetadataArrays arrays)
    {
        var read = new MetadataRead();
        for (var more = scan.Enter((byte)'{', (byte)'}'); more; more = scan.More((byte)'}'))
        {
            var name = Name(ref scan);
            if (name.SequenceEqual("PartitionContext"u8)) PartitionContext(ref scan, ref read);
            else if (name.SequenceEqual("RetryContext"u8)) RetryContext(ref scan, ref read);
            else if (name.SequenceEqual("PartitionKeyArray"u8)) arrays.PartitionKeys = ArrayText(ref scan, arrays.PartitionKeys, "Metadata.PartitionKeyArray");
            else if (name.SequenceEqual("OffsetArray"u8)) arrays.Offsets = ArrayText(ref scan, arrays.Offsets, "Metadata.OffsetArray");
            else if (name.SequenceEqual("SequenceNumberArray"u8)) arrays.SequenceNumbers = ArrayText(ref scan, arrays.SequenceNumbers, "Metadata.SequenceNumberArray");
            else if (name.SequenceEqual("EnqueuedTimeUtcArray"u8)) arrays.EnqueuedTimes = ArrayText(ref scan, arrays.EnqueuedTimes, "Metadata.EnqueuedTimeUtcArray");
            else if (name.SequenceEqual("PropertiesArray"u8)) arrays.Application = ArrayText(ref scan, arrays.Application, "Metadata.PropertiesArray");
            else if (name.SequenceEqual("SystemPropertiesArray"u8)) arrays.System = ArrayText(ref scan, arrays.System, "Metadata.SystemPropertiesArray");
            else scan.Skip();
        }

        return read;
    }

    private Range ArrayText(ref JsonScan scan, Range before, string where)
    {
        if (!before.Equals(default(Range))) throw new EnvelopeException(new Fault("envelope-duplicate", where));
        if (scan.Peek() != '"') throw new EnvelopeException(new Fault("envelope-type", where));
        var start = _written;
        _written = scan.String(_text, start);
        return start.._written;
    }

    private readonly void PartitionContext(ref JsonScan scan, ref MetadataRead read)
    {
        if (scan.Peek() != '{') throw new EnvelopeException(new Fault("envelope-type", "Metadata.PartitionContext"));
        for (var more = scan.Enter((byte)'{', (byte)'}'); more; more = scan.More((byte)'}'))
        {
            var name = Name(ref scan);
            if (name.SequenceEqual("FullyQualifiedNamespace"u8)) read.Namespace = ShortText(ref scan);
            else if (name.SequenceEqual("EventHubName"u8)) read.Hub = ShortText(ref scan);
            else if (name.SequenceEqual("ConsumerGroup"u8)) read.ConsumerGroup = ShortText(ref scan);
            else if (name.SequenceEqual("PartitionId"u8)) read.PartitionId = ShortText(ref scan);
            else scan.Skip();
        }
    }

    private readonly string ShortText(ref JsonScan scan)
    {
        if (scan.Peek() != '"') throw new EnvelopeException(new Fault("envelope-type", "Metadata.PartitionContext"));
        var end = scan.String(_text, _written);
        return Encoding.UTF8.GetString(_text.AsSpan(_written, end - _written));
    }

    private readonly void RetryContext(ref JsonScan scan, ref MetadataRead read)
    {
        if (scan.Peek() != '{') throw new EnvelopeException(new Fault("envelope-type", "Metadata.RetryContext"));
        for (var more = scan.Enter((byte)'{', (byte)'}'); more; more = scan.More((byte)'}'))
        {
            var name = Name(ref scan);
            if (name.SequenceEqual("RetryCount"u8)) read.RetryCount = Int32(ref scan);
            else if (name.SequenceEqual("MaxRetryCount"u8)) read.MaxRetryCount = Int32(ref scan);
            else scan.Skip();
        }
    }

    private static int Int32(ref JsonScan scan)
    {
        if (scan.Peek() is (byte)'-' or (>= (byte)'0' and <= (byte)'9'))
        {
            var literal = scan.Literal();
            if (Utf8Parser.TryParse(literal, out int value, out var used) && used == literal.Length) return value;
        }

        throw new EnvelopeException(new Fault("envelope-type", "Metadata.RetryContext"));
    }

    /// <summary>Walks every array beside the events. One element an event, or the arrays cannot be told to belong together.</summary>
    private void EachEvent(in MetadataArrays arrays)
    {
        Each(arrays.SequenceNumbers, "Metadata.SequenceNumberArray", Part.SequenceNumber);
        Each(arrays.Offsets, "Metadata.OffsetArray", Part.Offset);
        Each(arrays.EnqueuedTimes, "Metadata.EnqueuedTimeUtcArray", Part.EnqueuedTime);
        Each(arrays.PartitionKeys, "Metadata.PartitionKeyArray", Part.PartitionKey);
        Each(arrays.System, "Metadata.SystemPropertiesArray", Part.System);
        Each(arrays.Application, "Metadata.PropertiesArray", Part.Application);
    }

    private void Each(Range where, string name, Part part)
    {
        if (where.Equals(default(Range))) throw new EnvelopeException(new Fault("envelope-missing", name));
        var origin = where.Start.Value;
        _before = default;
        var scan = new JsonScan(_text.AsSpan(where), name, _limits.DepthMax);
        if (scan.Peek() != '[') throw new EnvelopeException(new Fault("envelope-type", name));
        var index = 0;
        for (var more = scan.Enter((byte)'[', (byte)']'); more; more = scan.More((byte)']'))
        {
            if (index == _count) throw new EnvelopeException(new Fault("envelope-length", name));
            Element(ref scan, origin, index++, part);
        }

        scan.End();
        if (index != _count) throw new EnvelopeException(new Fault("envelope-length", name));
    }

    private void Element(ref JsonScan scan, int origin, int index, Part part)
    {
        ref var slot = ref _events[index];
        switch (part)
        {
            case Part.SequenceNumber when Sequence(ref scan, out var number):
                slot.SequenceNumber = number;
                break;
            case Part.Offset when Text(ref scan, origin, out slot.OffsetStart, out slot.OffsetLength):
                break;
            case Part.EnqueuedTime when Text(ref scan, origin, out var start, out var length) && HubTime.TryRead(_text.AsSpan(start, length), out var time):
                slot.EnqueuedTicks = time.Ticks;
                break;
            case Part.PartitionKey when Key(ref scan, origin, ref slot):
                break;
            case Part.System when Properties(ref scan, origin, out slot.SystemFirst, out slot.SystemCount):
                break;
            case Part.Application when Properties(ref scan, origin, out slot.ApplicationFirst, out slot.ApplicationCount):
                break;
            default:
                Flaw(index, FlawOf(part, index));
                break;
        }
    }

    private static Fault FlawOf(Part part, int index) => part switch
    {
        Part.SequenceNumber => new Fault("event-sequence-number", Where(index)),
        Part.Offset => new Fault("event-offset", Where(index)),
        Part.EnqueuedTime => new Fault("event-enqueued-time", Where(index)),
        Part.PartitionKey => new Fault("event-partition-key", Where(index)),
        Part.System => new Fault("event-system-properties", Where(index)),
        _ => new Fault("event-properties", Where(index)),
    };

    private static bool Sequence(ref JsonScan scan, out long number)
    {
        number = -1;
        if (scan.Peek() is not (>= (byte)'0' and <= (byte)'9'))
        {
            scan.Skip();
            return false;
        }

        var literal = scan.Literal();
        var sound = Utf8Parser.TryParse(literal, out number, out var used) && used == literal.Length;
        if (!sound) number = -1;
        return sound;
    }

    private readonly bool Key(ref JsonScan scan, int origin, ref EventSlot slot)
    {
        if (scan.Peek() == 'n') return scan.Literal().SequenceEqual("null"u8);
        if (Text(ref scan, origin, out slot.KeyStart, out slot.KeyLength)) return true;
        slot.KeyLength = -1;
        return false;
    }

    /// <summary>Reads a string, unescaped onto itself; moves over anything else.</summary>
    private readonly bool Text(ref JsonScan scan, int origin, out int start, out int length)
    {
        (start, length) = (0, 0);
        if (scan.Peek() != '"')
        {
            scan.Skip();
            return false;
        }

        var (inside, escaped) = scan.RawString();
        (start, length) = (origin + inside.Start.Value, inside.End.Value - inside.Start.Value);
        if (!escaped || JsonScan.UnescapeInPlace(_text.AsSpan(start, length), out length)) return true;
        (start, length) = (0, 0);
        return false;
    }

    /// <summary>Reads one event's property object. A property that makes no sense costs this event all of that kind.</summary>
    private bool Properties(ref JsonScan scan, int origin, out int first, out int count)
    {
        (first, count) = (_propertyCount, 0);
        if (scan.Peek() != '{')
        {
            scan.Skip();
            return false;
        }

        var (sound, plainNames) = (true, true);
        for (var more = scan.Enter((byte)'{', (byte)'}'); more; more = scan.More((byte)'}'))
        {
            if (scan.Peek() != '"') throw scan.Syntax();
            if (!SameName(ref scan, origin, _propertyCount - first, out var nameStart, out var nameLength))
            {
                var at = scan.At;
                sound &= Text(ref scan, origin, out nameStart, out nameLength);
                plainNames &= scan.At - at == nameLength + 2;
                scan.Expect((byte)':');
            }

            sound &= Value(ref scan, origin, out var start, out var length, out var kind);
            if (!sound || (sound = _propertyCount - first < _limits.PropertiesMax) == false) continue;
            if (_propertyCount == _properties.Length) Grow(ref _properties);
            _properties[_propertyCount++] = new PropertySlot { NameStart = nameStart, NameLength = nameLength, ValueStart = start, ValueLength = length, Kind = kind };
        }

        if (!sound) _propertyCount = first;
        count = _propertyCount - first;
        _before = plainNames ? (first, count) : default;
        return sound;
    }

    /// <summary>Guesses that this name is the one that stood in this place in the event before, as it nearly always is: one comparison
    /// instead of a search for its end. Only names without escapes are guessed by, whose quotes and colon still stand around them.</summary>
    private readonly bool SameName(ref JsonScan scan, int origin, int place, out int start, out int length)
    {
        (start, length) = (0, 0);
        if (place >= _before.Count) return false;
        ref readonly var guess = ref _properties[_before.First + place];
        ReadOnlySpan<byte> quoted = _text.AsSpan(guess.NameStart - 1, guess.NameLength + 3); // "name":
        if (quoted[^1] != ':' || !scan.TryConsume(quoted)) return false;
        (start, length) = (origin + scan.At - guess.NameLength - 2, guess.NameLength);
        return true;
    }

    private readonly bool Value(ref JsonScan scan, int origin, out int start, out int length, out JsonValueKind kind)
    {
        var next = scan.Peek();
        kind = next switch
        {
            (byte)'"' => JsonValueKind.String,
            (byte)'{' => JsonValueKind.Object,
            (byte)'[' => JsonValueKind.Array,
            (byte)'-' or (>= (byte)'0' and <= (byte)'9') => JsonValueKind.Number,
            _ => JsonValueKind.Undefined,
        };
        if (kind == JsonValueKind.String) return Text(ref scan, origin, out start, out length);
        start = origin + scan.At;
        if (kind is JsonValueKind.Object or JsonValueKind.Array)
        {
            scan.Skip();
        }
        else
        {
            var literal = scan.Literal();
            if (kind == JsonValueKind.Undefined) kind = literal.SequenceEqual("true"u8) ? JsonValueKind.True : literal.SequenceEqual("false"u8) ? JsonValueKind.False : literal.SequenceEqual("null"u8) ? JsonValueKind.Null : kind;
        }

        length = origin + scan.At - start;
        return kind != JsonValueKind.Undefined;
    }

    private enum Part
    {
        SequenceNumber,
        Offset,
        EnqueuedTime,
        PartitionKey,
        System,
        Application,
    }
}
