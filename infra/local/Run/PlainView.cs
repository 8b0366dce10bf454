using System.Globalization;

namespace Serverless.Local.Run;

/// <summary>The run as plain lines, one every few seconds: for pipes, files and build logs.</summary>
/// <param name="output">Where the lines go.</param>
/// <param name="wall">Wall clock.</param>
public sealed class PlainView(TextWriter output, TimeProvider wall) : IRunView
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private readonly long _began = wall.GetTimestamp();

    /// <inheritdoc/>
    public void Step(string doing) => Line($"{doing}");

    /// <inheritdoc/>
    public void Say(string line) => output.WriteLine(line);

    /// <inheritdoc/>
    public async Task Watch(Func<Status> read, Task work)
    {
        while (!work.IsCompleted)
        {
            await Task.WhenAny(work, Task.Delay(Every, wall)).ConfigureAwait(false);
            var now = read();
            Line($"{now.Connected}/{now.Devices} devices, {now.Sent} sent, {now.Accepted} accepted, {now.RefusedByFault.Values.Sum()} refused, {now.Waiting} waiting, {now.Alerts} alerts");
        }

        await work.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Show(Report report)
    {
        ArgumentNullException.ThrowIfNull(report);
        output.WriteLine(report.Summary());
        foreach (var (device, wrong, refused, faults, alerts) in report.Culprits)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {device,-20} {wrong,-16} {refused,5} refused as {faults}; {alerts} alerts"));
        Tell(report.TelemetryChecks);
        foreach (var chapter in report.Chapters)
        {
            output.WriteLine($"{chapter.Title}:");
            foreach (var line in chapter.Lines) output.WriteLine($"  {line}");
            Tell(chapter.Checks);
        }
    }

    private void Tell(IReadOnlyList<Check> checks)
    {
        foreach (var check in checks) output.WriteLine($"{(check.Kept ? "kept  " : "BROKEN")} {check.Promise} ({check.Evidence})");
    }

    private void Line(FormattableString text) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{wall.GetElapsedTime(_began).TotalSeconds,6:0.0} s  {text.ToString(CultureInfo.InvariantCulture)}"));
}
