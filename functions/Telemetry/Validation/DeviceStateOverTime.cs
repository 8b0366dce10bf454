using System.Numerics;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>The rules that compare an event with the ones before it. First all are asked, then, if none objects, all are told.</summary>
public partial struct DeviceState
{
    private const int WindowBits = 64;
    private const byte JudgedOnce = 1, AcceptedOnce = 2;

    /// <summary>Notes that an event came, and from which generation of the device id.</summary>
    /// <returns>Whether the id was deleted and created again: a new device under an old name, to which nothing here applies.</returns>
    internal bool Arrive(ReadOnlySpan<byte> generationId, long enqueuedTicks)
    {
        var generation = (uint)(Mix.Hash(generationId) & uint.MaxValue);
        var changed = (Seen & JudgedOnce) != 0 && generation != Generation;
        if (changed)
        {
            var alerts = Alerts;
            this = default;
            // Alert back-off stays: recreating a device in a loop must not reset its own alarm.
            Alerts = alerts;
        }

        Generation = generation;
        Seen |= JudgedOnce;
        LastSeen = Math.Max(LastSeen, Seconds(enqueuedTicks));
        return changed;
    }

    /// <summary>Steps, clock, duplicates, rate; in that order. Changes the state only when it returns <see langword="null"/>.</summary>
    internal Fault? Admit(
        long now, Profile profile, Readings readings, ReadOnlySpan<byte> messageId, ref VerdictNotes notes, out long missing)
    {
        missing = 0;
        var sent = readings.SentTicks;
        var first = (Seen & AcceptedOnce) == 0;
        var comparable = !first && ProfileHash == profile.Hash && sent >= SentTicks;
        if (comparable && Steps(profile, readings, sent - SentTicks) is { } step) return step;

        var rules = profile.Message;
        if (sent - now > rules.ClockSkew.Ticks) return MessageFaults.ClockAhead;
        if (now - sent > rules.Late.Ticks) return MessageFaults.SentTooLate;

        var seen = VerdictNotes.FirstSeen;
        if (!first && Order((ulong)readings.Sequence, sent, rules.ClockSkew.Ticks, out seen, out missing) is { } order) return order;
        var id = Mix.Hash(messageId);
        if (!first && HasId(id)) return MessageFaults.MessageIdRepeated;
        var interval = TimeSpan.TicksPerMinute / rules.PerMinute;
        var conforming = Math.Max(NextConforming, now);
        if (conforming - now > (rules.Burst - 1) * interval) return MessageFaults.RateExceeded;

        NextConforming = conforming + interval;
        RememberId(id);
        RememberSequence((ulong)readings.Sequence, first || (seen & VerdictNotes.Reset) != 0);
        if (first || sent >= SentTicks) RememberValues(profile, readings, first ? 0 : sent - SentTicks, sent);
        else seen |= VerdictNotes.OutOfOrder;
        if (now - sent > rules.ClockSkew.Ticks) seen |= VerdictNotes.Late;
        Seen |= AcceptedOnce;
        notes |= seen;
        return null;
    }

    private readonly Fault? Steps(Profile profile, Readings readings, long elapsed)
    {
        for (var left = readings.Present & profile.TrackedMask; left != 0; left &= left - 1)
        {
            var metric = profile.MetricArray[BitOperations.TrailingZeroCount(left)];
            var components = metric.Type == MetricType.Vector ? 3 : 1;
            for (var i = 0; i < components; i++)
            {
                var place = metric.Tracked + i;
                if ((ValuesKnown >> place & 1) == 0 || Ages[place] == uint.MaxValue) continue;
                var age = elapsed + (Ages[place] * TimeSpan.TicksPerMillisecond);
                var change = Math.Abs(readings.Values[(3 * metric.Index) + i] - Values[place]);
                if (age <= metric.ConsecutiveTicks && change > metric.Step) return metric.Faults.Step;
                if (change > metric.RatePerSecond * Math.Max(age / (double)TimeSpan.TicksPerSecond, 1)) return metric.Faults.Rate;
            }
        }

        return null;
    }

    /// <summary>Where the sequence number stands to those accepted before.</summary>
    private readonly Fault? Order(ulong sequence, long sent, long skew, out VerdictNotes seen, out long missing)
    {
        seen = VerdictNotes.None;
        missing = 0;
        if (sequence > Highest)
        {
            // A recording from before a reset has higher numbers than the device has now, but an old time.
            if (SentTicks - sent > skew) return MessageFaults.SentAtBackwards;
            missing = (long)(sequence - Highest - 1);
            if (missing > 0) seen = VerdictNotes.Gap;
            return null;
        }

        var back = Highest - sequence;
        if (sent > SentTicks && (back >= WindowBits || sequence <= 1))
        {
            // Sent later than anything accepted, and either from the very start or too far back to be a straggler: a restart.
            seen = VerdictNotes.Reset;
            return null;
        }

        if (back >= WindowBits) return MessageFaults.SequenceStale;
        if ((Window >> (int)back & 1) != 0) return MessageFaults.SequenceReplayed;
        seen = VerdictNotes.OutOfOrder;
        return null;
    }

    private void RememberSequence(ulong sequence, bool anew)
    {
        if (anew)
        {
            (Highest, Window) = (sequence, 1);
        }
        else if (sequence > Highest)
        {
            var ahead = sequence - Highest;
            Window = ahead >= WindowBits ? 1 : (Window << (int)ahead) | 1;
            Highest = sequence;
        }
        else
        {
            Window |= 1UL << (int)(Highest - sequence);
        }
    }

    private void RememberValues(Profile profile, Readings readings, long elapsed, long sent)
    {
        if (ProfileHash != profile.Hash) ValuesKnown = 0;
        ProfileHash = profile.Hash;
        SentTicks = sent;
        if (profile.TrackedMask == 0) return;
        var older = (ulong)(elapsed / TimeSpan.TicksPerMillisecond);
        for (var place = 0; place < Profile.TrackedMax; place++) Ages[place] = (uint)Math.Min(Ages[place] + older, uint.MaxValue);
        for (var left = readings.Present & profile.TrackedMask; left != 0; left &= left - 1)
        {
            var metric = profile.MetricArray[BitOperations.TrailingZeroCount(left)];
            var components = metric.Type == MetricType.Vector ? 3 : 1;
            for (var i = 0; i < components; i++)
            {
                var place = metric.Tracked + i;
                Values[place] = readings.Values[(3 * metric.Index) + i];
                Ages[place] = 0;
                ValuesKnown |= (byte)(1 << place);
            }
        }
    }

    // Forty-eight bits of hash: with eight places one message in 3.5e13 is refused for a stranger's id.
    private readonly bool HasId(ulong hash)
    {
        for (var i = 0; i < IdCount; i++)
        {
            if (IdsLow[i] == (hash & uint.MaxValue) && IdsHigh[i] == (hash >> 32 & ushort.MaxValue)) return true;
        }

        return false;
    }

    private void RememberId(ulong hash)
    {
        IdsLow[IdCursor] = (uint)(hash & uint.MaxValue);
        IdsHigh[IdCursor] = (ushort)(hash >> 32 & ushort.MaxValue);
        IdCursor = (byte)((IdCursor + 1) % IdPlaces);
        IdCount = (byte)Math.Min(IdCount + 1, IdPlaces);
    }

    private static uint Seconds(long ticks) =>
        (uint)Math.Clamp((ticks - Epoch2020) / TimeSpan.TicksPerSecond, 0, uint.MaxValue);
}
