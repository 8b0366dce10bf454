using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Serverless.EventHubs;
using Serverless.Faults;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>What a refused event comes to now: judged again by every rule that reads the event and its profile alone.</summary>
/// <remarks>
/// That is size, content type, encoding, form, identity, types, ranges, and the two rules that compare the device's clock with the
/// hub's stamp, for both are in the line. Steps, rates, sequence numbers and message ids are compared with the device's history,
/// which has moved on, so they are <b>not</b> judged again: an event that was refused by one of them stays refused
/// (<c>replay-needs-history</c>), or a replay would be the way in for recorded messages. Rules of step and rate of a profile that was wrong
/// may be waived by name (<see cref="Waivable"/>); sequences and message ids never.
/// <para>Among what one run reads, the same message twice is put through once: a device that sent a refused message again
/// would otherwise have it counted twice (<c>replay-duplicate</c>).</para>
/// <para>Other faults of its own: <c>replay-not-telemetry</c> (a twin's or lifecycle's event, or one without a stamped
/// device: it has no place in <c>validated</c>), <c>identity-ended</c> (it was refused for that, and nothing that is in a profile changes
/// it), <c>replay-garbled</c> (the host delivered it damaged),
/// <c>normalised-too-large</c>. Pure but for what it remembers of this run; not thread-safe.</para>
/// </remarks>
/// <param name="waived">Codes of <see cref="Waivable"/> whose events are put through without that rule.</param>
internal sealed class Rejudge(IReadOnlySet<string> waived)
{
    /// <summary>Rules over history that a profile's limits decide, so that a wrong profile may have been at fault.</summary>
    public static readonly FrozenSet<string> Waivable = FrozenSet.Create(StringComparer.Ordinal, "metric-step", "metric-rate", "rate-exceeded");

    /// <summary>Rules over history that tell repeated and recorded messages.</summary>
    private static readonly FrozenSet<string> Repeats = FrozenSet.Create(
        StringComparer.Ordinal, "sequence-replayed", "sequence-stale", "sent-at-backwards", "message-id-repeated");

    private readonly Judge _judge = new();
    private readonly Readings _readings = new();
    private readonly HashSet<(string Device, string Generation, string Message)> _messages = [];

    /// <summary>Judges one line.</summary>
    /// <param name="line">The refused event.</param>
    /// <param name="profileName">Name of <paramref name="profile"/>.</param>
    /// <param name="profile">The profile as it stands now, or <see langword="null"/> when there is none.</param>
    /// <param name="published">The event as ingestion would have published it, when accepted.</param>
    /// <returns><see langword="null"/> when accepted, or why not.</returns>
    public Fault? Decide(RefusedLine line, string profileName, Profile? profile, out OutgoingEvent? published)
    {
        published = null;
        if (line.Where == "event") return new Fault("replay-garbled", "event");
        var device = Encoding.UTF8.GetBytes(line.Device);
        if (line.Source != "Telemetry" || device.Length is 0 or > DeviceIds.IdBytesMax) return new Fault("replay-not-telemetry", "iothub-message-source");
        if (line.Fault == "identity-ended") return new Fault(line.Fault, line.Where);
        if (Repeats.Contains(line.Fault) || (Waivable.Contains(line.Fault) && !waived.Contains(line.Fault))) return new Fault("replay-needs-history", line.Where);

        var judged = line.Event(device, Encoding.UTF8.GetBytes(line.Generation));
        var nothingBefore = default(DeviceState);
        var verdict = _judge.Decide(judged, profile, ref nothingBefore, _readings);
        if (!verdict.Accepted) return verdict.Fault;

        var body = new ArrayBufferWriter<byte>(line.Body.Length + 64);
        _readings.Normalise(judged, profile!, body);
        if (body.WrittenCount > ValidatedEvent.BodyBytesMax) return new Fault("normalised-too-large", "body");
        if (!IsNew(line, judged)) return new Fault("replay-duplicate", "messageId");

        // Nothing is known of what came before, so that it is the first is no finding.
        published = new ValidatedEvent(
            line.Sequence, line.Device, line.Generation, profileName, line.EnqueuedAt, verdict.Notes & ~VerdictNotes.FirstSeen, Missing: 0, 0, body.WrittenCount)
            .ToEvent(line.Partition, body.WrittenMemory);
        return null;
    }

    private bool IsNew(RefusedLine line, in TelemetryEvent judged)
    {
        var id = Encoding.UTF8.GetString(_readings.MessageId(judged));
        var place = string.Create(CultureInfo.InvariantCulture, $"{_readings.Sequence} {_readings.SentAt.UtcTicks}"); // after a reset a sequence number comes again, later
        // Both are noted, whichever is known already.
        return _messages.Add((line.Device, line.Generation, "i" + id)) & _messages.Add((line.Device, line.Generation, "s" + place));
    }

    /// <summary>Marks an event as put through again.</summary>
    public static OutgoingEvent Mark(OutgoingEvent published, RefusedLine line, DateTimeOffset at, string by) => published with
    {
        ApplicationProperties = new Dictionary<string, object?>(published.ApplicationProperties!, StringComparer.Ordinal)
        {
            [PublishedProperty.ReplayedAt] = at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            [PublishedProperty.ReplayedBy] = by,
            [PublishedProperty.ReplayedFault] = line.Fault,
        },
    };
}
