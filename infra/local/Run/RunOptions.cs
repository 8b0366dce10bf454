namespace Serverless.Local.Run;

/// <summary>What the main job was asked to do.</summary>
/// <param name="Devices">Simulated devices, 1 to 5 000.</param>
/// <param name="For">How long they send, wall time, 5 s to 1 h.</param>
/// <param name="Seed">Seed of everything random in the fleet.</param>
/// <param name="Speed">Device seconds per wall second, 1 to 1 000.</param>
/// <param name="Json">Where to write the report, or <see langword="null"/>.</param>
/// <param name="Data">Folder that keeps storage between runs, or <see langword="null"/> for a temporary one.</param>
/// <param name="Keep">Whether the cloud stays up afterwards until Ctrl-C.</param>
public sealed record RunOptions(int Devices, TimeSpan For, int Seed, double Speed, string? Json, string? Data, bool Keep)
{
    /// <summary>Device time between two messages of a device.</summary>
    public static TimeSpan Interval { get; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the devices live, device time.</summary>
    public TimeSpan DeviceTime => For * Speed;
}
