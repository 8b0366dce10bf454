using System.Text;
using Serverless.Faults;
using Serverless.Hosting;
using Serverless.Telemetry.Alerts;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>Decides a partition's events one after the other: the verdict, and what follows from it.</summary>
/// <remarks>
/// A function of the events and the state alone. It reads no clock and does no I/O, and where one batch ends and the next begins
/// makes no difference, so whatever was decided before a crash is decided again the same way after it.
/// <para>Who sent an event is what the hub stamped on it, and what kind of event it is only annotation
/// <c>iothub-message-source</c> says: application properties and bodies are a device's to write.</para>
/// <para>Faults of its own: <c>stamp-missing</c> (no source or no device stamped), <c>stamp-length</c> (a device id over 128 bytes),
/// <c>source-unknown</c>, <c>twin-operation</c> (an operation the hub does not document), <c>connection-number</c> (a connection event without a
/// readable sequence number), <c>normalised-too-large</c> (over
/// <see cref="ValidatedEvent.BodyBytesMax"/> bytes once it is JSON), and those of <see cref="TwinTags.Parse"/>,
/// <see cref="HubEvent.Fault"/> and <see cref="Judge.Decide"/>. Not thread-safe.</para>
/// </remarks>
/// <param name="state">The partition's state, changed in place.</param>
/// <param name="source">Which partition of which hub.</param>
internal sealed class BatchRule(PartitionState state, EventBatchSource source)
{
    private readonly ScoreRule? _scores = state.Columns.OfType<ScoresColumn>().FirstOrDefault() is { } column
        ? new ScoreRule(state, column, state.Columns.OfType<ConnectsColumn>().Single(), source.PartitionId, SourceOf(source))
        : null;
    private readonly Judge _judge = new();
    private readonly Readings _readings = new();
    private readonly string _alertSource = SourceOf(source);
    private readonly string _partition = source.PartitionId;

    /// <summary>Decides one event.</summary>
    /// <param name="e">The event, newer than all before.</param>
    /// <param name="sequence">Its sequence number.</param>
    /// <param name="outcome">Takes in what follows.</param>
    /// <returns><see langword="null"/>, or the name of a profile that must be pinned first; then nothing was decided.</returns>
    public string? Decide(HubEvent e, long sequence, BatchOutcome outcome)
    {
        // Any event moves the partition's time, so that silence is noticed though nothing comes of the device that is silent.
        _scores?.Advance(e.EnqueuedAt, sequence, outcome);
        var system = e.System;
        var kind = system.Text(SystemProperty.MessageSource);
        var device = system.Text(SystemProperty.DeviceId);
        if (e.Fault is { } flaw) Stray(e, sequence, flaw with { Where = "event" }, outcome); // its place in this batch means nothing
        else if (kind.IsEmpty || device.IsEmpty) Stray(e, sequence, new Fault("stamp-missing", kind.IsEmpty ? "iothub-message-source" : "iothub-connection-device-id"), outcome);
        else if (device.Length > DeviceIds.IdBytesMax) Stray(e, sequence, new Fault("stamp-length", "iothub-connection-device-id"), outcome);
        else if (kind.SequenceEqual("Telemetry"u8)) return Telemetry(e, sequence, device, outcome);
        else if (kind.SequenceEqual("twinChangeEvents"u8) || kind.SequenceEqual("deviceLifecycleEvents"u8)) Twin(e, sequence, device, outcome);
        else if (kind.SequenceEqual("deviceConnectionStateEvents"u8)) Connection(e, sequence, device, outcome);
        else Stray(e, sequence, new Fault("source-unknown", "iothub-message-source"), outcome);
        return null;
    }

    private string? Telemetry(HubEvent e, long sequence, ReadOnlySpan<byte> device, BatchOutcome outcome)
    {
        var slot = state.Devices.FindOrAdd(device);
        var ended = state.Bindings.HasEnded(slot);
        var name = state.Names[state.Bindings[slot]];
        var pin = ProfilePin.Absent;
        if (!ended && name.Length != 0 && !state.Pins.TryGetValue(name, out pin)) return name;

        var judged = new TelemetryEvent
        {
            Body = e.Body.Span,
            ContentType = e.System.Text(SystemProperty.ContentType),
            ContentEncoding = e.System.Text(SystemProperty.ContentEncoding),
            DeviceId = device,
            IsEnded = ended,
            GenerationId = e.System.Text(SystemProperty.AuthGenerationId),
            AuthMethod = e.System.Text(SystemProperty.AuthMethod),
            EnqueuedAt = e.EnqueuedAt,
            SequenceNumber = sequence,
        };
        var verdict = _judge.Decide(judged, pin.Profile, ref state.Judged[slot], _readings);
        state.MarkChanged(slot);

        if (verdict.Accepted)
        {
            var start = outcome.Bodies.WrittenCount;
            _readings.Normalise(judged, pin.Profile!, outcome.Bodies);
            var length = outcome.Bodies.WrittenCount - start;
            if (length > ValidatedEvent.BodyBytesMax)
            {
                // CBOR text of control characters grows sixfold as JSON: no hub would take it, and it must not stop the partition.
                outcome.Refuse(_partition, Hour(e), sequence, e, new Fault("normalised-too-large", "body"), name);
            }
            else
            {
                outcome.Accept(new ValidatedEvent(
                    sequence, Encoding.UTF8.GetString(device), Encoding.UTF8.GetString(judged.GenerationId), name, e.EnqueuedAt,
                    verdict.Notes, verdict.Missing, start, length));
            }
        }
        else
        {
            outcome.Refuse(_partition, Hour(e), sequence, e, verdict.Fault!, name);
        }

        if (verdict.FaultAlertDue || verdict.AlertNotes != VerdictNotes.None) Alert(e, sequence, device, name, verdict, outcome);
        _scores?.Observe(slot, judged, verdict, pin.Profile, _readings, outcome);
        return null;
    }

