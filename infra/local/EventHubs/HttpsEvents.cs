using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Serverless.Local.EventHubs;

/// <summary>Reads what the HTTPS endpoint gets: one event of any bytes, or a JSON batch of texts.</summary>
internal static class HttpsEvents
{
    private const string BatchType = "application/vnd.microsoft.servicebus.json";

    // Headers of HTTP itself; every other one is a property of the event.
    private static readonly string[] Standard =
    [
        "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "BrokerProperties", "Connection", "Content-Length", "Content-Type", "Expect",
        "Host", "Request-Id", "Traceparent", "Tracestate", "Transfer-Encoding", "User-Agent",
    ];

    /// <summary>Reads the events of one request.</summary>
    /// <param name="contentType">The request's content type.</param>
    /// <param name="headers">Its headers: for a single event, the broker properties and the event's properties.</param>
    /// <param name="body">Its body.</param>
    /// <returns>The events, or <see langword="null"/> if malformed.</returns>
    public static IReadOnlyList<EventDraft>? Read(string? contentType, IHeaderDictionary headers, byte[] body)
    {
        try
        {
            if (contentType?.StartsWith(BatchType, StringComparison.OrdinalIgnoreCase) == true) return Batch(body);
            var key = headers.TryGetValue("BrokerProperties", out var json) && json.ToString() is { Length: > 0 } text
                ? JsonSerializer.Deserialize(text, HttpsJson.Default.BrokerPropertiesBody)?.PartitionKey
                : null;
            var properties = headers
                .Where(header => !Standard.Contains(header.Key, StringComparer.OrdinalIgnoreCase))
                .ToDictionary(header => header.Key, header => (object?)header.Value.ToString().Trim('"'), StringComparer.Ordinal);
            return [new EventDraft(body, key, Properties: new EventProperties(ContentType: contentType), ApplicationProperties: properties)];
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static EventDraft[]? Batch(byte[] body)
    {
        var items = JsonSerializer.Deserialize(body, HttpsJson.Default.BatchItemBodyArray);
        if (items is null || items.Any(item => item?.Body is null)) return null;
        if (items.Select(item => item.BrokerProperties?.PartitionKey).Distinct(StringComparer.Ordinal).Count() > 1) return null; // one key a batch
        return [.. items.Select(item => new EventDraft(
            Encoding.UTF8.GetBytes(item.Body!), item.BrokerProperties?.PartitionKey, ApplicationProperties: item.UserProperties?.ToDictionary(pair => pair.Key, pair => Value(pair.Value))))];
    }

    private static object? Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt64(out var whole) ? whole : value.GetDouble(),
        JsonValueKind.Null => null,
        _ => throw new JsonException("properties hold plain values"),
    };
}

/// <summary>An item of a JSON batch.</summary>
internal sealed record BatchItemBody(string? Body, Dictionary<string, JsonElement>? UserProperties, BrokerPropertiesBody? BrokerProperties);

/// <summary>The BrokerProperties header.</summary>
internal sealed record BrokerPropertiesBody(string? PartitionKey);

[JsonSourceGenerationOptions(MaxDepth = 8)]
[JsonSerializable(typeof(BatchItemBody[]))]
[JsonSerializable(typeof(BrokerPropertiesBody))]
internal sealed partial class HttpsJson : JsonSerializerContext;
