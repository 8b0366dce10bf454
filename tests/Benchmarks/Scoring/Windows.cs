using System.Globalization;
using System.Text.Json;

namespace Serverless.Benchmarks.Scoring;

/// <summary>Labelled stretches: <c>{"folder/name.csv": [["from", "to"], …]}</c>.</summary>
internal static class Windows
{
    /// <summary>The stretches of a series, found by the end of its path; none when it is not listed.</summary>
    public static IReadOnlyList<(DateTime From, DateTime To)> Of(string labels, string series)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(labels));
        foreach (var listed in document.RootElement.EnumerateObject())
        {
            if (!Path.GetFullPath(series).EndsWith(listed.Name, StringComparison.Ordinal)) continue;
            return [.. listed.Value.EnumerateArray().Select(window => (At(window[0]), At(window[1])))];
        }

        return [];
    }

    private static DateTime At(JsonElement text) =>
        DateTime.Parse(text.GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
