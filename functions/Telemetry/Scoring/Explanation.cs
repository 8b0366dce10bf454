using System.Globalization;

namespace Serverless.Telemetry.Scoring;

/// <summary>A finding in words and figures: what was seen, what was expected, since when, how much it weighed, what would have kept it silent.</summary>
/// <param name="Seen">What was seen.</param>
/// <param name="Expected">What was expected instead.</param>
/// <param name="Since">When it began, as far as the device itself tells.</param>
/// <param name="Weight">The measure, its limit and the score they make.</param>
/// <param name="Silent">What would have kept the scorer silent.</param>
public sealed record Explanation(string Seen, string Expected, DateTimeOffset Since, string Weight, string Silent)
{
    /// <summary>Explains a finding. Allocates; meant for alerts, not for every message.</summary>
    /// <param name="finding">The finding.</param>
    /// <param name="metric">Name of the metric it is about; ignored where it is about the device.</param>
    public static Explanation Of(in Finding finding, string metric)
    {
        var (seen, expected, unit, silent) = finding.Kind switch
        {
            FindingKind.Silence => (Text($"nothing heard for {finding.Measure:0.#} usual intervals"), "a message every usual interval", "usual intervals",
                Text($"a message within {finding.Limit:0.#} usual intervals")),
            FindingKind.Flood => (Text($"messages at {finding.Measure:0.#} times the usual pace, five in a row"), "the device's own pace", "times the pace",
                Text($"a pace below {finding.Limit:0.#} times the usual")),
            FindingKind.Clone => (Text($"counter {finding.Seen:0} does not go on from the one before it"), "one counter, going up, restarting only after a pause", "counters",
                "one source under this identity"),
            FindingKind.Reconnects => (Text($"connected anew {finding.Measure:0.#} times within about an hour"), Text($"at most {finding.High:0.#} as until now"), "connects",
                Text($"at most {finding.Limit:0.#} connects within about an hour")),
            FindingKind.Replay => (Text($"{finding.Measure:0} whole readings in order equal earlier ones at one distance"), Text($"at most {finding.Limit:0} such by chance"), "readings",
                Text($"a reading that differs before the {finding.Limit:0}th")),
            FindingKind.Stuck or FindingKind.Flatline => (Text($"{metric} stayed at {finding.Seen:G6} for {finding.Measure:0} readings"), Text($"at most {finding.Limit:0} equal readings in a row"), "readings",
                Text($"another reading before the {finding.Limit:0}th")),
            FindingKind.Correlation or FindingKind.Drift when finding.SinceMs == finding.AtMs => (
                Text($"{metric} at {finding.Seen:G6} does not fit the other metrics"), Text($"unexplained {finding.Low:G4} to {finding.High:G4} times its usual size"), "widths of the usual range",
                Text($"an unexplained part within {finding.Limit:0.##} widths of that range")),
            FindingKind.Stranger => (Text($"{metric} around {finding.Seen:G6} since this device was first heard"), Text($"half of all readings of its model between {finding.Low:G6} and {finding.High:G6}"),
                "distances between the model's quartiles", Text($"readings within {finding.Limit:0.##} such distances of them")),
            _ => (Text($"{metric} at {finding.Seen:G6}"), Text($"{finding.Low:G6} to {finding.High:G6}"), "widths of the usual range",
                Text($"a value within {finding.Limit:0.##} widths of that range")),
        };
        return new(seen, expected, DateTimeOffset.UnixEpoch.AddMilliseconds(finding.SinceMs),
            Text($"{finding.Measure:0.##} {unit} against a limit of {finding.Limit:0.##}: score {finding.Score:0.###}"), silent);
    }

    /// <summary>The whole explanation in one line.</summary>
    public override string ToString() => $"{Seen}; expected {Expected}; since {Since:yyyy-MM-ddTHH:mm:ssZ}; {Weight}; silent with {Silent}";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
