namespace Serverless.Local.Tests.IotHub;

/// <summary>A request as one of Microsoft's SDKs sent it; secrets were stripped, so keys become empty.</summary>
/// <param name="Verb">HTTP verb.</param>
/// <param name="Path">Without query.</param>
/// <param name="Headers">As listed by the server that recorded them.</param>
/// <param name="Body">Or null.</param>
internal sealed record SdkRecording(string Verb, string Path, IReadOnlyList<(string Name, string Value)> Headers, string? Body)
{
    /// <summary>Headers that a client library does not set itself.</summary>
    public IEnumerable<(string Name, string Value)> Kept =>
        Headers.Where(header => header.Name is not ("Authorization" or "Host" or "Connection" or "Content-Length" or "Content-Type"));

    /// <summary>Whether it came with a bearer token.</summary>
    public bool IsBearer => Headers.Any(header => header.Name == "Authorization" && header.Value.StartsWith("Bearer", StringComparison.Ordinal));

    /// <summary>The recordings of a folder below tests/vectors, in order.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="kind">Part of the file names.</param>
    /// <param name="version">The api-version that each must carry.</param>
    public static IEnumerable<(string Number, SdkRecording Request)> All(string folder, string kind, string version) => Directory
        .GetFiles(System.IO.Path.Combine(Repository.Root, "tests", "vectors", folder), "*.http")
        .Order(StringComparer.Ordinal)
        .Where(file => file.Contains(kind, StringComparison.Ordinal))
        .Select(file => (System.IO.Path.GetFileName(file)[..3], Parse(File.ReadAllText(file), version)));

    private static SdkRecording Parse(string text, string version)
    {
        var request = text.ReplaceLineEndings("\n").Split("\n### response", 2)[0];
        var (head, body) = request.Split("\n\n", 2) is [var top, var rest] ? (top, rest.Trim()) : (request, "");
        var lines = head.Split('\n');
        var words = lines[0].Split(' ');
        Assert.EndsWith("?api-version=" + version, words[1], StringComparison.Ordinal);
        return new SdkRecording(
            words[0],
            words[1][..words[1].IndexOf('?', StringComparison.Ordinal)],
            [.. lines[1..].Where(line => line.Length > 0).Select(line => (line[..line.IndexOf(':', StringComparison.Ordinal)], line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()))],
            body.Length == 0 ? null : body.Replace("<stripped>", "", StringComparison.Ordinal));
    }
}
