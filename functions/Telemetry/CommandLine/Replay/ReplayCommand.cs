using System.Diagnostics;
using System.Security.Cryptography;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>The subcommand <c>telemetry replay</c>.</summary>
internal static class ReplayCommand
{
    /// <summary>How it is used.</summary>
    public const string Usage = """
        usage: telemetry replay --storage https://ACCOUNT.blob.core.windows.net --event-hubs NAMESPACE.servicebus.windows.net
                 [--device ID]... [--fault CODE]... [--profile NAME]... [--blob NAME]... [--from TIME] [--to TIME]
                 [--as PROFILE] [--waive metric-step|metric-rate|rate-exceeded]... [--by NAME] [--group GROUP]
                 [--wait SECONDS] [--resend-uncertain] [--dry-run] [--json]
        Judges refused events again by the profiles as they stand now, and puts those that are accepted into hub validated, each once
        however often it is run. Selections of one kind add up, different kinds narrow down; TIME is ISO 8601, UTC, --to exclusive.
        --dry-run writes nothing and needs no --event-hubs. --as judges by another profile than the one each event was refused by.
        Signs in by the environment (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_AUTHORITY_HOST), az, or the machine's identity.
        Ends with 0: nothing selected is left; 1: some stay refused; 2: wrong usage; 3: stopped before the end, run it again.
        """;

    /// <summary>Runs it.</summary>
    /// <param name="args">What follows <c>replay</c>.</param>
    /// <param name="output">The report.</param>
    /// <param name="errors">Progress and problems.</param>
    /// <param name="connect">Reaches the stores.</param>
    /// <param name="clock">Waits, limits and stamps.</param>
    /// <param name="cancel">Stops it; what was begun is settled by the next run.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> Run(
        string[] args, TextWriter output, TextWriter errors, Func<ReplayOptions, TimeProvider, ReplayStores> connect, TimeProvider clock, CancellationToken cancel)
    {
        if (args is ["--help"])
        {
            await output.WriteLineAsync(Usage).ConfigureAwait(false);
            return 0;
        }

        if (ReplayOptions.Parse(args, out var problem) is not { } options)
        {
            await errors.WriteLineAsync($"{problem}\n{Usage}").ConfigureAwait(false);
            return 2;
        }

        var stores = connect(options, clock);
        await using (stores.ConfigureAwait(false))
        {
            var run = new ReplayRun(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), stores, options, clock, errors);
            try
            {
                await run.Run(cancel).ConfigureAwait(false);
            }
            catch (Exception outage) when (outage is not (InvalidOperationException or UnreachableException or ArgumentException or NullReferenceException))
            {
                // Azure's messages go on with headers and bodies; what was wrong stands in front.
                var what = string.Join(' ', outage.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
                await errors.WriteLineAsync($"stopped before the end: {outage.GetType().Name}: {(what.Length <= 600 ? what : what[..600])}").ConfigureAwait(false);
                await errors.WriteLineAsync($"{run.Report.Of(ReplayReport.Accepted)} events are known to be through; run the same command again to go on").ConfigureAwait(false);
                return 3;
            }

            run.Report.Write(output, options);
            return run.Report.NothingLeft ? 0 : 1;
        }
    }
}
