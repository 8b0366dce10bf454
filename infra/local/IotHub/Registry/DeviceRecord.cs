using System.Text.Json.Nodes;
using Serverless.Local.IotHub.Messages;

namespace Serverless.Local.IotHub.Registry;

/// <summary>Everything the hub knows of one device. Every member is read and written under <see cref="Gate"/>, and the device's events
/// are appended under it too: that is what makes "disabled" and "deleted" final and keeps events in the order of their causes.</summary>
internal sealed class DeviceRecord(DeviceIdentity identity)
{
    public Lock Gate { get; } = new();

    public DeviceIdentity Identity { get; set; } = identity;

    public Twin Twin { get; } = new();

    /// <summary>Set once; a record out of the registry stays dead for whoever still holds it.</summary>
    public bool Deleted { get; set; }

    public ILiveSession? Session { get; set; }

    /// <summary>Topic filters (and granted QoS) kept for a client that connects with clean session off.</summary>
    public Dictionary<string, int> KeptSubscriptions { get; } = new(StringComparer.Ordinal);

    public CloudToDeviceQueue Queue { get; } = new();

    public DateTimeOffset? ConnectionStateUpdatedAt { get; set; }

    public DateTimeOffset? LastActivityAt { get; set; }

    /// <summary>Completes when the device next connects or subscribes: what a method call with a connect timeout waits for.</summary>
    public TaskCompletionSource Reachable { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string ConnectionState => Session is null ? "Disconnected" : "Connected";

    /// <summary>Wakes who waits for the device; the next to wait waits for the next time.</summary>
    public void SignalReachable()
    {
        Reachable.TrySetResult();
        Reachable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public JsonObject DeviceDocument() => new()
    {
        ["deviceId"] = Identity.DeviceId,
        ["generationId"] = Identity.GenerationId,
        ["etag"] = Identity.ETag,
        ["connectionState"] = ConnectionState,
        ["status"] = StatusText,
        ["statusReason"] = Identity.StatusReason,
        ["connectionStateUpdatedTime"] = HubTime.Text(ConnectionStateUpdatedAt),
        ["statusUpdatedTime"] = HubTime.Text(Identity.StatusUpdatedAt),
        ["lastActivityTime"] = HubTime.Text(LastActivityAt),
        ["cloudToDeviceMessageCount"] = Queue.Count,
        ["authentication"] = new JsonObject
        {
            ["symmetricKey"] = new JsonObject { ["primaryKey"] = Identity.Credentials.PrimaryKey, ["secondaryKey"] = Identity.Credentials.SecondaryKey },
            ["x509Thumbprint"] = Thumbprints(),
            ["type"] = TypeText,
        },
        ["capabilities"] = new JsonObject { ["iotEdge"] = Identity.IotEdge },
    };

    /// <summary>The twin as the service API shows it: keys never, thumbprints yes.</summary>
    public JsonObject TwinDocument() => new()
    {
        ["deviceId"] = Identity.DeviceId,
        ["etag"] = Twin.ETag,
        ["deviceEtag"] = Identity.ETag,
        ["status"] = StatusText,
        ["statusReason"] = Identity.StatusReason,
        ["statusUpdateTime"] = HubTime.Text(Identity.StatusUpdatedAt),
        ["connectionState"] = ConnectionState,
        ["lastActivityTime"] = HubTime.Text(LastActivityAt),
        ["cloudToDeviceMessageCount"] = Queue.Count,
        ["authenticationType"] = TypeText,
        ["x509Thumbprint"] = Thumbprints(),
        ["version"] = Twin.Version,
        ["tags"] = Twin.Tags.Values,
        ["properties"] = new JsonObject { ["desired"] = Twin.Desired.Document(metadata: true), ["reported"] = Twin.Reported.Document(metadata: true) },
        ["capabilities"] = new JsonObject { ["iotEdge"] = Identity.IotEdge },
    };

    /// <summary>The twin as lifecycle and replace events show it: no registry state.</summary>
    public JsonObject TwinEvent() => new()
    {
        ["deviceId"] = Identity.DeviceId,
        ["etag"] = Twin.ETag,
        ["version"] = Twin.Version,
        ["tags"] = Twin.Tags.Values,
        ["properties"] = new JsonObject { ["desired"] = Twin.Desired.Document(metadata: true), ["reported"] = Twin.Reported.Document(metadata: true) },
    };

    public string StatusText => Identity.Status == DeviceStatus.Enabled ? "enabled" : "disabled";

    private string TypeText => Identity.Credentials.Type switch
    {
        AuthenticationType.Sas => "sas",
        AuthenticationType.SelfSigned => "selfSigned",
        AuthenticationType.CertificateAuthority => "certificateAuthority",
        _ => "none",
    };

    private JsonObject Thumbprints() => new()
    {
        ["primaryThumbprint"] = Identity.Credentials.PrimaryThumbprint,
        ["secondaryThumbprint"] = Identity.Credentials.SecondaryThumbprint,
    };
}
