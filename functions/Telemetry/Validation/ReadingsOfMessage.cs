using System.Numerics;
using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.Validation;

/// <summary>The part of <see cref="Readings"/> that the scanners fill and the rules read.</summary>
public sealed partial class Readings
{
    internal const int NamesMax = 256;

    private readonly NameSeen[] _names = new NameSeen[NamesMax];
    private readonly byte[] _nextMetric = NextMetrics();
    private byte[] _scratch = [];
    private byte[] _inflated = [];
    private int _scratchLength;
    private int _namesCount;
    private int _inflatedLength = -1;

    /// <summary>One name that the profile does not know, kept to find it twice.</summary>
    private struct NameSeen
    {
        public ulong Hash;
        public int Frame;
        public int Start;
        public int Length;
        public bool InScratch;
    }

    internal Item MessageIdItem;
    internal Item SentAtItem;
    internal Item SequenceItem;
    internal Item DeviceIdItem;
    internal Item MetricsItem;
    internal double SequenceValue;

    internal bool MemberUnknown { get; set; }

    internal int UnknownMetrics { get; set; }

    internal bool IsCbor { get; set; }

    internal Span<double> Values => _values;

    internal Span<Item> Items => _items;

    internal void Clear()
    {
        Present = 0;
        Sequence = 0;
        SentTicks = 0;
        MessageIdItem.Kind = SentAtItem.Kind = SequenceItem.Kind = DeviceIdItem.Kind = MetricsItem.Kind = ItemKind.None;
        MemberUnknown = false;
        UnknownMetrics = 0;
        IsCbor = false;
        _scratchLength = 0;
        _namesCount = 0;
        _inflatedLength = -1;
    }

    internal ReadOnlySpan<byte> Payload(in TelemetryEvent e) => _inflatedLength < 0 ? e.Body : _inflated.AsSpan(0, _inflatedLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> Text(in Item item, ReadOnlySpan<byte> payload) =>
        item.InScratch ? _scratch.AsSpan(item.TextStart, item.TextLength) : payload.Slice(item.TextStart, item.TextLength);

    /// <summary>Room for <paramref name="length"/> unescaped bytes. All texts of a message together are no longer than it is, so
    /// the buffer never moves while a message is scanned.</summary>
    internal Span<byte> ScratchFor(int payloadLength, int length)
    {
        if (_scratch.Length < payloadLength) _scratch = new byte[BitOperations.RoundUpToPowerOf2((uint)payloadLength)];
        return _scratch.AsSpan(_scratchLength, length);
    }

    internal int KeepScratch(int length)
    {
        var start = _scratchLength;
        _scratchLength += length;
        return start;
    }

    internal Span<byte> InflateInto(int lengthMax)
    {
        if (_inflated.Length < lengthMax) _inflated = new byte[BitOperations.RoundUpToPowerOf2((uint)lengthMax)];
        return _inflated.AsSpan(0, lengthMax);
    }

    internal void Inflated(int length) => _inflatedLength = length;

    /// <summary>Notes a name of one object.</summary>
    /// <returns>1: new; 0: that object has it already; -1: too many names.</returns>
    internal int NoteName(in Item name, int frame, ReadOnlySpan<byte> payload)
    {
        var text = Text(name, payload);
        var hash = Mix.Hash(text);
        foreach (ref readonly var seen in _names.AsSpan(0, _namesCount))
        {
            if (seen.Frame != frame || seen.Hash != hash) continue;
            var other = seen.InScratch ? _scratch.AsSpan(seen.Start, seen.Length) : payload.Slice(seen.Start, seen.Length);
            if (text.SequenceEqual(other)) return 0;
        }

        if (_namesCount == NamesMax) return -1;
        _names[_namesCount++] = new NameSeen
        {
            Hash = hash,
            Frame = frame,
            Start = name.TextStart,
            Length = name.TextLength,
            InScratch = name.InScratch,
        };
        return 1;
    }

    /// <summary>The metric that came after <paramref name="metric"/> last time (-1: came first). A guess that saves a hash: devices
    /// write their metrics in one order. Wrong guesses change no verdict.</summary>
    internal ref byte NextMetric(int metric) => ref _nextMetric[metric + 1];

    private static byte[] NextMetrics()
    {
        var next = new byte[Profile.MetricsMax + 1];
        for (var i = 0; i < next.Length; i++) next[i] = (byte)i;
        return next;
    }
}
