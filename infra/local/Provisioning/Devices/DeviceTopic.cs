using Serverless.Faults;

namespace Serverless.Local.Provisioning.Devices;

/// <summary>What a device may publish to DPS, as its topic says.</summary>
/// <param name="RequestId">Goes back to the device only, so its text is its own affair.</param>
internal abstract record DeviceTopic(string RequestId)
{
    /// <summary>The one filter a device may subscribe to.</summary>
    public const string Answers = "$dps/registrations/res/#";

    private const string Put = "$dps/registrations/PUT/iotdps-register/?";
    private const string Get = "$dps/registrations/GET/iotdps-get-operationstatus/?";

    /// <summary>Reads a topic.</summary>
    /// <param name="topic">Untrusted.</param>
    /// <returns>Its meaning, or <c>topic-unknown</c>.</returns>
    public static Parsed<DeviceTopic> Parse(string topic)
    {
        var unknown = new Fault("topic-unknown", "topic");
        // MQTT 3.1.1 section 1.5.3: no NUL; U+FFFD is what ill-formed UTF-8 was decoded to. Wildcards would make the answer's topic illegal.
        if (topic.AsSpan().ContainsAny(['\0', '\uFFFD', '#', '+'])) return unknown;
        if (topic.StartsWith(Put, StringComparison.Ordinal)) return Field(topic[Put.Length..], "$rid") is { } put ? new RegisterTopic(put) : unknown;
        if (!topic.StartsWith(Get, StringComparison.Ordinal)) return unknown;
        var fields = topic[Get.Length..];
        return Field(fields, "$rid") is { } get && Field(fields, "operationId") is { Length: > 0 } operation ? new PollTopic(get, Uri.UnescapeDataString(operation)) : unknown;
    }

    // Each field once: of two spellings, nobody may check the one and use the other.
    private static string? Field(string fields, string name)
    {
        var found = fields.Split('&').Where(field => field.StartsWith(name + "=", StringComparison.Ordinal)).ToArray();
        return found.Length == 1 ? found[0][(name.Length + 1)..] : null;
    }
}

/// <summary><c>$dps/registrations/PUT/iotdps-register/?$rid={id}</c>.</summary>
internal sealed record RegisterTopic(string RequestId) : DeviceTopic(RequestId);

/// <summary><c>$dps/registrations/GET/iotdps-get-operationstatus/?$rid={id}&amp;operationId={id}</c>.</summary>
internal sealed record PollTopic(string RequestId, string OperationId) : DeviceTopic(RequestId);
