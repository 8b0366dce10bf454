namespace Serverless.Telemetry.Validation;

/// <summary>What a profile says of whole messages. Immutable.</summary>
public sealed record MessageRules
{
    /// <summary>The most an IoT Hub message may have, in bytes: no profile allows more.</summary>
    public const int WireBytesMax = 262_144;

    /// <summary>Largest body, in bytes, after any decoding; 2 to 262,144.</summary>
    public required int BytesMax { get; init; }

    /// <summary>Messages a minute over the long run; 1 to 60,000.</summary>
    public required int PerMinute { get; init; }

    /// <summary>Messages that may come at once after silence; 1 to 10,000.</summary>
    public required int Burst { get; init; }

    /// <summary>How far a device's clock may be ahead of the hub's; 0 to 1 day.</summary>
    public required TimeSpan ClockSkew { get; init; }

    /// <summary>How long after it was sent an event may still arrive; from the clock skew to 365 days.</summary>
    public required TimeSpan Late { get; init; }

    /// <summary>Whether <c>application/json</c> is allowed.</summary>
    public required bool Json { get; init; }

    /// <summary>Whether <c>application/cbor</c> is allowed.</summary>
    public required bool Cbor { get; init; }

    /// <summary>What becomes of metrics the profile does not know.</summary>
    public required UnknownMetrics UnknownMetrics { get; init; }
}
