using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Alerts;

/// <summary>What an alert is about. The word is part of its id and of its CloudEvents type, so it never changes.</summary>
/// <param name="Word">Stable kebab-case word.</param>
/// <param name="Severity"><c>warning</c>, <c>high</c> or <c>critical</c>.</param>
/// <param name="Summary">One sentence for people; names no value that a device chose.</param>
internal sealed record AlertKind(string Word, string Severity, string Summary)
{
    /// <summary>Events of one device are refused for one reason; aggregated with back-off.</summary>
    public static AlertKind EventsRefused { get; } = new("events-refused", "warning", "Events of this device are refused; the whole events are in container rejected.");

    /// <summary>A refusal that is an attack: the body names another device.</summary>
    public static AlertKind IdentitySpoofed { get; } = new("identity-spoofed", "high", "The body names another device than the one that was connected.");

    /// <summary>A refusal that is somebody's mistake or an attack: a device that was ended still sends.</summary>
    public static AlertKind ActivityAfterEnd { get; } = new("activity-after-end", "high", "This device was ended, yet it still sends: its session was not cut, or its identity was opened again.");

    /// <summary>Events that no device can be blamed for are refused; aggregated with back-off for the partition.</summary>
    public static AlertKind StrayRefused { get; } = new("stray-refused", "high", "Events reached the telemetry hub that IoT Hub did not stamp as it should, or that it made itself and cannot be read.");

    /// <summary>A profile document cannot be used.</summary>
    public static AlertKind ProfileRefused { get; } = new("profile-refused", "high", "A new revision of a profile was refused; the last good one stays in use.");

    /// <summary>Alerts that come from notes of a verdict, one a bit. Spoofing is not among them: it is a fault, and told as that.</summary>
    public static IReadOnlyList<(VerdictNotes Note, AlertKind Kind)> Notes { get; } =
    [
        (VerdictNotes.HubScopeKey, new("hub-scope-key", "critical", "A key of the whole hub was used to speak as this device: somebody holds a hub-level secret.")),
        (VerdictNotes.AuthMethodUnreadable, new("auth-method-unreadable", "high", "The hub's stamp of how the device authenticated is missing or cannot be read.")),
        (VerdictNotes.GenerationChanged, new("generation-changed", "high", "The device id was deleted and created again since its last event.")),
        (VerdictNotes.PostureBootState, new("posture-boot-state", "high", "The device did not boot into a state its profile trusts.")),
        (VerdictNotes.PostureDebugPort, new("posture-debug-port", "high", "A debug port of the device is open.")),
        (VerdictNotes.PostureOpenPorts, new("posture-open-ports", "high", "A network port is open that the profile does not allow, or the list of ports cannot be read.")),
        (VerdictNotes.PostureFirmware, new("posture-firmware", "high", "The firmware is older than the profile's oldest allowed, or its version cannot be read.")),
    ];
}
