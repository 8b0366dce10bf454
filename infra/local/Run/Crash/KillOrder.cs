using System.Globalization;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run.Crash;

/// <summary>When to kill the handler once.</summary>
/// <param name="Point">The commit point to wait for, or <see langword="null"/> for a moment of no meaning.</param>
/// <param name="Skip">How often the point may pass first.</param>
/// <param name="After">Without a point: how long after the handler is ready.</param>
public sealed record KillOrder(string? Point, int Skip, TimeSpan After)
{
    private const double RandomShare = 0.4;

    /// <inheritdoc/>
    public override string ToString() => Point ?? string.Create(CultureInfo.InvariantCulture, $"{After.TotalMilliseconds:0} ms");

    /// <summary>The kills of a run: every point in turn and, for the rest, random moments; shuffled. The first is at a pin, for most
    /// profiles are pinned once.</summary>
    /// <param name="options">How many, and the seed.</param>
    public static IReadOnlyList<KillOrder> Plan(CrashOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var random = SplitMix.Stream(options.Seed, -1);
        var points = CommitPoint.Names.Where(point => point != CommitPoint.Compaction).ToArray();
        var atRandom = Math.Min(options.Kills - points.Length, Math.Max(2, (int)(options.Kills * RandomShare)));
        // A batch that never gets further than its first step would make a slow run, not a better one.
        var deep = options.Events / options.Kills >= 1_000;
        var kills = new List<KillOrder>();
        for (var at = 0; at < options.Kills - atRandom; at++)
        {
            var point = points[at % points.Length];
            var skip = deep && point is not ("claimed" or "read-back" or "pinned") ? (int)random.Between(0, 3) : 0;
            kills.Add(new KillOrder(point, skip, TimeSpan.Zero));
        }

        // From before the claim to well into the events behind the takeover.
        for (var at = 0; at < atRandom; at++) kills.Add(new KillOrder(null, 0, (CrashOptions.TakeoverWait + TimeSpan.FromSeconds(1)) * random.Uniform()));
        for (var at = kills.Count - 1; at > 0; at--)
        {
            var other = (int)random.Between(0, at + 1);
            (kills[at], kills[other]) = (kills[other], kills[at]);
        }

        var first = kills.FindIndex(kill => kill.Point == "pinned");
        (kills[0], kills[first]) = (kills[first], kills[0]);
        return kills;
    }
}
