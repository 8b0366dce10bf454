using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Rest;

/// <summary>POST /twins/{id}/methods.</summary>
internal sealed class MethodsApi(Hub hub)
{
    /// <summary>Calls and waits: <c>argument-invalid</c>, <c>message-size</c> before the call, those of
    /// <see cref="Messages.MethodCalls.Invoke"/> and <c>device-answer</c> after it. 200 says that the device answered; what it answered is <c>status</c> in the body.</summary>
    public async Task<Parsed<HubReply>> Invoke(HttpContext http)
    {
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("methodName", out var method) || !NameAllowed(method)) return new Fault("argument-invalid", "methodName");
        if (Seconds(body, "responseTimeoutInSeconds", 30, 5) is not { } response) return new Fault("argument-invalid", "responseTimeoutInSeconds");
        if (Seconds(body, "connectTimeoutInSeconds", 0, 0) is not { } connect) return new Fault("argument-invalid", "connectTimeoutInSeconds");
        var payload = Encoding.UTF8.GetBytes(body["payload"] is { } sent ? HubJson.Text(sent) : "null");
        if (payload.Length > HubLimits.MethodBytesMax) return new Fault("message-size", "payload");
        var called = await hub.Methods.Invoke(http.Id(), method!, payload, connect, response, http.RequestAborted).ConfigureAwait(false);
        if (!called.TryGet(out var answer, out fault)) return fault;
        JsonNode? result = null;
        if (answer.Payload.Length > 0 && !answer.Payload.AsSpan().SequenceEqual("null"u8) && !HubJson.Parse(answer.Payload).TryGet(out result, out _))
        {
            return new Fault("device-answer", "payload");
        }

        return new HubReply(new JsonObject { ["status"] = answer.Status, ["payload"] = result });
    }

    // It becomes a level of a topic: no separators or wildcards.
    private static bool NameAllowed(string? name) =>
        name is { Length: >= 1 and <= 100 } && !name.Any(character => char.IsControl(character) || character is '/' or '#' or '+' or '?');

    private static TimeSpan? Seconds(JsonObject body, string name, int otherwise, int least) =>
        body[name] is not { } node ? TimeSpan.FromSeconds(otherwise)
        : node.GetValueKind() == JsonValueKind.Number && node.AsValue().TryGetValue<int>(out var seconds) && seconds >= least && seconds <= 300
            ? TimeSpan.FromSeconds(seconds)
            : null;
}
