using Serverless.Local.Run.Crash;

namespace Serverless.Local.Run.Upgrade;

/// <summary>Where versions of the app come and go while events flow.</summary>
/// <param name="cloud">Started.</param>
/// <param name="versions">The versions.</param>
/// <param name="feeder">Lets events in.</param>
/// <param name="tell">Told the progress.</param>
/// <param name="wall">Wall clock.</param>
/// <param name="cancel">Ends every wait.</param>
internal sealed class Stage(LocalCloud cloud, AppVersions versions, Feeder feeder, Action<string> tell, TimeProvider wall, CancellationToken cancel)
{
    private const int PatienceTurns = 40; // of 50 ms: then one more portion, for all of the last may lie in another version's partition
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly List<Running> _all = [];

    /// <summary>The cloud.</summary>
    public LocalCloud Cloud => cloud;

    /// <summary>Ends every wait.</summary>
    public CancellationToken Cancel => cancel;

    /// <summary>The versions that ran so far, in order.</summary>
    public IReadOnlyList<Stretch> Stretches => [.. _all.Select(one => one.Read())];

    /// <summary>Tells the progress.</summary>
    /// <param name="line">A line.</param>
    public void Tell(string line) => tell(line);

    /// <summary>Lets one more portion of events in.</summary>
    public void Feed() => feeder.Next();

    /// <summary>Starts a version.</summary>
    /// <param name="version">Which.</param>
    /// <param name="what">In words.</param>
    /// <param name="blocked">Whether it will meet a state that it cannot read.</param>
    public async Task<Running> Begin(AppVersion version, string what, bool blocked = false)
    {
        versions.Place(version);
        var settings = new Dictionary<string, string>
        {
            ["Telemetry__TakeoverWait"] = CrashOptions.TakeoverWait.ToString("c"),
            ["Telemetry__PositionInterval"] = "00:00:01",
            ["Telemetry__LogCommitPoints"] = version == AppVersion.Further ? "true" : "false",
        };
        var running = new Running(what, blocked, await cloud.StartApp("telemetry", settings, cancel).ConfigureAwait(false));
        _all.Add(running);
        return running;
    }

    /// <summary>As the platform does it: the next version starts beside the one that runs, and when it works, that one is stopped.</summary>
    /// <param name="running">The one that goes.</param>
    /// <param name="version">The one that comes.</param>
    /// <param name="what">In words.</param>
    public async Task<Running> Replace(Running running, AppVersion version, string what)
    {
        var next = await Begin(version, what).ConfigureAwait(false);
        await Works(next).ConfigureAwait(false);
        Feed();
        await running.Stop().ConfigureAwait(false);
        await Works(next).ConfigureAwait(false);
        return next;
    }

    /// <summary>Waits until a version has finished a further batch.</summary>
    /// <param name="running">The version.</param>
    public async Task Works(Running running)
    {
        var before = running.Events;
        Feed();
        await Until(() => running.Events > before).ConfigureAwait(false);
    }

    /// <summary>Waits as long as it takes, not as long as a clock says; events keep coming meanwhile.</summary>
    /// <param name="done">Asked every 50 ms.</param>
    public async Task Until(Func<bool> done)
    {
        for (var turn = 1; !done(); turn++)
        {
            if (turn % PatienceTurns == 0) Feed();
            await Task.Delay(Look, wall, cancel).ConfigureAwait(false);
        }
    }
}

/// <summary>A version of the app that was started.</summary>
/// <param name="what">In words.</param>
/// <param name="blocked">See <see cref="Stretch.Blocked"/>.</param>
/// <param name="host">Its host.</param>
internal sealed class Running(string what, bool blocked, FunctionsHost.FunctionsHost host)
{
    /// <summary>Events in batches that it finished.</summary>
    public long Events => host.Figures.Sum(function => function.Events);

    /// <summary>What it did.</summary>
    public Stretch Read() => new(what, Events, host.Figures.Sum(function => function.Failures), blocked);

    /// <summary>Stops it without a word.</summary>
    public async Task Stop() => await host.DisposeAsync().ConfigureAwait(false);
}