    private void Alert(HubEvent e, long sequence, ReadOnlySpan<byte> device, string profile, in Verdict verdict, BatchOutcome outcome)
    {
        var alert = new Alert
        {
            Kind = AlertKind.EventsRefused,
            Source = _alertSource,
            Subject = Encoding.UTF8.GetString(device),
            At = e.EnqueuedAt,
            Partition = _partition,
            Sequence = sequence,
            Profile = profile,
        };
        foreach (var (note, kind) in AlertKind.Notes)
        {
            if ((verdict.AlertNotes & note) != 0) outcome.Raise(alert with { Kind = kind, Fault = verdict.Fault });
        }

        if (!verdict.FaultAlertDue) return;
        var refusal = (verdict.Notes & VerdictNotes.Spoofed) != 0 ? AlertKind.IdentitySpoofed
            : verdict.Fault!.Code == "identity-ended" ? AlertKind.ActivityAfterEnd
            : AlertKind.EventsRefused;
        outcome.Raise(alert with { Kind = refusal, Fault = verdict.Fault, Count = verdict.Unreported });
    }

    private void Twin(HubEvent e, long sequence, ReadOnlySpan<byte> device, BatchOutcome outcome)
    {
        var operation = e.Application.Text("opType"u8);
        if (operation.SequenceEqual("deleteDeviceIdentity"u8))
        {
            // What the verdicts remember stays: a device created again under this id is to be noticed, and the old one's
            // messages must not be replayed as its own.
            if (state.Devices.TryFind(device, out var slot))
            {
                Bind(device, "");
                _scores?.Rest(slot);
            }

            outcome.HubEvents++;
            return;
        }

        var patch = operation.SequenceEqual("updateTwin"u8);
        if (!patch && !operation.SequenceEqual("replaceTwin"u8) && !operation.SequenceEqual("createDeviceIdentity"u8))
        {
            Stray(e, sequence, new Fault("twin-operation", "opType"), outcome);
            return;
        }

        if (!TwinTags.Parse(e.Body.Span).TryGet(out var tags, out var fault))
        {
            // What the device's profile is now is not known. Judging by the one before would be a guess; refusing says so.
            if (fault.Code == "twin-profile") Bind(device, "");
            Stray(e, sequence, fault, outcome);
            return;
        }

        if (tags.Mentioned || !patch) Bind(device, tags.Profile);
        // A patch that does not mention it changes nothing; a whole twin without it is a living device's.
        if ((tags.Ended ?? (patch ? null : false)) is { } ended) End(device, ended);
        outcome.HubEvents++;
    }

    private void Connection(HubEvent e, long sequence, ReadOnlySpan<byte> device, BatchOutcome outcome)
    {
        if (!ConnectionNumber.Parse(e.Body.Span).TryGet(out var number, out var fault))
        {
            Stray(e, sequence, fault, outcome);
            return;
        }

        // A disconnect stands before every connect but the first; a module's connects are not its device's.
        var counts = e.Application.Text("opType"u8).SequenceEqual("deviceConnected"u8) && e.Application.Text("moduleId"u8).IsEmpty;
        if (counts) _scores?.Connected(state.Devices.FindOrAdd(device), number, e.EnqueuedAt, sequence, outcome);
        outcome.HubEvents++;
    }

    private static string SourceOf(EventBatchSource source) => $"/hubs/{source.Hub}/partitions/{source.PartitionId}";

    private void End(ReadOnlySpan<byte> device, bool ended)
    {
        var slot = state.Devices.FindOrAdd(device);
        state.Bindings.End(slot, ended);
        if (ended) _scores?.Rest(slot);
        state.MarkChanged(slot);
    }

    private void Bind(ReadOnlySpan<byte> device, string profile)
    {
        var slot = state.Devices.FindOrAdd(device);
        state.Bindings[slot] = state.Names.Number(profile);
        state.MarkChanged(slot);
    }

    private void Stray(HubEvent e, long sequence, Fault fault, BatchOutcome outcome)
    {
        outcome.Refuse(_partition, Hour(e), sequence, e, fault, "");
        var count = state.Strays.Count(fault.Code, e.EnqueuedAt);
        if (count == 0) return;
        var device = e.System.Text(SystemProperty.DeviceId);
        outcome.Raise(new Alert
        {
            Kind = AlertKind.StrayRefused,
            Source = _alertSource,
            Subject = device.Length is 0 or > DeviceIds.IdBytesMax ? "" : Encoding.UTF8.GetString(device),
            At = e.EnqueuedAt,
            Partition = _partition,
            Sequence = sequence,
            Fault = fault,
            Count = count,
        });
    }

    // The hub's stamps may step back a little when a broker fails over; the blob of an hour that is over is not written again.
    private long Hour(HubEvent e)
    {
        var hour = Math.Max(0, (e.EnqueuedAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerHour);
        return state.RejectedHour = Math.Max(state.RejectedHour, hour);
    }
}
