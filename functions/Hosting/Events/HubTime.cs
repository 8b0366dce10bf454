using System.Buffers.Text;

namespace Serverless.Hosting;

/// <summary>Reads the times of the host's envelope.</summary>
internal static class HubTime
{
    /// <summary>Reads <c>yyyy-MM-ddTHH:mm:ss[.f…][Z|±hh:mm]</c>; without a zone it is UTC, which is what the host leaves out.</summary>
    /// <param name="text">Unescaped UTF-8.</param>
    /// <param name="time">The instant in UTC; sub-tick digits are cut off.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length < 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return false;
        if (!Digits(text[..4], out var year) || !Digits(text.Slice(5, 2), out var month) || !Digits(text.Slice(8, 2), out var day)
            || !Digits(text.Slice(11, 2), out var hour) || !Digits(text.Slice(14, 2), out var minute) || !Digits(text.Slice(17, 2), out var second)
            || year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var rest = text[19..];
        if (!Fraction(ref rest, out var ticks) || !Zone(rest, out var offset)) return false;
        var utc = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc).Ticks + ticks - offset;
        if (utc < 0 || utc > DateTime.MaxValue.Ticks) return false;
        time = new DateTimeOffset(utc, TimeSpan.Zero);
        return true;
    }

    /// <summary>Reads milliseconds since 1970 (UTC), as IoT Hub's AMQP annotations carry times.</summary>
    /// <param name="number">A JSON number.</param>
    /// <param name="time">The instant in UTC.</param>
    public static bool TryReadEpoch(ReadOnlySpan<byte> number, out DateTimeOffset time)
    {
        // The range of DateTimeOffset.FromUnixTimeMilliseconds, years 1 to 9999.
        var read = Utf8Parser.TryParse(number, out long ms, out var used) && used == number.Length
            && ms is >= -62_135_596_800_000 and <= 253_402_300_799_999;
        time = read ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : default;
        return read;
    }

    private static bool Digits(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit((char)digit)) return false;
            value = value * 10 + (digit - '0');
        }

        return true;
    }

    private static bool Fraction(ref ReadOnlySpan<byte> rest, out long ticks)
    {
        ticks = 0;
        if (rest.IsEmpty || rest[0] != '.') return true;
        var digits = 0;
        for (rest = rest[1..]; !rest.IsEmpty && char.IsAsciiDigit((char)rest[0]); rest = rest[1..], digits++)
        {
            if (digits < 7) ticks = ticks * 10 + (rest[0] - '0');
        }

        for (var missing = digits; missing < 7; missing++) ticks *= 10;
        return digits > 0;
    }

    private static bool Zone(ReadOnlySpan<byte> rest, out long offsetTicks)
    {
        offsetTicks = 0;
        if (rest.IsEmpty || rest.SequenceEqual("Z"u8)) return true;
        if (rest.Length != 6 || rest[0] is not ((byte)'+' or (byte)'-') || rest[3] != ':'
            || !Digits(rest.Slice(1, 2), out var hours) || !Digits(rest.Slice(4, 2), out var minutes) || hours > 14 || minutes > 59)
        {
            return false;
        }

        offsetTicks = (hours * 60L + minutes) * TimeSpan.TicksPerMinute * (rest[0] == '-' ? -1 : 1);
        return true;
    }
}
