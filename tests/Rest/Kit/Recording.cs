using System.Text.Json.Nodes;

namespace Serverless.Rest.Tests;

/// <summary>A request that an SDK of Microsoft's sent when it was recorded.</summary>
public sealed record Recording(string Number, string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string Body)
{
    // What carries meaning for the service. The rest names the program, the connection or the moment.
    private static readonly string[] HeadersThatMatter = ["If-Match", "If-None-Match", "x-ms-max-item-count", "x-ms-continuation"];

    /// <summary>Reads one of tests/vectors.</summary>
    public static Recording Read(string folder, string number)
    {
        var file = Assert.Single(Directory.GetFiles(System.IO.Path.Combine(Root(AppContext.BaseDirectory), "tests", "vectors", folder), number + "-*.http"));
        var request = File.ReadAllText(file).ReplaceLineEndings("\n").Split("\n### response", 2)[0];
        var (head, body) = request.Split("\n\n", 2) is [var top, var rest] ? (top, rest.Trim()) : (request, "");
        var lines = head.Split('\n');
        var words = lines[0].Split(' ');
        var mark = words[1].IndexOf('?', StringComparison.Ordinal);
        var headers = lines[1..].Where(line => line.Length > 0)
            .ToDictionary(line => line[..line.IndexOf(':', StringComparison.Ordinal)], line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(), StringComparer.OrdinalIgnoreCase);
        return new Recording(number, words[0], words[1][..mark], words[1][mark..], headers, body);
    }

    /// <summary>Holds our request against the recorded one, once the recorded one is changed by the named differences.</summary>
    public void Matches(Sent ours, params Difference[] differences)
    {
        var theirs = this;
        foreach (var difference in differences)
        {
            var changed = difference.Apply(theirs);
            Assert.False(changed == theirs, $"{Number}: '{difference.Name}' changes nothing: it is no difference any more");
            theirs = changed;
        }

        Assert.Equal((Number, theirs.Method, theirs.Path, theirs.Query), (Number, ours.Method, ours.Path, ours.Query));
        foreach (var name in HeadersThatMatter)
        {
            Assert.Equal((Number, name, theirs.Headers.GetValueOrDefault(name)), (Number, name, ours.Headers.GetValueOrDefault(name)));
        }

        Assert.Equal((Number, theirs.Headers.GetValueOrDefault("Content-Type")), (Number, ours.Headers.GetValueOrDefault("Content-Type")));
        Assert.Equal("application/json", ours.Headers["Accept"]);
        // The identity, not a key: whatever the recording used.
        Assert.Equal("Bearer token-of-ours", ours.Headers["Authorization"]);
        if (theirs.Headers.GetValueOrDefault("Content-Length") == "0") Assert.Equal("0", ours.Headers.GetValueOrDefault("Content-Length"));
        if (theirs.Body.Length == 0) Assert.Equal("", ours.Body);
        else Assert.True(JsonNode.DeepEquals(JsonNode.Parse(theirs.Body), JsonNode.Parse(ours.Body)), $"{Number}: {theirs.Body}\nours: {ours.Body}");
    }

    /// <summary>The recording with its JSON body changed.</summary>
    public Recording WithBody(Action<JsonNode> change)
    {
        var node = JsonNode.Parse(Body)!;
        change(node);
        return JsonNode.DeepEquals(node, JsonNode.Parse(Body)) ? this : this with { Body = node.ToJsonString() };
    }

    /// <summary>The recording with a header set, or removed.</summary>
    public Recording WithHeader(string name, string? value)
    {
        if (Headers.GetValueOrDefault(name) == value) return this;
        var headers = new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase);
        if (value is null) headers.Remove(name);
        else headers[name] = value;
        return this with { Headers = headers };
    }

    private static string Root(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, "Serverless.sln")) ? folder
        : Root(System.IO.Path.GetDirectoryName(folder.TrimEnd(System.IO.Path.DirectorySeparatorChar)) ?? throw new InvalidOperationException("tests run outside the source tree"));
}

/// <summary>A way in which we differ from the SDK on purpose.</summary>
/// <param name="Name">What and why, in a sentence.</param>
/// <param name="Apply">Turns theirs into what we send.</param>
public sealed record Difference(string Name, Func<Recording, Recording> Apply);
