using Amqp;
using Amqp.Framing;

namespace Serverless.EventHubs.Wire;

/// <summary>Takes the bytes out of a message that <see cref="PayloadForm.Opaque"/> wrapped.</summary>
internal static class OpaqueMessage
{
    /// <summary>Copies the encoded message and gives AMQPNetLite's pooled buffer back.</summary>
    /// <param name="message">As received; not to be used afterwards.</param>
    public static byte[] Take(Message message)
    {
        var bytes = message.BodySection switch
        {
            Data one => one.Binary,
            DataList many => Join(many),
            _ => [],
        };
        message.Dispose();
        return bytes;
    }

    private static byte[] Join(DataList sections)
    {
        var length = 0;
        for (var i = 0; i < sections.Count; i++) length += sections[i].Buffer.Length;
        var bytes = new byte[length];
        var at = 0;
        for (var i = 0; i < sections.Count; i++)
        {
            var part = sections[i].Buffer;
            Buffer.BlockCopy(part.Buffer, part.Offset, bytes, at, part.Length);
            at += part.Length;
        }

        return bytes;
    }
}
