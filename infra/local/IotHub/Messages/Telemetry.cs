using Serverless.Faults;
using Serverless.Local.EventHubs;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Mqtt;

namespace Serverless.Local.IotHub.Messages;

/// <summary>Turns a device's message into a routed event: the hub's stamps are annotations, everything the device wrote is properties
/// or body. That split is the pipeline's only proof of who sent an event.</summary>
internal static class Telemetry
{
    /// <returns>The event, or <c>message-size</c>.</returns>
    public static Parsed<EventDraft> Stamp(Admission sender, PropertyBag bag, byte[] body, bool retain, bool will, DateTimeOffset now)
    {
        if (body.Length + bag.WireBytes > HubLimits.TelemetryBytesMax) return new Fault("message-size", "message");
        var annotations = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["iothub-connection-device-id"] = sender.Identity.DeviceId,
            ["iothub-connection-auth-generation-id"] = sender.Identity.GenerationId,
            ["iothub-connection-auth-method"] = sender.AuthMethod,
            ["iothub-enqueuedtime"] = now.UtcDateTime,
            ["iothub-message-source"] = "Telemetry",
        };
        if (bag.Subject is not null) annotations["dt-subject"] = bag.Subject; // the device's word, as on Azure
        if (retain) bag.Application["mqtt-retain"] = "true";
        if (will) bag.Application["iothub-MessageType"] = "Will";
        return new EventDraft(body, sender.Identity.DeviceId, annotations, bag.System, bag.Application);
    }
}
