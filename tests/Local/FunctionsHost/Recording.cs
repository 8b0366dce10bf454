using System.Text.Json;
using System.Text.RegularExpressions;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.Tests.FunctionsHost;

/// <summary>A request that the real host sent: head and body as they were on the wire (chunks removed).</summary>
internal sealed partial record Recording(string Head, string Body)
{
    public static Recording Of(string name)
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "functions-host", name + ".txt"));
        var end = text.IndexOf("\n\n", StringComparison.Ordinal);
        return new Recording(text[..end], text[(end + 2)..].TrimEnd('\n'));
    }

    /// <summary>The host's own sys of this recording.</summary>
    public Sys Sys()
    {
        using var json = JsonDocument.Parse(Body);
        var metadata = json.RootElement.GetProperty("Metadata");
        var sys = metadata.TryGetProperty("$sys", out var displaced) ? displaced : metadata.GetProperty("sys");
        return sys.ValueKind != JsonValueKind.Object
            ? new Sys("", default, default) // a body overwrote it
            : new Sys(sys.GetProperty("MethodName").GetString()!, sys.GetProperty("UtcNow").GetDateTimeOffset(), sys.GetProperty("RandGuid").GetGuid());
    }

    /// <summary>Text without what differs from run to run: ids, times, ports, and the real host's own stack traces.</summary>
    public static string Normal(string text)
    {
        text = Guids().Replace(text, "{guid}");
        text = UtcNow().Replace(text, "\"UtcNow\":\"{time}\"");
        text = Ports().Replace(text, "127.0.0.1:{port}");
        return Traces().Replace(text, "\"$1\":\"{trace}\"");
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Guids();

    [GeneratedRegex("\"UtcNow\":\"[0-9T:.-]+Z\"")]
    private static partial Regex UtcNow();

    [GeneratedRegex(@"127\.0\.0\.1:\d+")]
    private static partial Regex Ports();

    [GeneratedRegex("\"(StackTrace|StackTraceString)\":\"[^\"]*\"")]
    private static partial Regex Traces();
}
