using System.Globalization;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Mqtt;

/// <summary>What a device may publish, as its topic says.</summary>
internal abstract record Topic
{
    private const string Twin = "$iothub/twin/";
    private const string MethodAnswer = "$iothub/methods/res/";

    /// <summary>Reads a topic published by a device.</summary>
    /// <param name="topic">Untrusted.</param>
    /// <param name="deviceId">Who published it: any other device's topic is foreign.</param>
    /// <returns>Its meaning, or <c>topic-unknown</c>.</returns>
    public static Parsed<Topic> Parse(string topic, string deviceId)
    {
        var unknown = new Fault("topic-unknown", "topic");
        // MQTT 3.1.1 section 1.5.3: no NUL; U+FFFD is what ill-formed UTF-8 was decoded to.
        if (topic.AsSpan().ContainsAny('\0', '\uFFFD')) return unknown;
        if (topic.StartsWith("devices/", StringComparison.Ordinal))
        {
            return OwnRest(topic, deviceId, "/messages/events") is { } bag && (bag.Length == 0 || bag[0] == '/')
                ? new TelemetryTopic(bag.TrimStart('/'))
                : unknown;
        }

        if (topic.StartsWith(Twin + "GET/", StringComparison.Ordinal)) return RequestId(topic) is { } get ? new TwinGetTopic(get) : unknown;
        if (topic.StartsWith(Twin + "PATCH/properties/reported/", StringComparison.Ordinal)) return RequestId(topic) is { } patch ? new TwinReportTopic(patch) : unknown;
        if (!topic.StartsWith(MethodAnswer, StringComparison.Ordinal)) return unknown;
        var end = topic.IndexOf('/', MethodAnswer.Length);
        return end > 0 && int.TryParse(topic.AsSpan(MethodAnswer.Length, end - MethodAnswer.Length), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var status)
            && RequestId(topic) is { } rid
            ? new MethodAnswerTopic(status, rid)
            : unknown;
    }

    /// <summary>The filters a device may subscribe to.</summary>
    /// <param name="filter">Untrusted.</param>
    /// <param name="deviceId">Who asks.</param>
    public static Channel? ChannelOf(string filter, string deviceId) => filter switch
    {
        "$iothub/twin/res/#" => Channel.TwinAnswers,
        "$iothub/twin/PATCH/properties/desired/#" => Channel.Desired,
        "$iothub/methods/POST/#" => Channel.Methods,
        _ => OwnRest(filter, deviceId, "/messages/devicebound") is "/#" or "/" ? Channel.Messages : null,
    };

    // An id may hold '#', '+' or '%', which a topic cannot or should not: SDKs encode it there or do not.
    private static string? OwnRest(string topic, string deviceId, string middle)
    {
        const string Prefix = "devices/";
        if (!topic.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var end = topic.IndexOf('/', Prefix.Length);
        if (end < 0 || string.CompareOrdinal(topic, end, middle, 0, middle.Length) != 0) return null;
        var id = topic[Prefix.Length..end];
        return id == deviceId || Uri.UnescapeDataString(id) == deviceId ? topic[(end + middle.Length)..] : null;
    }

    // "…/?$rid={id}", possibly among other parameters. The id goes back to the device only, so its text is its own affair.
    private static string? RequestId(string topic)
    {
        var query = topic.IndexOf("/?", StringComparison.Ordinal);
        return query < 0
            ? null
            : topic[(query + 2)..].Split('&').Where(field => field.StartsWith("$rid=", StringComparison.Ordinal)).Select(field => field[5..]).FirstOrDefault();
    }
}

/// <summary>What a device can listen to.</summary>
internal enum Channel
{
    Messages,
    TwinAnswers,
    Desired,
    Methods,
}

/// <summary><c>devices/{id}/messages/events/{properties}</c>.</summary>
internal sealed record TelemetryTopic(string Bag) : Topic;

/// <summary><c>$iothub/twin/GET/?$rid={id}</c>.</summary>
internal sealed record TwinGetTopic(string RequestId) : Topic;

/// <summary><c>$iothub/twin/PATCH/properties/reported/?$rid={id}</c>.</summary>
internal sealed record TwinReportTopic(string RequestId) : Topic;

/// <summary><c>$iothub/methods/res/{status}/?$rid={id}</c>.</summary>
internal sealed record MethodAnswerTopic(int Status, string RequestId) : Topic;
