namespace Serverless.Telemetry.Validation;

/// <summary>Which faults and notes are worth an alert now: the first at once, then with back-off, in event time.</summary>
/// <remarks>Three kinds have a slot each; a fourth kind and all further ones share one, so a device that finds many ways to be wrong
/// still raises few alerts. Kinds that must be heard at once (spoofing, life after the end, hub-scope keys, changed generations) are never put
/// into the shared slot: they take the place of the longest quiet kind that need not.</remarks>
public partial struct DeviceState
{
    private const int OwnSlots = 3, SharedSlot = 3;
    private const int CountMax = 4095, ExponentMax = 10;
    private const uint BackOffSeconds = 60, QuietSeconds = 2 * 86_400;
    private const ushort SharedKind = 2;

    internal Verdict Report(in Verdict verdict, long now)
    {
        var seconds = Seconds(now);
        var due = VerdictNotes.None;
        // Spoofing is a fault of its own: it is reported as that, once.
        for (var left = (int)(verdict.Notes & VerdictNotes.Alerting & ~VerdictNotes.Spoofed); left != 0; left &= left - 1)
        {
            var note = (VerdictNotes)(left & -left);
            if (Report(AlertKinds.Of(note), seconds, out _)) due |= note;
        }

        if (verdict.Fault is not { } fault) return new Verdict(verdict, false, due, 0);
        var faultDue = Report(AlertKinds.Of(fault), seconds, out var unreported);
        return new Verdict(verdict, faultDue, due, unreported);
    }

    private bool Report(ushort kind, uint now, out int unreported)
    {
        ref var slot = ref Alerts[Place(kind, now)];
        var known = slot.Kind == kind || slot.Kind == SharedKind;
        var elapsed = now - Math.Min(slot.LastAlert, now);
        if (!known || elapsed > QuietSeconds)
        {
            slot = new AlertSlot { Kind = slot.Kind == SharedKind ? SharedKind : kind, LastAlert = now };
            unreported = 1;
            return true;
        }

        var exponent = slot.Count >> 12;
        unreported = Math.Min((slot.Count & CountMax) + 1, CountMax);
        if (elapsed < BackOffSeconds << exponent)
        {
            slot.Count = (ushort)((exponent << 12) | unreported);
            return false;
        }

        slot.LastAlert = now;
        slot.Count = (ushort)(Math.Min(exponent + 1, ExponentMax) << 12);
        return true;
    }

    private int Place(ushort kind, uint now)
    {
        var (free, oldest) = (-1, -1);
        for (var i = 0; i < OwnSlots; i++)
        {
            ref readonly var slot = ref Alerts[i];
            if (slot.Kind == kind) return i;
            if (slot.Kind == 0 || now - Math.Min(slot.LastAlert, now) > QuietSeconds) free = free < 0 ? i : free;
            else if (!AlertKinds.AtOnce(slot.Kind) && (oldest < 0 || slot.LastAlert < Alerts[oldest].LastAlert)) oldest = i;
        }

        if (free >= 0) return free;
        if (AlertKinds.AtOnce(kind) && oldest >= 0) return oldest;
        if (Alerts[SharedSlot].Kind == 0) Alerts[SharedSlot] = new AlertSlot { Kind = SharedKind };
        return SharedSlot;
    }
}
