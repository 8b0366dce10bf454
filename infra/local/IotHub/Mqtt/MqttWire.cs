using System.Buffers;
using System.IO.Pipelines;
using MQTTnet.Adapter;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Packets;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Mqtt;

/// <summary>MQTT 3.1.1 packets on a byte stream. Encoding and decoding are MQTTnet's; framing and its bounds are ours, because the
/// library reads any announced length (up to 256 MB) into memory.</summary>
/// <remarks>One reader and one writer at a time.</remarks>
internal sealed class MqttWire(IDuplexPipe transport)
{
    private readonly MqttPacketFormatterAdapter _decoder = new(MqttProtocolVersion.V311, new MqttBufferWriter(64, 65_535));
    private readonly MqttPacketFormatterAdapter _encoder = new(MqttProtocolVersion.V311, new MqttBufferWriter(4096, 65_535));

    /// <summary>Reads one packet; at most <paramref name="bytesMax"/> are ever held for it.</summary>
    /// <param name="bytesMax">Bound on the whole packet.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <returns>The packet, or <c>connection-closed</c>, <c>packet-size</c>, <c>packet-malformed</c>, <c>protocol-version</c>.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async ValueTask<Parsed<MqttPacket>> Read(int bytesMax, CancellationToken cancel)
    {
        while (true)
        {
            var result = await transport.Input.ReadAsync(cancel).ConfigureAwait(false);
            var buffer = result.Buffer;
            var head = Head(buffer, bytesMax);
            if (!head.TryGet(out var frame, out var fault))
            {
                transport.Input.AdvanceTo(buffer.Start, buffer.End);
                return fault;
            }

            if (frame.Complete)
            {
                var whole = buffer.Slice(0, frame.HeaderBytes + frame.BodyBytes);
                // A copy: the payload outlives the pipe's buffer, as the body of an event.
                var bytes = whole.Slice(frame.HeaderBytes).ToArray();
                transport.Input.AdvanceTo(whole.End);
                return Decode(frame.First, bytes);
            }

            transport.Input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted) return new Fault("connection-closed", "connection");
        }
    }

    /// <summary>Writes and flushes one packet.</summary>
    public async ValueTask Write(MqttPacket packet, CancellationToken cancel)
    {
        var encoded = _encoder.Encode(packet);
        transport.Output.Write(encoded.Packet);
        foreach (var part in encoded.Payload) transport.Output.Write(part.Span);
        await transport.Output.FlushAsync(cancel).ConfigureAwait(false);
        _encoder.Cleanup();
    }

    // MQTT 3.1.1 section 2.2: type and flags, then 1 to 4 bytes of remaining length, 7 bits each, least significant first.
    private static Parsed<Frame> Head(ReadOnlySequence<byte> buffer, int bytesMax)
    {
        Span<byte> head = stackalloc byte[5];
        var available = (int)Math.Min(buffer.Length, head.Length);
        buffer.Slice(0, available).CopyTo(head);
        if (available > 0 && !FlagsAllowed(head[0])) return new Fault("packet-malformed", "packet");
        var length = 0;
        for (var i = 1; i < available; i++)
        {
            length |= (head[i] & 0x7F) << (7 * (i - 1));
            if ((head[i] & 0x80) != 0) continue;
            return i + 1 + length > bytesMax ? new Fault("packet-size", "packet") : new Frame(head[0], i + 1, length, buffer.Length >= i + 1 + length);
        }

        return available == head.Length ? new Fault("packet-malformed", "packet") : new Frame(0, 0, 0, false);
    }

    // Section 2.2.2: PUBLISH has its own flags (QoS 3 does not exist), three types have 0010, the others 0000.
    private static bool FlagsAllowed(byte first) => (first >> 4) switch
    {
        3 => (first & 0b0110) != 0b0110,
        6 or 8 or 10 => (first & 0x0F) == 0b0010,
        0 or 15 => false,
        _ => (first & 0x0F) == 0,
    };

    private Parsed<MqttPacket> Decode(byte first, byte[] body)
    {
        if (first >> 4 == 1 && !IsVersion4(body)) return new Fault("protocol-version", "packet");
        try
        {
            return _decoder.Decode(new ReceivedMqttPacket(first, body, body.Length + 2));
        }
        catch (MqttProtocolViolationException)
        {
            return new Fault("packet-malformed", "packet");
        }
    }

    // Section 3.1.2: the name "MQTT" and level 4. MQTT 5 is a preview on Azure and absent here.
    private static bool IsVersion4(ReadOnlySpan<byte> body) => body.StartsWith("\0\u0004MQTT\u0004"u8);

    private sealed record Frame(byte First, int HeaderBytes, int BodyBytes, bool Complete);
}
