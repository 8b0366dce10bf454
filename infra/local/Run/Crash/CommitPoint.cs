using System.Text.Json;

namespace Serverless.Local.Run.Crash;

/// <summary>A commit point as the Telemetry app announces it: log event 2005.</summary>
/// <param name="Name">One of <see cref="Names"/>.</param>
/// <param name="Partition">Partition of hub <c>telemetry</c>.</param>
public sealed record CommitPoint(string Name, string Partition)
{
    /// <summary>The point that comes only when a partition's log is long enough.</summary>
    public const string Compaction = "compacted";

    /// <summary>How many compactions are killed right behind.</summary>
    public const int CompactionKills = 2;

    /// <summary>All of them, in the order of a batch.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["claimed", "read-back", "pinned", "decided", "published", "alerted", "filed", "committed", Compaction];

    /// <summary>Reads a line of the app's log.</summary>
    /// <param name="line">One line, any.</param>
    /// <returns>The point, or <see langword="null"/> for every other line.</returns>
    public static CommitPoint? Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (!line.Contains("\"event\":\"CommitPoint\"", StringComparison.Ordinal)) return null;
        using var json = JsonDocument.Parse(line);
        var fields = json.RootElement.GetProperty("fields");
        return new CommitPoint(fields.GetProperty("Point").GetString()!, fields.GetProperty(nameof(Partition)).GetString()!);
    }
}
