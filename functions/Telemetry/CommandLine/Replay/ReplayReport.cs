using System.Text.Json;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>What became of the events selected, in numbers by the fault they were refused for, device, profile and outcome.</summary>
internal sealed class ReplayReport
{
    /// <summary>The current profile accepts it; unless it was a dry run, it is in hub <c>validated</c> now.</summary>
    public const string Accepted = "accepted";

    /// <summary>An earlier run put it through.</summary>
    public const string Before = "replayed-before";

    /// <summary>An earlier run may have put it through, and hub <c>validated</c> no longer reaches back far enough to tell.</summary>
    public const string Uncertain = "uncertain";

    private readonly SortedDictionary<(string Fault, string Device, string Profile, string Outcome), int> _counts = [];

    /// <summary>Events selected.</summary>
    public int Selected => _counts.Values.Sum();

    /// <summary>Events of one outcome.</summary>
    public int Of(string outcome) => _counts.Where(entry => entry.Key.Outcome == outcome).Sum(entry => entry.Value);

    /// <summary>Whether every event selected is in hub <c>validated</c>, or, after a dry run, would be.</summary>
    public bool NothingLeft => _counts.Keys.All(key => key.Outcome is Accepted or Before);

    /// <summary>Counts an event.</summary>
    public void Count(RefusedLine line, string profile, string outcome)
    {
        var key = (line.Fault, line.Device, profile, outcome);
        _counts[key] = _counts.GetValueOrDefault(key) + 1;
    }

    /// <summary>Writes the report.</summary>
    public void Write(TextWriter output, ReplayOptions options)
    {
        if (options.Json) WriteJson(output, options);
        else WriteText(output, options);
    }

    private void WriteText(TextWriter output, ReplayOptions options)
    {
        if (_counts.Count > 0)
        {
            string[] titles = ["refused for", "device", "profile", options.DryRun ? "would be" : "is now", "events"];
            var rows = _counts.Select(entry => (string[])[entry.Key.Fault, entry.Key.Device, entry.Key.Profile, entry.Key.Outcome, $"{entry.Value}"]).Prepend(titles).ToArray();
            var widths = Enumerable.Range(0, titles.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
            foreach (var row in rows) output.WriteLine(string.Join("  ", row.Select((cell, column) => column == 4 ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))));
        }

        var kept = Selected - Of(Accepted) - Of(Before);
        output.WriteLine($"{Selected} selected: {Of(Accepted)} {(options.DryRun ? "would go through" : "put through")}, {Of(Before)} went through before, {kept} stay refused{(options.DryRun ? " (dry run: nothing was written)" : "")}");
    }

    private void WriteJson(TextWriter output, ReplayOptions options)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteBoolean("dryRun"u8, options.DryRun);
            json.WriteNumber("selected"u8, Selected);
            json.WriteNumber("accepted"u8, Of(Accepted));
            json.WriteNumber("replayedBefore"u8, Of(Before));
            json.WriteStartArray("groups"u8);
            foreach (var (key, count) in _counts)
            {
                json.WriteStartObject();
                json.WriteString("refusedFor"u8, key.Fault);
                json.WriteString("device"u8, key.Device);
                json.WriteString("profile"u8, key.Profile);
                json.WriteString("outcome"u8, key.Outcome);
                json.WriteNumber("events"u8, count);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }
}
