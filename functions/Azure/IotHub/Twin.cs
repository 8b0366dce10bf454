using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.IotHub;

/// <summary>A device's twin.</summary>
public sealed record Twin
{
    /// <summary>The device's id.</summary>
    public required string DeviceId { get; init; }

    /// <summary>The version of tags and desired properties, without quotes.</summary>
    public string? ETag { get; init; }

    /// <summary>Counts changes.</summary>
    public long Version { get; init; }

    /// <summary>The identity's status as the twin store has it, maybe seconds behind; <see langword="null"/> when it says none.</summary>
    public HubDeviceStatus? Status { get; init; }

    /// <summary>How the device proves who it is, as far as the twin says.</summary>
    public HubCredential? Credential { get; init; }

    /// <summary>When it was last seen.</summary>
    public DateTimeOffset? LastActivityAt { get; init; }

    /// <summary>A JSON object written by the back end; undefined when a query left it out.</summary>
    public JsonElement Tags { get; init; }

    /// <summary>A JSON object written by the back end and read by the device; undefined when a query left it out.</summary>
    public JsonElement Desired { get; init; }

    /// <summary>A JSON object written by the <em>device</em>: untrusted. Undefined when a query left it out.</summary>
    public JsonElement Reported { get; init; }
}

/// <summary>What is written to a twin. With a patch <c>null</c> deletes a member; a replacement is the whole.</summary>
/// <param name="Tags">Tags, or <see langword="null"/> to leave them.</param>
/// <param name="Desired">Desired properties, or <see langword="null"/> to leave them.</param>
public sealed record TwinPatch(JsonObject? Tags, JsonObject? Desired);

/// <summary>A direct method call.</summary>
/// <param name="Name">The method, 1 to 100 characters.</param>
/// <param name="Payload">Its argument, at most 128 KiB as JSON; <see langword="null"/> for none.</param>
public sealed record MethodCall(string Name, JsonNode? Payload = null)
{
    /// <summary>How long the device may take, 5 to 300 whole seconds. Default 30 s.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for an offline device to connect, 0 to 300 whole seconds. Default 0: it must be online now.</summary>
    public TimeSpan ConnectTimeout { get; init; }
}

/// <summary>What a device answered to a method.</summary>
/// <param name="Status">The device's own status code.</param>
/// <param name="Payload">The device's own words: untrusted.</param>
public sealed record MethodAnswer(int Status, JsonElement Payload);
