using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Judges events: the order of checks is the order of <see cref="Decide"/>, and the first fault is the verdict.</summary>
/// <remarks>Pure but for caches that change no verdict (the last authentication stamps, inflate tables). Not thread-safe: one a
/// partition. In the steady state it allocates nothing.</remarks>
public sealed class Judge
{
    private readonly Stamps _stamps = new();
    private Inflater? _inflater;

    /// <summary>Judges one event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="profile">The device's profile, or <see langword="null"/> when none is known: then the event is refused, if for
    /// nothing earlier then with <c>profile-unknown</c>.</param>
    /// <param name="state">The device's state. A refused event changes only what alerts need and the generation; an accepted one
    /// moves the windows, the rate and the last values.</param>
    /// <param name="readings">Filled with what the event said; see there for how long it holds.</param>
    /// <returns>The verdict. Every code and its path is in the README's table.</returns>
    public Verdict Decide(in TelemetryEvent e, Profile? profile, ref DeviceState state, Readings readings)
    {
        ArgumentNullException.ThrowIfNull(readings);
        readings.Clear();
        var notes = _stamps.Of(e.AuthMethod);
        // The stamps are the hub's and are judged whatever the device wrote: a refusal must not hide them.
        if (state.Arrive(e.GenerationId, e.EnqueuedAt.UtcTicks)) notes |= VerdictNotes.GenerationChanged;

        var fault = Ended(e)
            ?? Frame(e, profile, readings)
            ?? Envelope.Check(readings, readings.Payload(e))
            ?? Identity(e, readings)
            ?? (profile is null ? MessageFaults.ProfileUnknown : MetricRules.CheckAll(profile, readings, readings.Payload(e)));
        long missing = 0;
        if (fault is null) fault = state.Admit(e.EnqueuedAt.UtcTicks, profile!, readings, readings.MessageId(e), ref notes, out missing);

        if (fault is null)
        {
            if (readings.UnknownMetrics > 0) notes |= VerdictNotes.UnknownDropped;
            notes |= Posture.Check(profile!.Posture, readings, readings.Payload(e));
        }
        else if (ReferenceEquals(fault, MessageFaults.IdentitySpoofed))
        {
            notes |= VerdictNotes.Spoofed;
        }

        var verdict = new Verdict(fault, notes, missing);
        return fault is null && (notes & VerdictNotes.Alerting) == 0 ? verdict : state.Report(verdict, e.EnqueuedAt.UtcTicks);
    }

    private static Fault? Ended(in TelemetryEvent e) => e.IsEnded ? MessageFaults.IdentityEnded : null;

    /// <summary>Size, content type, encoding, well-formedness.</summary>
    private Fault? Frame(in TelemetryEvent e, Profile? profile, Readings readings)
    {
        var bytesMax = profile?.Message.BytesMax ?? MessageRules.WireBytesMax;
        if (e.Body.IsEmpty) return MessageFaults.Empty;
        if (e.Body.Length > bytesMax) return MessageFaults.TooLarge;

        var type = ContentLabels.Type(e.ContentType);
        if (type == ContentLabel.Missing) return MessageFaults.ContentTypeMissing;
        if (type == ContentLabel.Unsupported) return MessageFaults.ContentTypeUnsupported;
        if (profile is not null && !(type == ContentLabel.Json ? profile.Message.Json : profile.Message.Cbor))
            return MessageFaults.ContentTypeNotAllowed;

        var encoding = ContentLabels.Encoding(e.ContentEncoding);
        if (encoding == ContentLabel.Unsupported) return MessageFaults.ContentEncodingUnsupported;
        if (encoding == ContentLabel.Gzip)
        {
            _inflater ??= new Inflater();
            var length = Gzip.Inflate(e.Body, readings.InflateInto(bytesMax), _inflater, out var fault);
            if (fault is not null) return fault;
            readings.Inflated(length);
        }

        var payload = readings.Payload(e);
        return type == ContentLabel.Json
            ? JsonScanner.Scan(payload, readings, profile?.Names)
            : CborScanner.Scan(payload, readings, profile?.Names);
    }

    private static Fault? Identity(in TelemetryEvent e, Readings readings)
    {
        if (e.DeviceId.IsEmpty) return MessageFaults.IdentityMissing;
        if (readings.DeviceIdItem.Kind == ItemKind.None) return null;
        return readings.Text(readings.DeviceIdItem, readings.Payload(e)).SequenceEqual(e.DeviceId) ? null : MessageFaults.IdentitySpoofed;
    }
}
