using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Telemetry.CommandLine;

/// <summary>Carries the behaviours of an AWS IoT Device Defender security profile over into a profile.</summary>
/// <remarks>Defender alerts when a behaviour is broken; a profile refuses. What is carried over is the limit, and that difference is
/// said for each. Size, message count with its duration, listening TCP ports and custom numbers have a place in a profile; the
/// cloud's own metrics (disconnects, authorisation failures, source addresses) are the hub's to see, not the device's to say.</remarks>
public static class DefenderImport
{
    /// <summary>Imports a security profile.</summary>
    /// <param name="security">The answer of <c>describe-security-profile</c>.</param>
    /// <param name="profile">The profile document that takes the limits.</param>
    /// <returns>The profile with the limits, and what could not be carried over.</returns>
    /// <exception cref="FormatException">Not a security profile, or not a profile document.</exception>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static MadeProfile From(string security, string profile)
    {
        using var document = JsonDocument.Parse(security);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("behaviors", out var behaviours) || behaviours.ValueKind != JsonValueKind.Array)
            throw new FormatException("no behaviors: not a security profile");
        if (JsonNode.Parse(profile) is not JsonObject into || into["message"] is not JsonObject message || into["metrics"] is not JsonArray metrics)
            throw new FormatException("the profile to import into is no profile document");

        var (lost, chosen) = (new List<string>(), new List<string>());
        foreach (var behaviour in behaviours.EnumerateArray())
        {
            var name = Text(behaviour, "name") ?? "(no name)";
            var metric = Text(behaviour, "metric") ?? "";
            if (!behaviour.TryGetProperty("criteria", out var criteria) || criteria.ValueKind != JsonValueKind.Object)
            {
                lost.Add($"{name}: {metric} without criteria");
                continue;
            }

            var why = Carry(metric, criteria, into, message, metrics);
            if (why is not null) lost.Add($"{name}: {metric}: {why}");
            else chosen.Add($"{name}: {metric} is refused or noted at the device's own event, not alerted by its own rule");
            foreach (var part in criteria.EnumerateObject().Where(part => why is null && Ignored(metric, part))) lost.Add($"{name}: {part.Name}");
            foreach (var part in behaviour.EnumerateObject().Where(part => part.Name is "metricDimension" or "suppressAlerts" or "exportMetric")) lost.Add($"{name}: {part.Name}");
        }

        foreach (var part in document.RootElement.EnumerateObject().Where(part => part.Name is "alertTargets" or "additionalMetricsToRetain" or "additionalMetricsToRetainV2" or "metricsExportConfig"))
            lost.Add(part.Name);
        return new MadeProfile(into.ToJsonString(), lost, chosen);
    }

    /// <summary>Carries one behaviour over.</summary>
    /// <returns>Why not, or <see langword="null"/>.</returns>
    private static string? Carry(string metric, JsonElement criteria, JsonObject into, JsonObject message, JsonArray metrics)
    {
        if (criteria.TryGetProperty("mlDetectionConfig", out _)) return "detection by machine learning";
        if (criteria.TryGetProperty("statisticalThreshold", out _)) return "a statistical threshold";
        var by = Text(criteria, "comparisonOperator") ?? "";
        if (!criteria.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.Object) return "no value to compare with";
        switch (metric)
        {
            case "aws:message-byte-size":
                if (Most(by, value) is not { } bytes) return $"{by}: only an upper bound is a limit of messages";
                message["bytesMax"] = Math.Clamp(bytes, 2, Validation.MessageRules.WireBytesMax);
                return bytes is < 2 or > Validation.MessageRules.WireBytesMax ? $"{bytes} is beyond 2 to 262144; the nearest was taken" : null;
            case "aws:num-messages-sent":
                if (Most(by, value) is not { } count) return $"{by}: only an upper bound is a limit of messages";
                var seconds = criteria.TryGetProperty("durationSeconds", out var duration) && duration.TryGetInt32(out var given) && given > 0 ? given : 300;
                // Never slower than the count over its duration; the whole count may come at once, as it may with Defender.
                message["perMinute"] = (int)Math.Clamp(Math.Ceiling(count * 60.0 / seconds), 1, 60_000);
                message["burst"] = (int)Math.Clamp(count, 1, 10_000);
                return count is < 1 or > 10_000 ? $"{count} is beyond 1 to 10000; the nearest was taken" : null;
            case "aws:listening-tcp-ports" when by == "in-port-set":
                return Ports(value, into, metrics);
            case var _ when metric.StartsWith("aws:", StringComparison.Ordinal):
                return "not something a device's event says";
            default:
                return Custom(metric, by, value, metrics);
        }
    }

    private static string? Ports(JsonElement value, JsonObject into, JsonArray metrics)
    {
        if (!value.TryGetProperty("ports", out var ports) || ports.GetArrayLength() > 32) return "more than 32 ports";
        if (Named(metrics, "openPorts") is null) metrics.Add((JsonNode)new JsonObject { ["name"] = "openPorts", ["type"] = "string", ["bytesMax"] = 256 });
        var posture = into["posture"] as JsonObject ?? [];
        if (into["posture"] is null) into["posture"] = posture;
        posture["openPorts"] = new JsonObject { ["metric"] = "openPorts", ["allowed"] = JsonNode.Parse(ports.GetRawText()) };
        return null;
    }

    private static string? Custom(string name, string by, JsonElement value, JsonArray metrics)
    {
        if (!value.TryGetProperty("number", out var number) || number.ValueKind != JsonValueKind.Number) return "only a single number has a range";
        var limit = number.GetDouble();
        // A range is inclusive: the neighbouring double makes an exclusive bound exact.
        var (member, bound) = by switch
        {
            "less-than" => ("maximum", Math.BitDecrement(limit)),
            "less-than-equals" => ("maximum", limit),
            "greater-than" => ("minimum", Math.BitIncrement(limit)),
            "greater-than-equals" => ("minimum", limit),
            _ => ("", 0),
        };
        if (member.Length == 0) return $"{by} is no range";
        var metric = Named(metrics, name);
        if (metric is not null && metric["type"]?.GetValue<string>() is not ("number" or "integer")) return "the profile's metric of that name is no number";
        if (metric is null) metrics.Add((JsonNode)(metric = new JsonObject { ["name"] = name, ["type"] = "number" }));
        metric[member] = bound;
        return null;
    }

    private static JsonObject? Named(JsonArray metrics, string name) =>
        metrics.OfType<JsonObject>().FirstOrDefault(metric => metric["name"] is JsonValue value && value.TryGetValue(out string? text) && text == name);

    private static long? Most(string by, JsonElement value) =>
        !value.TryGetProperty("count", out var count) || !count.TryGetInt64(out var number) ? null
        : by switch { "less-than" => number - 1, "less-than-equals" => number, _ => null };

    private static bool Ignored(string metric, JsonProperty part) => part.Name switch
    {
        "consecutiveDatapointsToAlarm" or "consecutiveDatapointsToClear" => part.Value.ToString() != 1.ToString(CultureInfo.InvariantCulture),
        "durationSeconds" => metric != "aws:num-messages-sent",
        _ => false,
    };

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
