using System.Runtime.CompilerServices;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>One pass over a JSON message: strict RFC 8259, and what the rules need goes to the readings on the way.</summary>
/// <remarks>What the message <em>means</em> is not judged here: a value of the wrong type is noted, because the rest of the bytes
/// must be seen to be well-formed first. Recursion is bounded by <see cref="DepthMax"/>.</remarks>
internal ref partial struct JsonScanner
{
    /// <summary>Most containers inside each other. The format needs three (message, metrics, vector); eight tell a device's
    /// mistake (<c>metric-type</c>) from an attack.</summary>
    public const int DepthMax = 8;

    private readonly ReadOnlySpan<byte> _json;
    private readonly Readings _readings;
    private readonly NameTable? _names;
    private Fault? _fault;
    private int _frames;

    private JsonScanner(ReadOnlySpan<byte> json, Readings readings, NameTable? names)
    {
        _json = json;
        _readings = readings;
        _names = names;
    }

    /// <summary>Scans a message.</summary>
    /// <param name="json">The message.</param>
    /// <param name="readings">Cleared; filled here.</param>
    /// <param name="names">The profile's metric names, or <see langword="null"/>: then none is known.</param>
    public static Fault? Scan(ReadOnlySpan<byte> json, Readings readings, NameTable? names)
    {
        var scanner = new JsonScanner(json, readings, names);
        var at = scanner.Message();
        if (at < 0) return scanner._fault;
        return scanner.Blank(at) == json.Length ? null : MessageFaults.JsonTrailingData;
    }

    private int Message()
    {
        var at = Blank(0);
        if (Peek(at) == '{') return Root(at + 1);
        if (_json.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) return Refuse(MessageFaults.JsonBom);
        at = Skip(at, 0);
        if (at < 0) return at;
        // Well-formed to the end, or not at all: trailing data is told before the shape is.
        return Refuse(Blank(at) == _json.Length ? MessageFaults.NotObject : MessageFaults.JsonTrailingData);
    }

    private int Root(int at)
    {
        var frame = _frames++;
        var name = default(Item);
        at = Blank(at);
        if (Peek(at) == '}') return at + 1;
        while (true)
        {
            if ((at = Name(at, ref name)) < 0) return at;
            at = Member(at, name, frame);
            if (at < 0) return at;
            at = Blank(at);
            var next = Peek(at);
            if (next == '}') return at + 1;
            if (next != ',') return Refuse(MessageFaults.JsonMalformed);
            at = Blank(at + 1);
        }
    }

    private int Member(int at, in Item name, int frame)
    {
        var text = _readings.Text(name, _json);
        switch (text.Length)
        {
            case 9 when text.SequenceEqual("messageId"u8):
                return RootValue(at, ref _readings.MessageIdItem);
            case 6 when text.SequenceEqual("sentAt"u8):
                return RootValue(at, ref _readings.SentAtItem);
            case 8 when text.SequenceEqual("sequence"u8):
                return Sequence(at);
            case 8 when text.SequenceEqual("deviceId"u8):
                return RootValue(at, ref _readings.DeviceIdItem);
            case 7 when text.SequenceEqual("metrics"u8):
                if (_readings.MetricsItem.Kind != ItemKind.None) return Refuse(MessageFaults.JsonDuplicateMember);
                if (Peek(at) != '{') return RootValue(at, ref _readings.MetricsItem);
                _readings.MetricsItem.Kind = ItemKind.Vector; // an object: the only kind accepted here
                return Metrics(at + 1);
            default:
                _readings.MemberUnknown = true;
                return Note(name, frame) ? Skip(at, 1) : -1;
        }
    }

    private int RootValue(int at, ref Item item)
    {
        if (item.Kind != ItemKind.None) return Refuse(MessageFaults.JsonDuplicateMember);
        if (Peek(at) == '"') return Text(at + 1, ref item);
        item.Kind = ItemKind.Other;
        return Skip(at, 1);
    }

    private int Sequence(int at)
    {
        ref var item = ref _readings.SequenceItem;
        if (item.Kind != ItemKind.None) return Refuse(MessageFaults.JsonDuplicateMember);
        var first = Peek(at);
        if (first is not ((byte)'-' or (>= (byte)'0' and <= (byte)'9'))) return RootValue(at, ref item);
        var end = JsonNumber.Read(_json, at, out _readings.SequenceValue, out var whole, out _fault);
        item.Start = at;
        item.Length = end - at;
        item.Kind = whole ? ItemKind.Whole : ItemKind.Number;
        return end;
    }

    private int Metrics(int at)
    {
        var frame = _frames++;
        var name = default(Item);
        var last = -1;
        at = Blank(at);
        if (Peek(at) == '}') return at + 1;
        while (true)
        {
            var metric = Guess(at, last, out var value);
            if (metric < 0)
            {
                if ((value = Name(at, ref name)) < 0) return value;
                metric = _names is null ? -1 : _names.Find(_readings.Text(name, _json));
                if (metric >= 0) _readings.NextMetric(last) = (byte)metric;
            }

            if (metric >= 0)
            {
                var bit = 1UL << metric;
                if ((_readings.Present & bit) != 0) return Refuse(MessageFaults.JsonDuplicateMember);
                _readings.Present |= bit;
                at = Value(Blank(value), ref _readings.Items[metric], _readings.Values.Slice(3 * metric, 3));
                last = metric;
            }
            else
            {
                _readings.UnknownMetrics++;
                at = Note(name, frame) ? Skip(value, 2) : -1;
            }

            if (at < 0) return at;
            at = Blank(at);
            var next = Peek(at);
            if (next == '}') return at + 1;
            if (next != ',') return Refuse(MessageFaults.JsonMalformed);
            at = Blank(at + 1);
        }
    }

    /// <summary>The metric whose quoted name and colon stand at <paramref name="at"/>, when it is the one that came next last time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly int Guess(int at, int last, out int value)
    {
        value = -1;
        if (_names is null) return -1;
        var guess = _readings.NextMetric(last);
        var quoted = _names.Quoted;
        if (guess >= quoted.Length || !_json[at..].StartsWith(quoted[guess])) return -1;
        value = at + quoted[guess].Length;
        return guess;
    }
}
