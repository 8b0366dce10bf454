using System.Globalization;
using Serverless.Telemetry.Blobs;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>Which blobs of container <c>rejected</c> a replay reads.</summary>
internal static class RejectedBlobs
{
    private const string HourFormat = "yyyy-MM-dd'T'HH";

    /// <summary>Lists the blobs that can hold what is asked for, ascending by hour, partition and number.</summary>
    /// <remarks>An event is filed under the hour of its stamp, or a later one where the hub's clock stepped back; so blobs of a whole day
    /// after the end asked for are read too.</remarks>
    public static async Task<IReadOnlyList<string>> Select(IBlobs rejected, ReplayOptions options, CancellationToken cancel)
    {
        var selected = new List<string>();
        foreach (var name in await rejected.List(options.Blobs.Count == 1 ? options.Blobs.Single() : "", cancel).ConfigureAwait(false))
        {
            if (HourOf(name) is not { } hour) continue; // the ledgers
            if (options.Blobs.Count != 0 && !options.Blobs.Contains(name)) continue;
            var late = options.To == DateTimeOffset.MaxValue ? DateTimeOffset.MaxValue : options.To.AddDays(1);
            if (hour.AddHours(1) > options.From && hour < late) selected.Add(name);
        }

        var missing = options.Blobs.Except(selected, StringComparer.Ordinal).ToArray();
        if (missing.Length != 0) throw new FileNotFoundException($"no such blob in the time asked for: {string.Join(", ", missing)}");
        return selected;
    }

    /// <summary>The partition in a name <c>…{hour}/{partition}-{n}.jsonl</c>.</summary>
    public static string PartitionOf(string blob)
    {
        var file = blob[(blob.LastIndexOf('/') + 1)..];
        return file[..file.LastIndexOf('-')];
    }

    private static DateTimeOffset? HourOf(string name) =>
        name.Length > 14 && name[13] == '/' && name.EndsWith(".jsonl", StringComparison.Ordinal) && name.LastIndexOf('-') > 13
        && DateTimeOffset.TryParseExact(name.AsSpan(0, 13), HourFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var hour)
            ? hour
            : null;
}
