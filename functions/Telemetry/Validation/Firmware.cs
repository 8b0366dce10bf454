namespace Serverless.Telemetry.Validation;

/// <summary>Firmware versions and port lists as devices write them, read without allocating.</summary>
internal static class Firmware
{
    /// <summary>Reads one to four dotted decimal numbers of 0 to 65,535 into 16 bits each, the first highest; <c>1.2</c> is
    /// <c>1.2.0.0</c>. Anything after them (a pre-release tag, a build) makes it unreadable: an old build must not pass for new.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out ulong version)
    {
        version = 0;
        for (var part = 0; part < 4; part++)
        {
            var length = Number(text, out var number);
            if (length == 0) return false;
            version |= (ulong)number << (48 - (16 * part));
            if (length == text.Length) return true;
            if (text[length] != (byte)'.') return false;
            text = text[(length + 1)..];
        }

        return false;
    }

    /// <summary>Whether <paramref name="text"/> lists allowed ports only: decimal, comma separated, no blanks; empty lists none.</summary>
    public static bool OnlyAllowed(ReadOnlySpan<byte> text, IReadOnlyList<int> allowed)
    {
        while (text.Length > 0)
        {
            var length = Number(text, out var port);
            if (length == 0 || !Contains(allowed, port)) return false;
            if (length == text.Length) return true;
            if (text[length] != (byte)',') return false;
            text = text[(length + 1)..];
            if (text.Length == 0) return false;
        }

        return true;
    }

    private static bool Contains(IReadOnlyList<int> allowed, int port)
    {
        for (var i = 0; i < allowed.Count; i++)
        {
            if (allowed[i] == port) return true;
        }

        return false;
    }

    private static int Number(ReadOnlySpan<byte> text, out int number)
    {
        number = 0;
        var length = 0;
        while (length < text.Length && length < 5 && text[length] is >= (byte)'0' and <= (byte)'9')
            number = (number * 10) + text[length++] - '0';
        return number <= ushort.MaxValue ? length : 0;
    }
}
