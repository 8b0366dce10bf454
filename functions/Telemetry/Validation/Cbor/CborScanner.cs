using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>One pass over a CBOR message (RFC 8949): the same model as JSON, deterministic encoding or not.</summary>
/// <remarks>Recursion is bounded by <see cref="JsonScanner.DepthMax"/>; a count in a head is never trusted for more than the bytes
/// that follow it.</remarks>
internal ref partial struct CborScanner
{
    private const int SelfDescribed = 55_799;
    private readonly ReadOnlySpan<byte> _cbor;
    private readonly Readings _readings;
    private readonly NameTable? _names;
    private Fault? _fault;
    private int _frames;

    private CborScanner(ReadOnlySpan<byte> cbor, Readings readings, NameTable? names)
    {
        _cbor = cbor;
        _readings = readings;
        _names = names;
    }

    /// <summary>Scans a message.</summary>
    /// <param name="cbor">The message.</param>
    /// <param name="readings">Cleared; filled here.</param>
    /// <param name="names">The profile's metric names, or <see langword="null"/>: then none is known.</param>
    public static Fault? Scan(ReadOnlySpan<byte> cbor, Readings readings, NameTable? names)
    {
        readings.IsCbor = true;
        var scanner = new CborScanner(cbor, readings, names);
        var at = scanner.Message();
        return at < 0 ? scanner._fault : null;
    }

    private int Message()
    {
        var at = CborHead.Read(_cbor, 0, out var head);
        if (at >= 0 && head.Major == CborHead.Tag && head.Argument == SelfDescribed) at = CborHead.Read(_cbor, at, out head);
        if (at < 0) return Broken(at);
        if (head.Major == CborHead.Map)
        {
            at = Root(at, head);
            return at < 0 || at == _cbor.Length ? at : Refuse(MessageFaults.CborTrailingData);
        }

        var (item, values) = (default(Item), default(Vector));
        at = Body(at, head, 0, ref item, values.Span());
        if (at < 0) return at;
        return Refuse(at == _cbor.Length ? MessageFaults.NotObject : MessageFaults.CborTrailingData);
    }

    private int Root(int at, in CborHead map)
    {
        var frame = _frames++;
        var name = default(Item);
        for (ulong i = 0; More(ref at, map, i, 2); i++)
        {
            if ((at = Key(at, ref name)) < 0) return at;
            if ((at = Member(at, name, frame)) < 0) return at;
        }

        return at;
    }

    private int Member(int at, in Item name, int frame)
    {
        var text = _readings.Text(name, _cbor);
        switch (text.Length)
        {
            case 9 when text.SequenceEqual("messageId"u8):
                return RootValue(at, ref _readings.MessageIdItem);
            case 6 when text.SequenceEqual("sentAt"u8):
                return RootValue(at, ref _readings.SentAtItem);
            case 8 when text.SequenceEqual("sequence"u8):
                return RootValue(at, ref _readings.SequenceItem);
            case 8 when text.SequenceEqual("deviceId"u8):
                return RootValue(at, ref _readings.DeviceIdItem);
            case 7 when text.SequenceEqual("metrics"u8):
                if (_readings.MetricsItem.Kind != ItemKind.None) return Refuse(MessageFaults.CborDuplicateKey);
                var body = CborHead.Read(_cbor, at, out var head);
                if (body < 0) return Broken(body);
                if (head.Major != CborHead.Map) return RootValue(at, ref _readings.MetricsItem);
                _readings.MetricsItem.Kind = ItemKind.Vector; // a map: the only kind accepted here
                return Metrics(body, head);
            default:
                _readings.MemberUnknown = true;
                return Note(name, frame) ? Skip(at, 1) : -1;
        }
    }

    private int RootValue(int at, ref Item item)
    {
        if (item.Kind != ItemKind.None) return Refuse(MessageFaults.CborDuplicateKey);
        var values = default(Vector);
        at = Value(at, 1, ref item, values.Span());
        // Sequence is the only number among them.
        if (item.IsNumber) _readings.SequenceValue = values.Span()[0];
        return at;
    }

    private int Metrics(int at, in CborHead map)
    {
        var frame = _frames++;
        var name = default(Item);
        var last = -1;
        for (ulong i = 0; More(ref at, map, i, 2); i++)
        {
            var metric = Guess(at, last, out var value);
            if (metric < 0)
            {
                if ((value = Key(at, ref name)) < 0) return value;
                metric = _names is null ? -1 : _names.Find(_readings.Text(name, _cbor));
                if (metric >= 0) _readings.NextMetric(last) = (byte)metric;
            }

            if (metric >= 0)
            {
                var bit = 1UL << metric;
                if ((_readings.Present & bit) != 0) return Refuse(MessageFaults.CborDuplicateKey);
                _readings.Present |= bit;
                at = Value(value, 2, ref _readings.Items[metric], _readings.Values.Slice(3 * metric, 3));
                last = metric;
            }
            else
            {
                _readings.UnknownMetrics++;
                at = Note(name, frame) ? Skip(value, 2) : -1;
            }

            if (at < 0) return at;
        }

        return at;
    }

    private readonly int Guess(int at, int last, out int value)
    {
        value = -1;
        if (_names is null) return -1;
        var guess = _readings.NextMetric(last);
        var keys = _names.CborKeys;
        if (guess >= keys.Length || !_cbor[at..].StartsWith(keys[guess])) return -1;
        value = at + keys[guess].Length;
        return guess;
    }

    private int Key(int at, ref Item name)
    {
        at = CborHead.Read(_cbor, at, out var head);
        if (at < 0) return Broken(at);
        return head.Major == CborHead.Text ? Text(at, head, ref name) : Refuse(MessageFaults.CborKeyType);
    }

    private bool Note(in Item name, int frame)
    {
        var noted = _readings.NoteName(name, frame, _cbor);
        if (noted > 0) return true;
        Refuse(noted == 0 ? MessageFaults.CborDuplicateKey : MessageFaults.TooManyMembers);
        return false;
    }

    /// <summary>Whether a container has a further element, of at least <paramref name="bytesMin"/> bytes; passes the break of an
    /// indefinite one. False with a fault known (and <paramref name="at"/> negative) when it cannot have.</summary>
    private bool More(ref int at, in CborHead head, ulong done, int bytesMin)
    {
        if (at < 0) return false;
        if (head.Info != CborHead.Indefinite)
        {
            if (done == head.Argument) return false;
            if (head.Argument - done <= (ulong)((_cbor.Length - at) / bytesMin)) return true;
            at = Refuse(MessageFaults.CborTruncated);
            return false;
        }

        if (at >= _cbor.Length) at = Refuse(MessageFaults.CborTruncated);
        else if (_cbor[at] != 0xFF) return true;
        else at++;
        return false;
    }

    private int Refuse(Fault fault)
    {
        _fault = fault;
        return -1;
    }

    private int Broken(int how) => Refuse(how == -1 ? MessageFaults.CborTruncated : MessageFaults.CborMalformed);
}
