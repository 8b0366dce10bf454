namespace Serverless.Telemetry.Validation;

/// <summary>What a verdict has to say besides accepted or refused. Bits are stable: they are published with the event.</summary>
[Flags]
public enum VerdictNotes
{
    /// <summary>Nothing to add.</summary>
    None = 0,

    /// <summary>The first event accepted from this device (or from this generation of it): nothing to compare it with.</summary>
    FirstSeen = 1 << 0,

    /// <summary>Sequence numbers are missing before this one; <see cref="Verdict.Missing"/> says how many.</summary>
    Gap = 1 << 1,

    /// <summary>The device's sequence started again.</summary>
    Reset = 1 << 2,

    /// <summary>The event fills a gap left earlier, or was sent before one already accepted.</summary>
    OutOfOrder = 1 << 3,

    /// <summary>Sent longer ago than the clock skew allowed for, but not too late to accept.</summary>
    Late = 1 << 4,

    /// <summary>Metrics the profile does not know were left out (policy <c>drop</c>).</summary>
    UnknownDropped = 1 << 5,

    /// <summary>Alert: the body names another device than the hub's stamp.</summary>
    Spoofed = 1 << 8,

    /// <summary>Alert: a hub-level shared key spoke for this device.</summary>
    HubScopeKey = 1 << 9,

    /// <summary>Alert: the stamp of how the device authenticated is missing or cannot be read.</summary>
    AuthMethodUnreadable = 1 << 10,

    /// <summary>Alert: the device id was deleted and created again since its last event.</summary>
    GenerationChanged = 1 << 11,

    /// <summary>Alert: the device did not boot into a state its profile trusts.</summary>
    PostureBootState = 1 << 12,

    /// <summary>Alert: a debug port is open.</summary>
    PostureDebugPort = 1 << 13,

    /// <summary>Alert: a network port is open that the profile does not allow, or the list cannot be read.</summary>
    PostureOpenPorts = 1 << 14,

    /// <summary>Alert: firmware older than the profile's oldest allowed, or of no readable version.</summary>
    PostureFirmware = 1 << 15,

    /// <summary>Every note that is worth an alert of its own.</summary>
    Alerting = Spoofed | HubScopeKey | AuthMethodUnreadable | GenerationChanged
        | PostureBootState | PostureDebugPort | PostureOpenPorts | PostureFirmware,
}
