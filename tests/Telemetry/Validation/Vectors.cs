using System.Text.Json;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Test vectors under <c>tests/vectors</c>, read from the source tree.</summary>
internal static class Vectors
{
    public static string Path(params string[] parts)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Serverless.sln"))) return System.IO.Path.Combine([folder.FullName, .. parts]);
        }

        throw new InvalidOperationException("The tests run from inside the repository.");
    }

    public static JsonElement[] Read(string subject, string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path("tests", "vectors", subject, file)));
        return [.. document.RootElement.EnumerateArray().Select(item => item.Clone())];
    }

    public static string? Member(this JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
