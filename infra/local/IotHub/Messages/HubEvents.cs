using System.Globalization;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Messages;

/// <summary>The hub's own events (non-telemetry event schemas). Each is appended under the device's gate with the device id as
/// partition key, so a reader sees them in order with the device's telemetry.</summary>
/// <remarks>Azure sends connection events best-effort and may merge flaps; here each change is one event.</remarks>
internal sealed class HubEvents(IotHubOptions options, IEventRoute route, TimeProvider clock, HubCounters counters)
{
    private static readonly EventProperties Json = new(ContentType: "application/json", ContentEncoding: "utf-8");

    // Fixed for the hub's life, so that the counter alone makes numbers strictly increasing as strings.
    private readonly string _epoch = clock.GetUtcNow().UtcTicks.ToString("X16", CultureInfo.InvariantCulture);
    private long _sequence;
    private long _correlation;

    public void Connection(DeviceRecord device, bool connected)
    {
        device.ConnectionStateUpdatedAt = clock.GetUtcNow();
        if (!options.Events.HasFlag(HubEventSources.ConnectionState)) return;
        var number = $"{0:X16}{_epoch}{2:X8}{Interlocked.Increment(ref _sequence):X24}";
        Append(device, "deviceConnectionStateEvents", connected ? "deviceConnected" : "deviceDisconnected", "deviceConnectionStateNotification",
            new JsonObject { ["sequenceNumber"] = number });
    }

    public void Lifecycle(DeviceRecord device, bool created)
    {
        if (!options.Events.HasFlag(HubEventSources.Lifecycle)) return;
        Append(device, "deviceLifecycleEvents", created ? "createDeviceIdentity" : "deleteDeviceIdentity", "deviceLifecycleNotification", device.TwinEvent());
    }

    /// <summary>A patch landed.</summary>
    /// <param name="device">Whose.</param>
    /// <param name="tags">Tags as patched, or null.</param>
    /// <param name="desired">Desired properties as patched, or null.</param>
    /// <param name="reported">Reported properties as patched, or null.</param>
    public void TwinUpdated(DeviceRecord device, JsonObject? tags, JsonObject? desired, JsonObject? reported)
    {
        if (!options.Events.HasFlag(HubEventSources.TwinChange)) return;
        var body = new JsonObject { ["version"] = device.Twin.Version };
        if (tags is not null) body["tags"] = tags.DeepClone();
        var properties = new JsonObject();
        if (desired is not null) properties["desired"] = Versioned(desired, device.Twin.Desired.Version);
        if (reported is not null) properties["reported"] = Versioned(reported, device.Twin.Reported.Version);
        if (properties.Count > 0) body["properties"] = properties;
        Append(device, "twinChangeEvents", "updateTwin", "twinChangeNotification", body);
    }

    public void TwinReplaced(DeviceRecord device)
    {
        if (!options.Events.HasFlag(HubEventSources.TwinChange)) return;
        Append(device, "twinChangeEvents", "replaceTwin", "twinChangeNotification", device.TwinEvent());
    }

    private JsonObject Versioned(JsonObject patch, long version)
    {
        var section = (JsonObject)patch.DeepClone();
        section["$metadata"] = new JsonObject { ["$lastUpdated"] = HubTime.Text(clock.GetUtcNow()), ["$lastUpdatedVersion"] = version };
        section["$version"] = version;
        return section;
    }

    private void Append(DeviceRecord device, string source, string opType, string schema, JsonObject body)
    {
        var now = clock.GetUtcNow();
        var deviceId = device.Identity.DeviceId;
        route.Append(options.EventHub, new EventDraft(
            System.Text.Encoding.UTF8.GetBytes(body.ToJsonString()),
            deviceId,
            new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["iothub-connection-device-id"] = deviceId,
                ["iothub-enqueuedtime"] = now.UtcDateTime,
                ["iothub-message-source"] = source,
            },
            Json with { CorrelationId = $"{_epoch}-{Interlocked.Increment(ref _correlation):x}", UserId = options.Name },
            new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["hubName"] = options.Name,
                ["deviceId"] = deviceId,
                ["opType"] = opType,
                ["iothub-message-schema"] = schema,
                ["operationTimestamp"] = HubTime.Text(now),
            }));
        counters.Add("events." + opType);
    }
}
