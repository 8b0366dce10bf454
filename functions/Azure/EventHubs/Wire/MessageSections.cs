namespace Serverless.EventHubs.Wire;

/// <summary>Where the sections of one encoded message lie (OASIS AMQP 1.0 part 3, section 3.2), without decoding them.</summary>
/// <remarks>A class-free view: offsets only, so that a reader decodes no more than it is asked for.</remarks>
internal struct MessageSections
{
    /// <summary>The value of message-annotations: a map, or an empty range.</summary>
    public Range Annotations { get; private set; }

    /// <summary>The value of properties: a list, or an empty range.</summary>
    public Range Properties { get; private set; }

    /// <summary>The value of application-properties: a map, or an empty range.</summary>
    public Range ApplicationProperties { get; private set; }

    /// <summary>Everything behind the message annotations: what a broker hands on unchanged.</summary>
    public Range Tail { get; private set; }

    /// <summary>The body sections, descriptors included.</summary>
    public Range Body { get; private set; }

    /// <summary>Number of body sections.</summary>
    public int BodyCount { get; private set; }

    /// <summary>Finds the sections. Their order is fixed by the standard, and a message in another order is refused.</summary>
    /// <param name="message">One encoded message, untrusted.</param>
    /// <param name="sections">What was found.</param>
    /// <returns>Whether it is a well-formed message.</returns>
    public static bool TryFind(ReadOnlySpan<byte> message, out MessageSections sections)
    {
        sections = default;
        var at = 0;
        var tail = -1;
        var body = -1;
        var bodyEnd = -1;
        byte last = 0;
        while (at < message.Length)
        {
            var length = AmqpScan.Measure(message[at..]);
            if (length < 4) return false;
            if (message[at] != 0x00 || !TryCode(message[at..], out var code, out var valueAt)) return false;
            if (code < last || (code == last && code is not (0x75 or 0x76))) return false;
            if (code is 0x76 or 0x77 && last is 0x75 or 0x76 && code != last) return false; // one kind of body a message
            var value = (at + valueAt)..(at + length);
            if (!IsOfKind(code, message[at + valueAt])) return false;
            switch (code)
            {
                case 0x72: sections.Annotations = value; break;
                case 0x73: sections.Properties = value; break;
                case 0x74: sections.ApplicationProperties = value; break;
                case 0x75 or 0x76 or 0x77:
                    if (body < 0) body = at;
                    bodyEnd = at + length;
                    sections.BodyCount++;
                    break;
                default: break;
            }

            if (code > 0x72 && tail < 0) tail = at;
            last = code;
            at += length;
        }

        sections.Tail = tail < 0 ? message.Length..message.Length : tail..message.Length;
        sections.Body = body < 0 ? message.Length..message.Length : body..bodyEnd;
        return true;
    }

    /// <summary>The bytes of the first data section from <paramref name="body"/> on, and what follows it.</summary>
    /// <param name="body">Body sections; advanced.</param>
    /// <param name="data">The bytes of the section.</param>
    /// <returns>Whether there was a data section.</returns>
    public static bool TryNextData(ref ReadOnlySpan<byte> body, out ReadOnlySpan<byte> data)
    {
        data = [];
        if (body.IsEmpty || !TryCode(body, out var code, out var valueAt) || code != 0x75) return false;
        var length = AmqpScan.Measure(body);
        data = body[valueAt] == 0xa0 ? body[(valueAt + 2)..length] : body[(valueAt + 5)..length];
        body = body[length..];
        return true;
    }

    private static bool TryCode(ReadOnlySpan<byte> section, out byte code, out int valueAt)
    {
        // smallulong, or a ulong in full; symbolic descriptors are legal and sent by nobody.
        (code, valueAt) = section[1] == 0x53 ? (section[2], 3)
            : section[1] == 0x80 && section[2..9].IndexOfAnyExcept((byte)0) < 0 ? (section[9], 10)
            : ((byte)0, 0);
        return code is >= 0x70 and <= 0x78;
    }

    private static bool IsOfKind(byte code, byte constructor) => code switch
    {
        0x70 or 0x73 => constructor is 0x45 or 0xc0 or 0xd0,
        0x71 or 0x72 or 0x74 or 0x78 => constructor is 0xc1 or 0xd1,
        0x75 => constructor is 0xa0 or 0xb0,
        0x76 => constructor is 0x45 or 0xc0 or 0xd0,
        _ => true,
    };
}
