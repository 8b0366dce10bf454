using System.Globalization;
using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>What one replay is asked to do. Trusted: whoever runs the command holds the roles it needs.</summary>
internal sealed record ReplayOptions
{
    /// <summary>The storage account's blob endpoint.</summary>
    public Uri? Storage { get; private set; }

    /// <summary>The Event Hubs namespace, with a port if it is not 5671.</summary>
    public string EventHubs { get; private set; } = "";

    /// <summary>Consumer group of hub <c>validated</c> to read back in; no trigger may use it.</summary>
    public string Group { get; private set; } = "$Default";

    /// <summary>Devices, fault codes, profiles and blobs to take; empty takes all.</summary>
    public HashSet<string> Devices { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Devices"/>
    public HashSet<string> Faults { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Devices"/>
    public HashSet<string> Profiles { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Devices"/>
    public HashSet<string> Blobs { get; } = new(StringComparer.Ordinal);

    /// <summary>Rules over history to do without; codes of <see cref="Rejudge.Waivable"/>.</summary>
    public HashSet<string> Waived { get; } = new(StringComparer.Ordinal);

    /// <summary>First instant of event time taken.</summary>
    public DateTimeOffset From { get; private set; } = DateTimeOffset.MinValue;

    /// <summary>First instant of event time no longer taken.</summary>
    public DateTimeOffset To { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>Judges by this profile instead of the one each line names; empty: by that.</summary>
    public string As { get; private set; } = "";

    /// <summary>Written into the ledger and on each event, 1 to 128 characters.</summary>
    public string By { get; private set; } = Environment.UserName is { Length: > 0 and <= 128 } user ? user : "unknown";

    /// <summary>How long to wait, after an unfinished run, for what it may still have on the wire; 0 to 120 s, default 15 s, the same
    /// for all who replay. A batch is published within two thirds of it or given up; 0 waits for nothing and gives nothing up, and
    /// is safe only where no other run can be under way.</summary>
    public TimeSpan Wait { get; private set; } = TimeSpan.FromSeconds(15);

    /// <summary>Tells what would become of the events, and writes nothing.</summary>
    public bool DryRun { get; private set; }

    /// <summary>Puts events through again of which the hub can no longer tell whether they landed.</summary>
    public bool ResendUncertain { get; private set; }

    /// <summary>Reports in JSON.</summary>
    public bool Json { get; private set; }

    /// <summary>Reads the command's arguments.</summary>
    /// <param name="args">What follows <c>replay</c>.</param>
    /// <param name="problem">What is wrong with them.</param>
    /// <returns>The options, or <see langword="null"/>.</returns>
    public static ReplayOptions? Parse(ReadOnlySpan<string> args, out string problem)
    {
        var options = new ReplayOptions();
        for (var at = 0; at < args.Length; at++)
        {
            var name = args[at];
            if (options.Switch(name)) continue;
            if (at + 1 == args.Length)
            {
                problem = $"{name}: no such option, or its value is missing";
                return null;
            }

            if (options.Take(name, args[++at], out problem) is false) return null;
        }

        problem = options.Storage is null ? "--storage is required" : options.EventHubs.Length == 0 && !options.DryRun ? "--event-hubs is required unless --dry-run is given" : "";
        return problem.Length == 0 ? options : null;
    }

    /// <summary>Whether a line is among those asked for.</summary>
    public bool Selects(RefusedLine line) =>
        (Devices.Count == 0 || Devices.Contains(line.Device))
        && (Faults.Count == 0 || Faults.Contains(line.Fault))
        && (Profiles.Count == 0 || Profiles.Contains(line.Profile))
        && line.EnqueuedAt >= From && line.EnqueuedAt < To;

    private bool Switch(string name)
    {
        switch (name)
        {
            case "--dry-run":
                return DryRun = true;
            case "--json":
                return Json = true;
            case "--resend-uncertain":
                return ResendUncertain = true;
            default:
                return false;
        }
    }

    private bool Take(string name, string value, out string problem)
    {
        problem = "";
        switch (name)
        {
            case "--storage" when Uri.TryCreate(value, UriKind.Absolute, out var storage) && storage.Scheme == Uri.UriSchemeHttps:
                Storage = storage;
                return true;
            case "--event-hubs" when value.Length != 0 && Uri.TryCreate("amqps://" + value, UriKind.Absolute, out var hubs) && hubs.Authority == value:
                EventHubs = value;
                return true;
            case "--group" when value.Length is > 0 and <= 256:
                Group = value;
                return true;
            case "--device":
                return Devices.Add(value) || true;
            case "--fault":
                return Faults.Add(value) || true;
            case "--profile":
                return Profiles.Add(value) || true;
            case "--blob":
                return Blobs.Add(value) || true;
            case "--waive" when Rejudge.Waivable.Contains(value):
                return Waived.Add(value) || true;
            case "--as" when ProfileName.IsValid(value):
                As = value;
                return true;
            case "--by" when value.Length is > 0 and <= 128:
                By = value;
                return true;
            case "--wait" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= 120:
                Wait = TimeSpan.FromSeconds(seconds);
                return true;
            case "--from" when Instant(value, out var from):
                From = from;
                return true;
            case "--to" when Instant(value, out var to):
                To = to;
                return true;
            case "--storage" or "--event-hubs" or "--group" or "--waive" or "--as" or "--by" or "--wait" or "--from" or "--to":
                problem = $"{name}: not a value it takes";
                return false;
            default:
                problem = $"{name}: no such option";
                return false;
        }
    }

    private static bool Instant(string text, out DateTimeOffset at) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at);
}
