namespace Serverless.Telemetry.Validation;

/// <summary>One event as the hub delivered it: the device's raw bytes, and beside them what the hub stamped.</summary>
/// <remarks>Every span belongs to the caller and must outlive the call it is passed to. Trust: <see cref="DeviceId"/>,
/// <see cref="GenerationId"/>, <see cref="AuthMethod"/>, <see cref="EnqueuedAt"/> and <see cref="SequenceNumber"/> are the
/// hub's, <see cref="IsEnded"/> is the back end's; <see cref="Body"/>, <see cref="ContentType"/> and <see cref="ContentEncoding"/> are the device's, so hostile.</remarks>
public readonly ref struct TelemetryEvent
{
    /// <summary>The body, at most 262,144 bytes after any decoding.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>The AMQP content-type property, UTF-8; empty when the device set none.</summary>
    public ReadOnlySpan<byte> ContentType { get; init; }

    /// <summary>The AMQP content-encoding property, UTF-8; empty when the device set none.</summary>
    public ReadOnlySpan<byte> ContentEncoding { get; init; }

    /// <summary>Annotation <c>iothub-connection-device-id</c>, UTF-8, 1 to 128 bytes: the only name an event has.</summary>
    public ReadOnlySpan<byte> DeviceId { get; init; }

    /// <summary>Whether the back end has ended the device, by what its twin says: then nothing it sends is data any more.</summary>
    public bool IsEnded { get; init; }

    /// <summary>Annotation <c>iothub-connection-auth-generation-id</c>: changes when an id is deleted and created again.</summary>
    public ReadOnlySpan<byte> GenerationId { get; init; }

    /// <summary>Annotation <c>iothub-connection-auth-method</c>: a string of JSON, <c>{"scope":"device","type":"x509",…}</c>.</summary>
    public ReadOnlySpan<byte> AuthMethod { get; init; }

    /// <summary>When the hub took the event in: the event time of every rule here. UTC.</summary>
    public DateTimeOffset EnqueuedAt { get; init; }

    /// <summary>The event's sequence number in its partition. No rule here reads it (fencing a batch delivered twice is the
    /// ingest's); it travels with the event so that a refusal can name it.</summary>
    public long SequenceNumber { get; init; }
}
