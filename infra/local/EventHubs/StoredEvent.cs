using System.Buffers.Binary;
using System.Globalization;
using Serverless.EventHubs.Wire;

namespace Serverless.Local.EventHubs;

/// <summary>An event as a partition keeps it: encoded once, at append, and sent as it is to every reader.</summary>
/// <param name="Message">The encoded AMQP message, stamps first.</param>
/// <param name="Offset">Its offset.</param>
/// <param name="EnqueuedMs">Its enqueued time, milliseconds since 1970.</param>
internal readonly record struct StoredEvent(byte[] Message, long Offset, long EnqueuedMs);

/// <summary>An event ready to be stamped: its annotations but the broker's own, and everything behind the annotations.</summary>
/// <param name="Annotations">Encoded keys and values, one after the other.</param>
/// <param name="AnnotationCount">How many pairs.</param>
/// <param name="Tail">Properties, application properties, body, footer: as the publisher encoded them.</param>
internal readonly record struct EncodedEvent(ReadOnlyMemory<byte> Annotations, int AnnotationCount, ReadOnlyMemory<byte> Tail)
{
    // The broker's stamps. A publisher's own are dropped, or it could forge time and order.
    private static readonly byte[] SequenceKey = Key("x-opt-sequence-number");
    private static readonly byte[] OffsetKey = Key("x-opt-offset");
    private static readonly byte[] EnqueuedKey = Key("x-opt-enqueued-time");

    /// <summary>Encodes the event with its stamps.</summary>
    /// <param name="sequenceNumber">x-opt-sequence-number.</param>
    /// <param name="offset">x-opt-offset, sent as text.</param>
    /// <param name="enqueuedMs">x-opt-enqueued-time.</param>
    public byte[] Stamp(long sequenceNumber, long offset, long enqueuedMs)
    {
        Span<byte> digits = stackalloc byte[20];
        offset.TryFormat(digits, out var offsetLength, default, CultureInfo.InvariantCulture);
        var map = SequenceKey.Length + 9 + OffsetKey.Length + 2 + offsetLength + EnqueuedKey.Length + 9 + Annotations.Length;
        var message = new byte[12 + map + Tail.Length];
        Span<byte> at = message;

        // message-annotations: 00 53 72, map32: d1, size (from count on), count
        at[1] = 0x53;
        at[2] = 0x72;
        at[3] = 0xd1;
        BinaryPrimitives.WriteInt32BigEndian(at[4..], map + 4);
        BinaryPrimitives.WriteInt32BigEndian(at[8..], 2 * (3 + AnnotationCount));
        at = Put(Put(at[12..], SequenceKey), 0x81, sequenceNumber);
        at = Put(at, OffsetKey);
        at[0] = 0xa1;
        at[1] = (byte)offsetLength;
        at = Put(at[2..], digits[..offsetLength]);
        at = Put(Put(at, EnqueuedKey), 0x83, enqueuedMs);
        at = Put(at, Annotations.Span);
        Put(at, Tail.Span);
        return message;
    }

    /// <summary>Whether an annotation is the broker's to write.</summary>
    /// <param name="name">The annotation's name.</param>
    public static bool IsStamp(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("x-opt-sequence-number"u8) || name.SequenceEqual("x-opt-offset"u8) || name.SequenceEqual("x-opt-enqueued-time"u8);

    private static Span<byte> Put(Span<byte> at, scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(at);
        return at[bytes.Length..];
    }

    private static Span<byte> Put(Span<byte> at, byte constructor, long value)
    {
        at[0] = constructor;
        BinaryPrimitives.WriteInt64BigEndian(at[1..], value);
        return at[9..];
    }

    private static byte[] Key(string name)
    {
        using var writer = new AmqpWriter(64);
        writer.Symbol(name);
        return writer.Written.ToArray();
    }
}
