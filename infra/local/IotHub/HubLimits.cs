namespace Serverless.Local.IotHub;

/// <summary>The documented limits of a standard-tier hub (Azure IoT Hub quotas and throttling; MQTT connection guide).</summary>
public static class HubLimits
{
    /// <summary>A device-to-cloud message: body and properties, bytes.</summary>
    public const int TelemetryBytesMax = 256 * 1024;

    /// <summary>The largest MQTT packet read after CONNECT: a full message plus the topic's own limit of 64 KiB and headers.</summary>
    public const int PacketBytesMax = TelemetryBytesMax + (64 * 1024) + 16;

    /// <summary>The largest CONNECT: id, user name, SAS token and a will of up to 64 KiB. The only bytes an unknown peer can make us
    /// hold.</summary>
    public const int ConnectBytesMax = 72 * 1024;

    /// <summary>Topic filters one device may hold.</summary>
    public const int SubscriptionsMax = 5;

    /// <summary>Longest silence the server allows whatever the client asked for: 1.5 times 1177 s, as documented.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(1767);

    /// <summary>Cloud-to-device message body and properties, bytes.</summary>
    public const int CloudToDeviceBytesMax = 64 * 1024;

    /// <summary>Messages waiting for one device, those in flight included.</summary>
    public const int CloudToDeviceQueueMax = 50;

    /// <summary>Deliveries tried before a message is dead.</summary>
    public const int CloudToDeviceDeliveriesMax = 10;

    /// <summary>How long a cloud-to-device message waits when it names no expiry.</summary>
    public static readonly TimeSpan CloudToDeviceTimeToLive = TimeSpan.FromHours(1);

    /// <summary>Direct method payload, either way, bytes.</summary>
    public const int MethodBytesMax = 128 * 1024;

    /// <summary>Twin tags, bytes of compact JSON.</summary>
    public const int TagsBytesMax = 8 * 1024;

    /// <summary>Desired, and likewise reported, properties, bytes of compact JSON.</summary>
    public const int PropertiesBytesMax = 32 * 1024;

    /// <summary>Nesting of a twin section.</summary>
    public const int TwinDepthMax = 10;

    /// <summary>A twin's string value, bytes of UTF-8.</summary>
    public const int TwinStringBytesMax = 4096;

    /// <summary>A twin's member name, bytes of UTF-8.</summary>
    public const int TwinKeyBytesMax = 1024;

    /// <summary>Devices in one bulk request.</summary>
    public const int BulkMax = 100;

    /// <summary>A status reason, characters.</summary>
    public const int StatusReasonMax = 128;
}
