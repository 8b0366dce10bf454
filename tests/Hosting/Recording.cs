using System.Runtime.CompilerServices;
using System.Text;

namespace Serverless.Hosting.Tests;

/// <summary>A request as the real Functions host sent it, from tests/vectors/functions-host.</summary>
internal sealed record Recording(string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers, byte[] Body)
{
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(SourceFolder(), "../vectors/functions-host"));

    public static Recording Load(string name)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Folder, name));
        var end = bytes.AsSpan().IndexOf("\n\n"u8);
        var lines = Encoding.UTF8.GetString(bytes.AsSpan(0, end)).Split('\n');
        var request = lines[0].Split(' ');
        var headers = lines[1..].Select(line => line.Split(": ", 2)).Select(pair => (pair[0], pair[1])).ToArray();
        return new Recording(request[0], request[1], headers, bytes.AsSpan(end + 2).TrimEnd("\n"u8).ToArray());
    }

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
