namespace Serverless.Hosting;

/// <summary>Names of the system properties the pipeline reads (Azure IoT Hub, "Create and read messages"; AMQP 1.0 section 3.2.4),
/// as UTF-8 for <see cref="EventProperties.TryGet"/>.</summary>
public static class SystemProperty
{
    /// <summary>Stamped by IoT Hub: which device was connected. The only name of a device that counts.</summary>
    public static ReadOnlySpan<byte> DeviceId => "iothub-connection-device-id"u8;

    /// <summary>Stamped by IoT Hub: which module of the device, if any.</summary>
    public static ReadOnlySpan<byte> ModuleId => "iothub-connection-module-id"u8;

    /// <summary>Stamped by IoT Hub: tells a device from a later one of the same id.</summary>
    public static ReadOnlySpan<byte> AuthGenerationId => "iothub-connection-auth-generation-id"u8;

    /// <summary>Stamped by IoT Hub: a string of JSON with scope, type and issuer of the credential. Scope <c>hub</c> is a key of the
    /// hub acting as the device.</summary>
    public static ReadOnlySpan<byte> AuthMethod => "iothub-connection-auth-method"u8;

    /// <summary>Stamped by IoT Hub: <c>Telemetry</c>, or which kind of event of the hub itself.</summary>
    public static ReadOnlySpan<byte> MessageSource => "iothub-message-source"u8;

    /// <summary>Stamped by IoT Hub: when it took the message; a number or a date string.</summary>
    public static ReadOnlySpan<byte> EnqueuedTime => "iothub-enqueuedtime"u8;

    /// <summary>The sender's: media type of the body.</summary>
    public static ReadOnlySpan<byte> ContentType => "content-type"u8;

    /// <summary>The sender's: encoding of the body.</summary>
    public static ReadOnlySpan<byte> ContentEncoding => "content-encoding"u8;

    /// <summary>The sender's: message id.</summary>
    public static ReadOnlySpan<byte> MessageId => "message-id"u8;

    /// <summary>The sender's: correlation id.</summary>
    public static ReadOnlySpan<byte> CorrelationId => "correlation-id"u8;

    /// <summary>The sender's: user id.</summary>
    public static ReadOnlySpan<byte> UserId => "user-id"u8;
}
