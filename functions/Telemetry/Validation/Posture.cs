namespace Serverless.Telemetry.Validation;

/// <summary>What the device says of its own hardening. Only metrics that are present are judged; require them to see silence.</summary>
internal static class Posture
{
    public static VerdictNotes Check(PostureRules rules, Readings readings, ReadOnlySpan<byte> payload)
    {
        var notes = VerdictNotes.None;
        if (Has(readings, rules.BootState) && (rules.TrustedBootStates >> (int)readings.Value(rules.BootState) & 1) == 0)
            notes |= VerdictNotes.PostureBootState;
        if (Has(readings, rules.DebugPort) && readings.Value(rules.DebugPort) != 0) notes |= VerdictNotes.PostureDebugPort;
        if (Has(readings, rules.OpenPorts)
            && !Firmware.OnlyAllowed(readings.Text(readings.Items[rules.OpenPorts], payload), rules.AllowedPorts))
        {
            notes |= VerdictNotes.PostureOpenPorts;
        }

        if (Has(readings, rules.FirmwareVersion)
            && !(Firmware.TryRead(readings.Text(readings.Items[rules.FirmwareVersion], payload), out var version) && version >= rules.OldestFirmware))
        {
            notes |= VerdictNotes.PostureFirmware;
        }

        return notes;
    }

    private static bool Has(Readings readings, int metric) => metric >= 0 && readings.Has(metric);
}
