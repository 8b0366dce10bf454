using System.Globalization;

namespace Serverless.EventHubs;

/// <summary>Where in a partition to begin reading: a filter on the broker's stamps.</summary>
/// <remarks>The filter's text is Event Hubs' own selector syntax, sent under <c>apache.org:selector-filter:string</c>.</remarks>
public sealed record StartPosition
{
    private StartPosition(string filter) => Filter = filter;

    /// <summary>The oldest event retained.</summary>
    public static StartPosition Earliest { get; } = new("amqp.annotation.x-opt-offset > '-1'");

    /// <summary>Only events that come after the link is made.</summary>
    public static StartPosition Latest { get; } = new("amqp.annotation.x-opt-offset > '@latest'");

    /// <summary>The selector.</summary>
    public string Filter { get; }

    /// <summary>From a sequence number on.</summary>
    /// <param name="sequenceNumber">At least -1.</param>
    /// <param name="inclusive">Whether that event itself is delivered; a checkpoint names the last one done, so not.</param>
    public static StartPosition FromSequenceNumber(long sequenceNumber, bool inclusive = false) =>
        new(FormattableString.Invariant($"amqp.annotation.x-opt-sequence-number {Above(inclusive)} '{sequenceNumber}'"));

    /// <summary>From an offset on.</summary>
    /// <param name="offset">As a broker stamped it: opaque.</param>
    /// <param name="inclusive">Whether that event itself is delivered.</param>
    /// <exception cref="ArgumentException">A quote in it: no broker stamps one, and it would end the selector's literal.</exception>
    public static StartPosition FromOffset(string offset, bool inclusive = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(offset);
        if (offset.Contains('\'', StringComparison.Ordinal)) throw new ArgumentException("an offset holds no quote", nameof(offset));
        return new($"amqp.annotation.x-opt-offset {Above(inclusive)} '{offset}'");
    }

    /// <summary>From the first event enqueued after an instant on.</summary>
    /// <param name="instant">UTC; cut to the millisecond.</param>
    public static StartPosition FromEnqueuedTime(DateTimeOffset instant) =>
        new($"amqp.annotation.x-opt-enqueued-time > '{instant.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)}'");

    private static string Above(bool inclusive) => inclusive ? ">=" : ">";
}
