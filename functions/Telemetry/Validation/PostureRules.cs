namespace Serverless.Telemetry.Validation;

/// <summary>Which metrics tell how hardened the device is, and what is expected of them. A breach is an alert, never a
/// refusal: the device that reports its own open debug port is the one to listen to. Immutable.</summary>
public sealed record PostureRules
{
    /// <summary>Index of the boot state's enumeration, or -1.</summary>
    public int BootState { get; init; } = -1;

    /// <summary>Members of that enumeration which are trusted, one bit each.</summary>
    internal ulong TrustedBootStates { get; init; }

    /// <summary>Index of the boolean that is true while a debug port is open, or -1.</summary>
    public int DebugPort { get; init; } = -1;

    /// <summary>Index of the string that lists open ports, decimal and comma separated, or -1.</summary>
    public int OpenPorts { get; init; } = -1;

    /// <summary>Ports that may be open, ascending; at most 32.</summary>
    public IReadOnlyList<int> AllowedPorts { get; init; } = [];

    /// <summary>Index of the string that holds the firmware version, or -1.</summary>
    public int FirmwareVersion { get; init; } = -1;

    /// <summary>Oldest firmware version allowed: one to four dotted numbers of 0 to 65,535; 16 bits each, first highest.</summary>
    internal ulong OldestFirmware { get; init; }
}
