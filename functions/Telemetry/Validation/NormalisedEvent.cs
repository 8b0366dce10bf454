using System.Buffers;
using System.Numerics;
using System.Text.Encodings.Web;

namespace Serverless.Telemetry.Validation;

/// <summary>Writing an accepted event for hub <c>validated</c>.</summary>
public sealed partial class Readings
{
    /// <summary>Writes an accepted event as JSON: <c>deviceId</c> (the hub's stamp), <c>messageId</c>, <c>sentAt</c>, <c>sequence</c>,
    /// <c>metrics</c>; metrics in the profile's order; no blanks.</summary>
    /// <remarks>Every JSON number keeps the very characters the device wrote (1.50 stays 1.50), and so does every text. A CBOR whole
    /// number keeps all its digits, a decimal fraction its places; a binary float becomes the shortest number that reads back as
    /// exactly the same double. The result is itself a message this project accepts (RFC 8259, one line).</remarks>
    /// <param name="e">The event these readings are of.</param>
    /// <param name="profile">The profile it was judged by.</param>
    /// <param name="into">Where to. Asked for room once a member; nothing else is allocated.</param>
    public void Normalise(in TelemetryEvent e, Profile profile, IBufferWriter<byte> into)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(into);
        var payload = Payload(e);
        Put(into, "{\"deviceId\":"u8);
        PutText(into, e.DeviceId);
        Put(into, ",\"messageId\":"u8);
        PutItem(into, MessageIdItem, payload);
        Put(into, ",\"sentAt\":"u8);
        PutItem(into, SentAtItem, payload);
        Put(into, ",\"sequence\":"u8);
        PutItem(into, SequenceItem, payload);
        Put(into, ",\"metrics\":{"u8);
        var comma = false;
        for (var left = Present; left != 0; left &= left - 1)
        {
            var metric = BitOperations.TrailingZeroCount(left);
            if (comma) Put(into, ","u8);
            comma = true;
            Put(into, profile.Names.Quoted[metric]);
            PutItem(into, _items[metric], payload);
        }

        Put(into, "}}"u8);
    }

    private void PutItem(IBufferWriter<byte> into, in Item item, ReadOnlySpan<byte> payload)
    {
        switch (item.Kind)
        {
            case ItemKind.True:
                Put(into, "true"u8);
                break;
            case ItemKind.False:
                Put(into, "false"u8);
                break;
            case ItemKind.Vector:
                if (IsCbor) PutVector(into, payload[item.Start..]);
                else PutCompact(into, payload.Slice(item.Start, item.Length));
                break;
            case ItemKind.Text:
                if (IsCbor) PutText(into, Text(item, payload));
                else Put(into, payload.Slice(item.Start, item.Length));
                break;
            case ItemKind.Number or ItemKind.Whole:
                if (IsCbor) PutNumber(into, payload[item.Start..]);
                else Put(into, payload.Slice(item.Start, item.Length));
                break;
            default:
                throw new InvalidOperationException("Only an accepted event can be normalised.");
        }
    }

    private static void PutNumber(IBufferWriter<byte> into, ReadOnlySpan<byte> cbor) =>
        into.Advance(CborNumber.Write(cbor, into.GetSpan(CborNumber.TextBytesMax)));

    private static void PutVector(IBufferWriter<byte> into, ReadOnlySpan<byte> cbor)
    {
        var at = CborHead.Read(cbor, 0, out _);
        for (var i = 0; i < 3; i++)
        {
            Put(into, i == 0 ? "["u8 : ","u8);
            PutNumber(into, cbor[at..]);
            at += CborNumber.Length(cbor[at..]);
        }

        Put(into, "]"u8);
    }

    /// <summary>A vector without its blanks: there is nothing else in it than digits, signs, commas and brackets.</summary>
    private static void PutCompact(IBufferWriter<byte> into, ReadOnlySpan<byte> json)
    {
        var span = into.GetSpan(json.Length);
        var length = 0;
        foreach (var part in json)
        {
            if (part > 0x20) span[length++] = part;
        }

        into.Advance(length);
    }

    /// <summary>A text that is not JSON yet. What must be escaped is, and little more.</summary>
    private static void PutText(IBufferWriter<byte> into, ReadOnlySpan<byte> text)
    {
        Put(into, "\""u8);
        while (!text.IsEmpty)
        {
            // A character is at most six characters escaped; room for all at once is room for whole texts at most times.
            var span = into.GetSpan((6 * text.Length) + 1);
            var status = JavaScriptEncoder.UnsafeRelaxedJsonEscaping.EncodeUtf8(text, span, out var used, out var length);
            into.Advance(length);
            text = text[used..];
            if (status is not (OperationStatus.Done or OperationStatus.DestinationTooSmall))
                throw new InvalidOperationException("Texts were checked to be UTF-8.");
        }

        Put(into, "\""u8);
    }

    private static void Put(IBufferWriter<byte> into, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(into.GetSpan(bytes.Length));
        into.Advance(bytes.Length);
    }
}
