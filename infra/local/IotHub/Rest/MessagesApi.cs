using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Messages;

namespace Serverless.Local.IotHub.Rest;

/// <summary>Messages to devices over HTTPS. (Microsoft's service SDKs send them over AMQP, which is not offered here.)</summary>
internal sealed class MessagesApi(Hub hub)
{
    private const string AppPrefix = "iothub-app-";

    /// <summary>POST /messages/deviceBound: the header <c>iothub-to</c> names the device, the body is the message.</summary>
    /// <returns>204, or <c>argument-invalid</c>, <c>message-size</c>, <c>device-not-found</c>, <c>queue-full</c>.</returns>
    public async Task<Parsed<HubReply>> Send(HttpContext http)
    {
        if (DeviceOf(http.Request.Headers["iothub-to"].ToString()) is not { } deviceId) return new Fault("argument-invalid", "iothub-to");
        var now = hub.Clock.GetUtcNow();
        var expiry = now + HubLimits.CloudToDeviceTimeToLive;
        var asked = http.Request.Headers["iothub-expiry"].ToString();
        if (asked.Length > 0 && !DateTimeOffset.TryParse(asked, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out expiry)) return new Fault("argument-invalid", "iothub-expiry");
        var body = await http.Body().ConfigureAwait(false);
        var properties = Properties(http.Request.Headers, deviceId);
        if (body.Length + properties.Sum(pair => pair.Key.Length + pair.Value.Length) > HubLimits.CloudToDeviceBytesMax) return new Fault("message-size", "body");
        if (!hub.Registry.TryFind(deviceId, out var device)) return new Fault("device-not-found", "iothub-to");
        lock (device.Gate)
        {
            if (!device.Queue.TryEnqueue(new CloudToDeviceMessage(body, properties, expiry))) return new Fault("queue-full", "iothub-to");
            hub.Counters.Add("c2d.enqueued");
            device.Session?.DeliverQueue();
        }

        return HubReply.Empty;
    }

    /// <summary>DELETE /devices/{id}/commands: empties a device's queue.</summary>
    public Task<Parsed<HubReply>> Purge(HttpContext http)
    {
        if (!hub.Registry.TryFind(http.Id(), out var device)) return Task.FromResult<Parsed<HubReply>>(new Fault("device-not-found", "deviceId"));
        int purged;
        lock (device.Gate) purged = device.Queue.Purge();
        return Task.FromResult<Parsed<HubReply>>(new HubReply(new JsonObject { ["totalMessagesPurged"] = purged, ["deviceId"] = http.Id(), ["moduleId"] = null }));
    }

    private static string? DeviceOf(string to)
    {
        var parts = to.Split('/');
        return parts.Length == 5 && parts[0].Length == 0 && parts[1] == "devices" && parts[3] == "messages" && parts[4].Equals("deviceBound", StringComparison.OrdinalIgnoreCase)
            ? Uri.UnescapeDataString(parts[2])
            : null;
    }

    private static List<KeyValuePair<string, string>> Properties(IHeaderDictionary headers, string deviceId)
    {
        var properties = new List<KeyValuePair<string, string>> { new("$.to", $"/devices/{deviceId}/messages/devicebound") };
        foreach (var (header, name) in new[]
        {
            ("iothub-messageid", "$.mid"), ("iothub-correlationid", "$.cid"), ("iothub-userid", "$.uid"), ("Content-Type", "$.ct"), ("iothub-contentencoding", "$.ce"), ("iothub-ack", "iothub-ack"),
        })
        {
            if (headers[header].ToString() is { Length: > 0 } value) properties.Add(new(name, value));
        }

        properties.AddRange(headers
            .Where(header => header.Key.StartsWith(AppPrefix, StringComparison.OrdinalIgnoreCase))
            .Select(header => new KeyValuePair<string, string>(header.Key[AppPrefix.Length..], header.Value.ToString())));
        return properties;
    }
}
