using System.Globalization;
using Serverless.Local.Processes;
using Serverless.Local.Run.Upgrade;

namespace Serverless.Benchmarks.Upgrade;

/// <summary>The upgrade run at full size.</summary>
internal static class UpgradeSubject
{
    public const string What = "the Telemetry app replaced under load: upgrade, rollback, upgrade with a pause, rollback that cannot read the state";

    public static async Task<int> Run(string[] args)
    {
        var options = new UpgradeOptions(50_000, 1) { Further = Next };
        for (var at = 0; at < args.Length; at += 2)
        {
            if (at + 1 == args.Length || !int.TryParse(args[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Usage();
            switch (args[at], number)
            {
                case ("--events", >= 1_000 and <= 1_000_000): options = options with { Events = number }; break;
                case ("--seed", _): options = options with { Seed = number }; break;
                default: return Usage();
            }
        }

        UpgradeReport report;
        try
        {
            report = await UpgradeRun.Run(options, Console.WriteLine, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is LocalCloudException or TimeoutException)
        {
            Console.Error.WriteLine($"error: {problem.Message}");
            return 2;
        }

        foreach (var line in report.Lines()) Console.WriteLine(line);
        Figure.Print("upgrade.events", report.Seen.Telemetry.Count, "events", ">=", options.Events);
        Figure.Print("upgrade.events-lost", report.Lost, "events", "<=", 0);
        Figure.Print("upgrade.events-doubled", report.Doubled, "events", "<=", 0);
        Figure.Print("upgrade.promises-broken", report.Checks.Count(check => !check.Kept), "checks", "<=", 0);
        return report.Kept ? 0 : 1;
    }

    private static string Next => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../NextTelemetry", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'))));

    private static int Usage()
    {
        Console.Error.WriteLine("upgrade [--events 1000..1000000] [--seed N]");
        return 2;
    }
}
