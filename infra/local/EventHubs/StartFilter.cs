using System.Globalization;
using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Serverless.EventHubs.Tests")]

namespace Serverless.Local.EventHubs;

/// <summary>What a start filter compares.</summary>
internal enum StartKind
{
    /// <summary>From the oldest event on.</summary>
    Earliest,

    /// <summary>Only what comes from now on.</summary>
    Latest,

    /// <summary>By sequence number.</summary>
    SequenceNumber,

    /// <summary>By offset.</summary>
    Offset,

    /// <summary>By enqueued time, milliseconds since 1970.</summary>
    EnqueuedTime,
}

/// <summary>A reader's start position, from the selector text of its source filter.</summary>
/// <param name="Kind">What is compared.</param>
/// <param name="First">The least value that passes.</param>
internal readonly record struct StartFilter(StartKind Kind, long First)
{
    // amqp.annotation.x-opt-offset >= '42': no spaces are certain, quotes are.
    private const string Prefix = "amqp.annotation.x-opt-";

    /// <summary>Reads a selector; hostile text is refused, never half understood.</summary>
    /// <param name="text">The selector, at most 256 characters.</param>
    /// <param name="filter">What it means.</param>
    public static bool TryParse(string? text, out StartFilter filter)
    {
        filter = new StartFilter(StartKind.Latest, 0);
        if (text is null || text.Length > 256) return false;
        var rest = text.AsSpan().Trim();
        if (!rest.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        rest = rest[Prefix.Length..];
        var above = rest.IndexOf('>');
        if (above < 0) return false;
        var name = rest[..above].TrimEnd();
        rest = rest[(above + 1)..];
        var inclusive = rest.StartsWith("=", StringComparison.Ordinal);
        if (inclusive) rest = rest[1..];
        rest = rest.Trim();
        if (rest.Length < 3 || rest[0] != '\'' || rest[^1] != '\'') return false;
        return TryValue(name, rest[1..^1], inclusive, out filter);
    }

    private static bool TryValue(ReadOnlySpan<char> name, ReadOnlySpan<char> value, bool inclusive, out StartFilter filter)
    {
        var kind = name switch
        {
            "offset" => StartKind.Offset,
            "sequence-number" => StartKind.SequenceNumber,
            "enqueued-time" or "enqueuedtimeutc" => StartKind.EnqueuedTime,
            _ => StartKind.Latest,
        };
        filter = new StartFilter(kind, 0);
        if (kind == StartKind.Latest) return false;
        if (value is "@latest")
        {
            filter = new StartFilter(StartKind.Latest, 0);
            return true;
        }

        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var least)) return false;
        if (!inclusive && least < long.MaxValue) least++;
        filter = kind == StartKind.Offset && least <= 0 ? new StartFilter(StartKind.Earliest, 0) : new StartFilter(kind, least);
        return true;
    }
}
