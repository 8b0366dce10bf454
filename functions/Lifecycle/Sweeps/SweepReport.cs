namespace Serverless.Lifecycle.Sweeps;

/// <summary>What one tick of the sweep did, and what is left.</summary>
/// <param name="Due">Devices that were due when it began.</param>
/// <param name="Ended">Devices that are dead and certified now.</param>
/// <param name="Looked">Living devices that were looked at.</param>
/// <param name="Failed">Devices of which a step failed; they are tried again later.</param>
/// <param name="Lost">Devices that another instance has.</param>
/// <param name="Left">Devices that are still due.</param>
/// <param name="Took">How long it took.</param>
internal sealed record SweepReport(int Due, int Ended, int Looked, int Failed, int Lost, int Left, TimeSpan Took)
{
    /// <summary>Devices a minute, ended or looked at.</summary>
    public double PerMinute => Took > TimeSpan.Zero ? (Ended + Looked) / Took.TotalMinutes : 0;

    /// <summary>When nothing will be left at this rate, UTC; <see langword="null"/> when nothing is, or nothing moved.</summary>
    /// <param name="now">UTC.</param>
    public DateTimeOffset? Finish(DateTimeOffset now) => Left > 0 && PerMinute > 0 ? now + TimeSpan.FromMinutes(Left / PerMinute) : null;
}

/// <summary>What the quotas allow: operations a device costs, and so how long many take.</summary>
internal static class SweepCost
{
    /// <summary>DPS operations a device: put the disabled enrolment, delete the record, read both back.</summary>
    public const int DpsOperations = 4;

    /// <summary>Registry operations a device and hub: its part of one bulk call, and reading the identity back.</summary>
    /// <param name="chunk">Devices of one bulk call.</param>
    public static double RegistryOperations(int chunk) => 1 + (1.0 / chunk);

    /// <summary>How long a number of devices takes at least.</summary>
    /// <param name="devices">Devices.</param>
    /// <param name="registryPerMinute">Our share of each hub's registry operations a minute.</param>
    /// <param name="dpsPerMinute">Our share of DPS operations a minute.</param>
    /// <param name="chunk">Devices of one bulk call.</param>
    public static TimeSpan Least(int devices, int registryPerMinute, int dpsPerMinute, int chunk) =>
        TimeSpan.FromMinutes(devices * Math.Max(RegistryOperations(chunk) / registryPerMinute, (double)DpsOperations / dpsPerMinute));
}
