using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.IotHub;

/// <summary>JSON as the hub reads and writes it.</summary>
internal static class HubJson
{
    // Ids hold '+' and quotes; the answers are application/json, never a page.
    private static readonly JsonSerializerOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    public static string Text(JsonNode node) => node.ToJsonString(Writing);

    public static byte[] Bytes(JsonNode node) => JsonSerializer.SerializeToUtf8Bytes(node, Writing);

    /// <returns>The node, or <c>argument-invalid</c>: not JSON, deeper than 32, a member twice, or null.</returns>
    public static Parsed<JsonNode> Parse(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return JsonNode.Parse(utf8, null, Reading) is { } node ? node : new Fault("argument-invalid", "body");
        }
        catch (JsonException)
        {
            return new Fault("argument-invalid", "body");
        }
    }

    /// <returns>The object, or <c>argument-invalid</c>.</returns>
    public static Parsed<JsonObject> ParseObject(ReadOnlySpan<byte> utf8) =>
        Parse(utf8).Then<JsonObject>(node => node is JsonObject known ? known : new Fault("argument-invalid", "body"));
}
