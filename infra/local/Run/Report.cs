using System.Globalization;
using System.Text.Json;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run;

/// <summary>What a run did and whether every promise held.</summary>
/// <param name="Options">What was asked.</param>
/// <param name="Wall">How long the devices sent, wall time.</param>
/// <param name="Plan">The fleet.</param>
/// <param name="Sent">What each device had acknowledged.</param>
/// <param name="Seen">What came out.</param>
/// <param name="TelemetryChecks">The promises of telemetry.</param>
/// <param name="Chapters">The other parts of the run, in the order they happened.</param>
public sealed record Report(
    RunOptions Options,
    TimeSpan Wall,
    IReadOnlyList<DeviceScript> Plan,
    IReadOnlyDictionary<string, Sent> Sent,
    Observation Seen,
    IReadOnlyList<Check> TelemetryChecks,
    IReadOnlyList<Chapter> Chapters)
{
    /// <summary>Rights of function apps that nothing in the run needed, as <c>app: role on scope</c>.</summary>
    public IReadOnlyList<string> UnusedRights { get; init; } = [];

    /// <summary>Every promise, telemetry's first.</summary>
    public IReadOnlyList<Check> Checks => [.. TelemetryChecks, .. Chapters.SelectMany(chapter => chapter.Checks)];

    /// <summary>Whether every check held.</summary>
    public bool Passed => Checks.All(check => check.Kept);

    /// <summary>Refused events by fault, most frequent first.</summary>
    public IReadOnlyList<(string Fault, int Count)> RefusedByFault =>
        [.. Seen.Rejected.GroupBy(one => one.Fault).Select(group => (group.Key, group.Count())).OrderByDescending(row => row.Item2).ThenBy(row => row.Key, StringComparer.Ordinal)];

    /// <summary>One row a misbehaving device: what it did and how it was noticed.</summary>
    public IReadOnlyList<(string Device, Misbehaviour Wrong, int Refused, string Faults, int Alerts)> Culprits =>
        [.. Plan.Where(device => device.Wrong != Misbehaviour.None).Select(device =>
        {
            var refused = Seen.Rejected.Where(one => one.Device == device.DeviceId).ToList();
            return (
                device.DeviceId,
                device.Wrong,
                refused.Count,
                string.Join(", ", refused.Select(one => one.Fault).Distinct().Order(StringComparer.Ordinal)),
                Seen.Alerts.Count(alert => alert.Device == device.DeviceId));
        })];

    /// <summary>Writes the report as JSON.</summary>
    /// <param name="path">File to create or overwrite.</param>
    public void WriteJson(string path)
    {
        using var file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteBoolean("passed", Passed);
        json.WriteNumber("devices", Plan.Count);
        json.WriteNumber("seed", Options.Seed);
        json.WriteNumber("speed", Options.Speed);
        json.WriteNumber("wallSeconds", Math.Round(Wall.TotalSeconds, 3));
        json.WriteNumber("sent", Sent.Values.Sum(one => one.Total));
        json.WriteNumber("stored", Seen.Telemetry.Count);
        json.WriteNumber("validated", Seen.Validated.Count);
        json.WriteNumber("rejected", Seen.Rejected.Count);
        json.WriteNumber("alerts", Seen.Alerts.Count);
        json.WriteStartObject("refusedByFault");
        foreach (var (fault, count) in RefusedByFault) json.WriteNumber(fault, count);
        json.WriteEndObject();
        json.WriteStartArray("culprits");
        foreach (var (device, wrong, refused, faults, alerts) in Culprits)
        {
            json.WriteStartObject();
            json.WriteString("device", device);
            json.WriteString("misbehaviour", wrong.ToString());
            json.WriteNumber("refused", refused);
            json.WriteString("faults", faults);
            json.WriteNumber("alerts", alerts);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("chapters");
        foreach (var chapter in Chapters)
        {
            json.WriteStartArray(chapter.Title);
            foreach (var line in chapter.Lines) json.WriteStringValue(line);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteStartArray("unusedRights");
        foreach (var right in UnusedRights) json.WriteStringValue(right);
        json.WriteEndArray();
        json.WriteStartArray("checks");
        foreach (var check in Checks)
        {
            json.WriteStartObject();
            json.WriteString("promise", check.Promise);
            json.WriteBoolean("kept", check.Kept);
            json.WriteString("evidence", check.Evidence);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>One line of figures.</summary>
    public string Summary() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Plan.Count} devices lived {Options.DeviceTime} in {Wall.TotalSeconds:0} s: {Seen.Telemetry.Count} messages, "
        + $"{Seen.Validated.Count} validated, {Seen.Rejected.Count} rejected, {Seen.Alerts.Count} alerts");
}
