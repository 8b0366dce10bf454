using Serverless.Hosting;

namespace Serverless.Lifecycle.Sweeps;

/// <summary>How much one tick of the sweep does. Section <c>Sweep</c>. Trusted: whoever edits it decides how fast devices are cut off.</summary>
internal sealed record SweepSettings : ISettings<SweepSettings>
{
    public static string Section => "Sweep";

    /// <summary>How long a tick starts new work. 10 s to 30 min, default 4 min: below the timer's interval of 5 min.</summary>
    public TimeSpan TickTime { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>How long a device is one instance's alone. 1 min to 2 h, default 15 min. Longer than a chunk ever takes; after a crash
    /// others wait this long.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Devices worked on together, 1 to 100, default 100: one bulk call.</summary>
    public int Chunk { get; init; } = 100;

    /// <summary>Due rows of which the worst are picked, 1 to 100,000, default 5,000.</summary>
    public int Window { get; init; } = 5_000;

    /// <summary>Calls at once for planes that have no bulk call, 1 to 64, default 8.</summary>
    public int Parallel { get; init; } = 8;

    public static SweepSettings Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        var otherwise = new SweepSettings();
        return new SweepSettings
        {
            TickTime = read.Duration("TickTime", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(30), otherwise.TickTime),
            Lease = read.Duration("Lease", TimeSpan.FromMinutes(1), TimeSpan.FromHours(2), otherwise.Lease),
            Chunk = read.Int32("Chunk", "devices", 1, 100, otherwise.Chunk),
            Window = read.Int32("Window", "due rows", 1, 100_000, otherwise.Window),
            Parallel = read.Int32("Parallel", "calls at once", 1, 64, otherwise.Parallel),
        };
    }
}
