using System.Globalization;
using Spectre.Console;

namespace Serverless.Local.Run;

/// <summary>The run on a terminal: a table that follows the counters, then the report in colour.</summary>
/// <param name="console">The terminal.</param>
/// <param name="wall">Wall clock.</param>
public sealed class TerminalView(IAnsiConsole console, TimeProvider wall) : IRunView
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);
    private readonly long _began = wall.GetTimestamp();

    /// <inheritdoc/>
    public void Step(string doing) => console.MarkupLine($"[grey]{wall.GetElapsedTime(_began).TotalSeconds,6:0.0} s[/]  {Markup.Escape(doing)}");

    /// <inheritdoc/>
    public void Say(string line) => console.WriteLine(line);

    /// <inheritdoc/>
    public Task Watch(Func<Status> read, Task work) =>
        console.Live(Rows(read(), 0)).StartAsync(async live =>
        {
            var last = read();
            var rate = 0.0;
            while (!work.IsCompleted)
            {
                await Task.WhenAny(work, Task.Delay(Refresh, wall)).ConfigureAwait(false);
                var now = read();
                var seconds = (now.Elapsed - last.Elapsed).TotalSeconds;
                // Smoothed over about two seconds, so that the figure can be read.
                if (seconds > 0) rate += 0.12 * ((now.Sent - last.Sent) / seconds - rate);
                last = now;
                live.UpdateTarget(Rows(now, rate));
            }

            await work.ConfigureAwait(false);
        });

    /// <inheritdoc/>
    public void Show(Report report)
    {
        ArgumentNullException.ThrowIfNull(report);
        console.WriteLine();
        console.MarkupLine($"[bold]{Markup.Escape(report.Summary())}[/]");
        var culprits = new Table().Border(TableBorder.Rounded).AddColumns("misbehaving device", "what it did", "refused", "as", "alerts");
        foreach (var (device, wrong, refused, faults, alerts) in report.Culprits)
            culprits.AddRow(device, wrong.ToString(), refused.ToString(CultureInfo.InvariantCulture), Markup.Escape(faults), alerts.ToString(CultureInfo.InvariantCulture));
        console.Write(culprits);
        Tell(report.TelemetryChecks);
        foreach (var chapter in report.Chapters)
        {
            console.WriteLine();
            console.MarkupLine($"[bold]{Markup.Escape(chapter.Title)}[/]");
            foreach (var line in chapter.Lines) console.WriteLine($"  {line}");
            Tell(chapter.Checks);
        }
    }

    private void Tell(IReadOnlyList<Check> checks)
    {
        foreach (var check in checks)
            console.MarkupLine($"{(check.Kept ? "[green]kept  [/]" : "[red]BROKEN[/]")} {Markup.Escape(check.Promise)} [grey]({Markup.Escape(check.Evidence)})[/]");
    }

    private static Table Rows(Status now, double rate)
    {
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumns("", "");
        void Row(string name, FormattableString value) => table.AddRow(name, Markup.Escape(value.ToString(CultureInfo.InvariantCulture)));
        Row("time", $"{now.Elapsed.TotalSeconds:0} s on the wall, devices live at {now.DeviceTime:yyyy-MM-dd HH:mm:ss} UTC");
        Row("devices", $"{now.Connected} of {now.Devices} connected");
        Row("sent", $"{now.Sent} ({rate:0}/s)");
        Row("accepted", $"{now.Accepted}");
        Row("refused", $"{now.RefusedByFault.Values.Sum()}");
        foreach (var (fault, count) in now.RefusedByFault.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).Take(12))
            Row("  " + Markup.Escape(fault), $"{count}");
        Row("waiting", $"{now.Waiting}");
        Row("alerts", $"{now.Alerts}");
        return table;
    }
}
