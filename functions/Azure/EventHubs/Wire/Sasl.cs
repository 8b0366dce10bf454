using System.Buffers.Binary;

namespace Serverless.EventHubs.Wire;

/// <summary>SASL ANONYMOUS as AMQP carries it (OASIS AMQP 1.0 part 5, section 5.3), both ends. Who the peer is, the token says
/// that it puts on <c>$cbs</c> afterwards.</summary>
internal static class Sasl
{
    /// <summary>"AMQP", protocol 0 (AMQP itself), version 1.0.0.</summary>
    public static ReadOnlyMemory<byte> AmqpHeader { get; } = "AMQP\0\x01\0\0"u8.ToArray();

    /// <summary>"AMQP", protocol 3 (SASL), version 1.0.0.</summary>
    public static ReadOnlyMemory<byte> SaslHeader { get; } = "AMQP\x03\x01\0\0"u8.ToArray();

    // A peer has said nothing worth more yet (part 5, section 5.3.1 asks for 512).
    private const int FrameBytesMax = 512;

    /// <summary>Client side: offers ANONYMOUS and waits for its acceptance.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="host">The host name to ask for.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="IOException">The peer speaks something else or refuses.</exception>
    public static async Task Ask(Stream stream, string host, CancellationToken cancel)
    {
        using var init = new AmqpWriter(256);
        init.Raw(SaslHeader.Span);
        var frame = init.Length;
        init.Raw([0, 0, 0, 0, 2, 1, 0, 0]);
        init.Descriptor(0x41);
        var list = init.Begin(0xd0);
        init.Symbol("ANONYMOUS");
        init.Null();
        init.Text(host);
        init.End(list, 3);
        BinaryPrimitives.WriteInt32BigEndian(init.Buffer.AsSpan(frame), init.Length - frame);
        await stream.WriteAsync(init.Buffer.AsMemory(0, init.Length), cancel).ConfigureAwait(false);

        var header = new byte[8];
        await stream.ReadExactlyAsync(header, cancel).ConfigureAwait(false);
        if (!SaslHeader.Span.SequenceEqual(header)) throw new IOException("the peer does not speak AMQP with SASL");
        _ = await ReadFrame(stream, 0x40, cancel).ConfigureAwait(false);
        var outcome = await ReadFrame(stream, 0x44, cancel).ConfigureAwait(false);
        if (outcome is not [(byte)0, ..]) throw new IOException("the peer refused SASL ANONYMOUS");
    }

    /// <summary>Server side: accepts one of the mechanisms, then waits for the peer's first AMQP bytes.</summary>
    /// <remarks>It waits because our own header and open, sent right behind the outcome, may share a TCP segment with it, and the
    /// JavaScript client then leaves them unread until more bytes come: it hung on a third of its connects.</remarks>
    /// <param name="stream">The stream.</param>
    /// <param name="mechanisms">What is accepted.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The peer's AMQP protocol header, to be replayed.</returns>
    /// <exception cref="InvalidDataException">The peer speaks something else.</exception>
    public static async Task<ReadOnlyMemory<byte>> Accept(Stream stream, string[] mechanisms, CancellationToken cancel)
    {
        var header = new byte[8];
        await stream.ReadExactlyAsync(header, cancel).ConfigureAwait(false);
        await stream.WriteAsync(SaslHeader, cancel).ConfigureAwait(false); // also the answer to a wrong one (part 2, section 2.2)
        if (!SaslHeader.Span.SequenceEqual(header)) throw new InvalidDataException("protocol header");
        await stream.WriteAsync(Mechanisms(mechanisms), cancel).ConfigureAwait(false);
        var init = await ReadFrame(stream, 0x41, cancel).ConfigureAwait(false);
        var accepted = init.Length > 0 && init[0] is string mechanism && mechanisms.Contains(mechanism, StringComparer.Ordinal);
        await stream.WriteAsync(Outcome(accepted), cancel).ConfigureAwait(false);
        if (!accepted) throw new InvalidDataException("sasl mechanism");
        await stream.ReadExactlyAsync(header, cancel).ConfigureAwait(false);
        return header;
    }

    private static byte[] Mechanisms(string[] names)
    {
        using var frame = new AmqpWriter(256);
        frame.Raw([0, 0, 0, 0, 2, 1, 0, 0]);
        frame.Descriptor(0x40);
        var list = frame.Begin(0xd0);
        frame.Raw([0xf0]);
        var size = 4 + 1 + names.Sum(name => name.Length + 1); // count, constructor a3, and each symbol with its length byte
        Span<byte> numbers = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(numbers, size);
        BinaryPrimitives.WriteInt32BigEndian(numbers[4..], names.Length);
        frame.Raw(numbers);
        frame.Raw([0xa3]);
        foreach (var name in names)
        {
            frame.Raw([(byte)name.Length]);
            frame.Raw(System.Text.Encoding.ASCII.GetBytes(name));
        }

        frame.End(list, 1);
        var bytes = frame.Written.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length);
        return bytes;
    }

    // sasl-outcome: code 0 (ok) or 1 (auth), part 5, section 5.3.3.6
    private static byte[] Outcome(bool accepted) => [0, 0, 0, 16, 2, 1, 0, 0, 0x00, 0x53, 0x44, 0xc0, 3, 1, 0x50, accepted ? (byte)0 : (byte)1];

    private static async Task<object?[]> ReadFrame(Stream stream, byte descriptor, CancellationToken cancel)
    {
        var head = new byte[8];
        await stream.ReadExactlyAsync(head, cancel).ConfigureAwait(false);
        var size = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (size is < 12 or > FrameBytesMax || head[4] != 2 || head[5] != 1) throw new InvalidDataException("sasl frame");
        var body = new byte[size - 8];
        await stream.ReadExactlyAsync(body, cancel).ConfigureAwait(false);
        return Fields(body, descriptor);
    }

    private static object?[] Fields(ReadOnlySpan<byte> body, byte descriptor)
    {
        if (AmqpScan.Measure(body) != body.Length || body[0] != 0 || body[1] != 0x53 || body[2] != descriptor) throw new InvalidDataException("sasl frame");
        return AmqpReader.Read(ref body) as object?[] ?? throw new InvalidDataException("sasl frame");
    }
}
