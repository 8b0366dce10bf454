using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>How an invocation ended, by the handler's answer.</summary>
internal enum AnswerKind
{
    /// <summary>A 2xx with a JSON object.</summary>
    Completed,

    /// <summary>Anything that the host counts as a failure.</summary>
    Failed,

    /// <summary>A 2xx with an empty body or <c>null</c>: the real host waits until functionTimeout, so this one does.</summary>
    NeverCompletes,
}

/// <summary>A handler's answer in default mode.</summary>
/// <param name="Kind">How it counts.</param>
/// <param name="Outputs">Outputs by binding.</param>
/// <param name="ReturnValue">ReturnValue, if given.</param>
/// <param name="Logs">Log lines of the invocation.</param>
/// <param name="Reason">Why it failed.</param>
/// <param name="StatusCode">HTTP status of the answer.</param>
internal sealed record HandlerAnswer(
    AnswerKind Kind,
    IReadOnlyDictionary<string, JsonElement> Outputs,
    JsonElement? ReturnValue,
    IReadOnlyList<string> Logs,
    string? Reason,
    int? StatusCode)
{
    private static readonly Dictionary<string, JsonElement> None = [];

    /// <summary>An invocation without usable answer.</summary>
    public static HandlerAnswer Failure(string reason, int? status = null) => new(AnswerKind.Failed, None, null, [], reason, status);

    /// <summary>Reads an answer by the real host's rules.</summary>
    public static HandlerAnswer Read(HttpStatusCode status, string? phrase, string? mediaType, ReadOnlyMemory<byte> body)
    {
        if ((int)status is < 200 or > 299)
        {
            return Failure(string.Create(CultureInfo.InvariantCulture, $"Response status code does not indicate success: {(int)status} ({phrase})."), (int)status);
        }

        var text = body.Span.Trim(" \t\r\n"u8);
        if (text.IsEmpty || text.SequenceEqual("null"u8)) return new HandlerAnswer(AnswerKind.NeverCompletes, None, null, [], null, (int)status);
        if (mediaType is not "application/json" and not "text/json")
        {
            return Failure($"No MediaTypeFormatter is available to read an answer of media type '{mediaType}'.");
        }

        try
        {
            var root = JsonElement.Parse(body.Span);
            return root.ValueKind == JsonValueKind.Object ? Read(root, (int)status) : Failure("The answer is not a JSON object.");
        }
        catch (JsonException)
        {
            return Failure("The answer is not JSON.");
        }
    }

    private static HandlerAnswer Read(JsonElement root, int status)
    {
        var outputs = new Dictionary<string, JsonElement>(StringComparer.OrdinalIgnoreCase);
        var logs = new List<string>();
        JsonElement? returned = null;
        foreach (var member in root.EnumerateObject())
        {
            switch (member.Name.ToUpperInvariant())
            {
                case "OUTPUTS" when member.Value.ValueKind == JsonValueKind.Object:
                    foreach (var output in member.Value.EnumerateObject()) outputs[output.Name] = output.Value;
                    break;
                case "LOGS" when member.Value.ValueKind == JsonValueKind.Array:
                    logs.AddRange(member.Value.EnumerateArray().Select(line => line.ToString()));
                    break;
                case "RETURNVALUE" when member.Value.ValueKind != JsonValueKind.Null:
                    returned = member.Value;
                    break;
            }
        }

        return new HandlerAnswer(AnswerKind.Completed, outputs, returned, logs, null, status);
    }
}
