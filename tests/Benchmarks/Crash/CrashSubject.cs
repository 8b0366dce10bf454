using System.Globalization;
using Serverless.Local.Processes;
using Serverless.Local.Run.Crash;

namespace Serverless.Benchmarks.Crash;

/// <summary>The crash run at full size: no event lost, none doubled, though the handler is killed all the time.</summary>
internal static class CrashSubject
{
    public const string What = "no loss, proven: events through the local cloud while the handler is killed at every commit point";

    public static async Task<int> Run(string[] args)
    {
        var options = new CrashOptions(100_000, 40, 1);
        for (var at = 0; at < args.Length; at += 2)
        {
            if (at + 1 == args.Length || !int.TryParse(args[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Usage();
            switch (args[at], number)
            {
                case ("--events", >= 1_000 and <= 1_000_000): options = options with { Events = number }; break;
                case ("--kills", >= 10 and <= 500): options = options with { Kills = number }; break;
                case ("--seed", _): options = options with { Seed = number }; break;
                default: return Usage();
            }
        }

        using var interrupt = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true; // we end by ourselves, and leave no process and no file behind
            interrupt.Cancel();
        };
        CrashReport report;
        try
        {
            report = await CrashRun.Run(options, Console.WriteLine, TimeProvider.System, interrupt.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            Console.Error.WriteLine("stopped before the end: nothing was judged");
            return 130;
        }
        catch (Exception problem) when (problem is LocalCloudException or TimeoutException)
        {
            Console.Error.WriteLine($"error: {problem.Message}");
            return 2;
        }

        foreach (var line in report.Lines()) Console.WriteLine(line);
        Figure.Print("crash.events", report.Seen.Telemetry.Count, "events", ">=", options.Events);
        Figure.Print("crash.events-lost", report.Lost, "events", "<=", 0);
        Figure.Print("crash.events-doubled", report.Doubled, "events", "<=", 0);
        Figure.Print("crash.alerts-doubled", report.AlertsDoubled, "alerts", "<=", 0);
        Figure.Print("crash.kills", report.Kills.Count, "kills", ">=", options.Kills);
        Figure.Print("crash.points-hit", report.PointsHit, "commit points", ">=", CommitPoint.Names.Count);
        Figure.Print("crash.promises-broken", report.Checks.Count(check => !check.Kept), "checks", "<=", 0);
        Figure.Print("crash.wall", report.Wall.TotalSeconds, "s");
        return report.Kept ? 0 : 1;
    }

    private static int Usage()
    {
        Console.Error.WriteLine("crash [--events 1000..1000000] [--kills 10..500] [--seed N]");
        return 2;
    }
}
