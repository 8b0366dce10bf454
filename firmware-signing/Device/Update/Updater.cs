using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device.Update;

/// <summary>Numbers a product may choose.</summary>
/// <param name="ConfirmWithin">From start on the new image to its confirmation; then the device goes back by itself.</param>
/// <param name="CheckpointBytes">Bytes between two durable checkpoints of a download: what a cut may cost to fetch again, against flash wear.</param>
/// <param name="TriesMax">Times a slot is tried when the power goes in between, before the release is given up.</param>
public sealed record UpdaterLimits(TimeSpan ConfirmWithin, int CheckpointBytes, int TriesMax)
{
    /// <summary>10 minutes, 4 MiB, 3 tries.</summary>
    public static UpdaterLimits Default { get; } = new(TimeSpan.FromMinutes(10), 4 * 1024 * 1024, 3);
}

/// <summary>The device-side updater: two slots, one record, one transition table (FORMAT.md 7).</summary>
/// <remarks>
/// Reports of failure carry <c>target-hash</c>, <c>slot-corrupt</c>, <c>confirm-deadline</c> (the new image never confirmed itself),
/// <c>boot-fell-back</c> (every try ended in the old image), or the new image's own reason.
/// Every step first makes its intent durable in the record, then acts; <see cref="Start"/> reconciles the record with the slot the
/// boot loader really chose. A power cut at any write therefore leaves a device that boots, and a record that tells the truth.
/// The image in the running slot is never written. Not thread-safe: one updater process a device.
/// </remarks>
public sealed class Updater
{
    private const string RecordFile = "update.json";

    private readonly IFiles _files;
    private readonly ISlots _slots;
    private readonly IBoot _boot;
    private readonly IPreconditions _preconditions;
    private readonly DeviceIdentity _identity;
    private readonly UpdaterLimits _limits;
    private readonly TimeProvider _clock;
    private long _trialBegan;

    /// <summary>Wires the updater; call <see cref="Start"/> before anything else.</summary>
    /// <param name="files">Where the record lies; shared by both images.</param>
    /// <param name="slots">The slots.</param>
    /// <param name="boot">The boot loader.</param>
    /// <param name="preconditions">The product's demands.</param>
    /// <param name="identity">What this device is.</param>
    /// <param name="limits">Numbers.</param>
    /// <param name="clock">Measures the trial; only its monotonic time is used, for a device may boot without knowing the date.</param>
    /// <param name="runningSvn">Security version of the running image, from the image itself: the floor when the record is lost.</param>
    public Updater(IFiles files, ISlots slots, IBoot boot, IPreconditions preconditions, DeviceIdentity identity, UpdaterLimits limits, TimeProvider clock, int runningSvn)
    {
        (_files, _slots, _boot, _preconditions) = (files, slots, boot, preconditions);
        (_identity, _limits, _clock) = (identity, limits, clock);
        Record = UpdateRecord.Fresh(runningSvn);
    }

    /// <summary>The present record.</summary>
    public UpdateRecord Record { get; private set; }

    /// <summary>The report to deliver, until <see cref="Delivered"/>; delivery is at least once.</summary>
    public UpdateReport? Report => Record.Report;

    /// <summary>Reads the record and reconciles it with where the device came up. Call once, right after boot.</summary>
    public void Start()
    {
        var floor = Record.MinimumSvn;
        if (_files.Read(RecordFile, UpdateRecord.WireBytesMax) is { } stored && UpdateRecord.Read(stored).TryGet(out var record, out _)) Record = record;
        // A lost or damaged record must not lower the bar: the running image was once judged, so nothing older than it is needed.
        // On trial the running image's own number does not count yet, or going back would be refused.
        if (Record.Stage is UpdateStage.Idle or UpdateStage.Downloading or UpdateStage.Ready && floor > Record.MinimumSvn) Record = Record with { MinimumSvn = floor };
        if (Record.Stage is not (UpdateStage.Armed or UpdateStage.Trial or UpdateStage.Committing)) return;
        if (_boot.Running == Record.Target) CameUpNew();
        else CameUpOld();
    }

    /// <summary>Considers a release found in refreshed metadata.</summary>
    /// <param name="name">Target name.</param>
    /// <param name="file">Its trusted entry.</param>
    /// <returns>Nothing when it is now, or already was, the update under way; <c>update-busy</c> while an image is on trial, <c>update-svn</c> and
    /// the other faults of <see cref="DeviceIdentity.Judge"/>. A refusal changes nothing.</returns>
    public Fault? Offer(string name, TargetFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (Record.Stage is UpdateStage.Armed or UpdateStage.Trial or UpdateStage.Committing) return new Fault("update-busy", "stage");
        if (!_identity.Judge(name, file, _slots.CapacityBytes, Record.MinimumSvn).TryGet(out var release, out var fault)) return fault;
        if (Record.Subject is { } current && current.Name == name && current.File.Hashes == file.Hashes) return null; // resume it
        var other = _boot.Running == Slot.A ? Slot.B : Slot.A;
        Save(Moved(UpdateEvent.Offered) with
        {
            Subject = new UpdateSubject(name, file with { Custom = null }, release.Version, release.Svn),
            Target = other,
            DurableBytes = 0,
            Tries = 0,
            Reason = "",
        });
        return null;
    }

    /// <summary>Fetches what is missing of the image, checking its digest on the way.</summary>
    /// <param name="fetch">The network.</param>
    /// <param name="address">Where the image is; not trusted.</param>
    /// <param name="cancel">The caller's patience; progress up to the last checkpoint is kept.</param>
    /// <returns>Nothing when the slot holds the verified image; <c>target-hash</c> (swapped or corrupted: given up, reported), or a
    /// fault of <see cref="BoundedFetch.ReadRest"/> (the download may be taken up again).</returns>
    /// <exception cref="HttpRequestException">An outage; likewise.</exception>
    public async Task<Fault?> Download(BoundedFetch fetch, Uri address, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(fetch);
        if (Record.Stage == UpdateStage.Ready) return null;
        var subject = SubjectAt(UpdateStage.Downloading);
        using var digest = new StreamDigest(subject.File.Hashes);
        HashSlot(digest, Record.DurableBytes); // what an earlier run flushed
        var at = Record.DurableBytes;
        if (at < subject.File.Length)
        {
            var fault = await fetch.ReadRest(address, at, subject.File.Length, chunk =>
            {
                digest.Append(chunk.Span);
                _slots.Write(Record.Target, at, chunk.Span);
                at += chunk.Length;
                if (at - Record.DurableBytes >= _limits.CheckpointBytes) Checkpoint(at);
                return null;
            }, cancel).ConfigureAwait(false);
            if (fault is not null)
            {
                if (at > Record.DurableBytes) Checkpoint(at);
                return fault;
            }
            Checkpoint(at);
        }
        if (!digest.Matches()) return Abandon("target-hash");
        Save(Moved(UpdateEvent.Verified));
        return null;
    }

    /// <summary>Arms the new slot and restarts into it.</summary>
    /// <returns>Nothing when the restart was asked for; the product's fault when its preconditions do not hold (ask again later), or
    /// <c>slot-corrupt</c> (the slot no longer holds the image: given up, reported).</returns>
    public Fault? Activate()
    {
        var subject = SubjectAt(UpdateStage.Ready);
        if (_preconditions.Refuse() is { } notNow) return notNow;
        // What boots is what is in the slot now, not what once streamed by.
        using var digest = new StreamDigest(subject.File.Hashes);
        HashSlot(digest, subject.File.Length);
        if (!digest.Matches()) return Abandon("slot-corrupt");
        Save(Moved(UpdateEvent.Activated) with { Tries = Record.Tries + 1 }); // cut here: the old slot boots, and the try counts
        _boot.TryOnce(Record.Target); // cut here: the new slot boots
        _boot.Restart();
        return null;
    }

    /// <summary>The new image found itself healthy: keep it, then raise the minimum.</summary>
    /// <exception cref="InvalidOperationException">No image is on trial.</exception>
    public void Confirm()
    {
        _ = SubjectAt(UpdateStage.Trial);
        Save(Moved(UpdateEvent.Confirmed)); // cut here: the old slot boots, and the image is tried again
        Commit();
    }

    /// <summary>Ends a trial that ran out of time: call regularly, and from a watchdog.</summary>
    /// <returns>Whether the device is going back to the old image.</returns>
    public bool Tick()
    {
        if (Record.Stage != UpdateStage.Trial || _clock.GetElapsedTime(_trialBegan) < _limits.ConfirmWithin) return false;
        Reject("confirm-deadline");
        return true;
    }

    /// <summary>The new image found itself unhealthy: go back at once.</summary>
    /// <param name="reason">Fault code for the report.</param>
    public void Reject(string reason)
    {
        _ = SubjectAt(UpdateStage.Trial);
        Save(Record with { Reason = reason }); // so that the old image reports why, and does not try again
        _boot.Restart(); // the loader's one try is used up: it starts the kept slot
    }

    /// <summary>The report reached the fleet.</summary>
    /// <param name="sequence">Of the report delivered.</param>
    public void Delivered(long sequence)
    {
        if (Record.Report?.Sequence == sequence) Save(Record with { Report = null });
    }

    private void CameUpNew()
    {
        var committing = Record.Stage == UpdateStage.Committing;
        Save(Moved(UpdateEvent.BootedNew));
        if (committing) Commit();
        else _trialBegan = _clock.GetTimestamp();
    }

    // The loader fell back, or power went before it was told. Only an image that was rejected, or used up its tries, is given up.
    private void CameUpOld()
    {
        if (Record.Reason.Length > 0) _ = Abandon(Record.Reason);
        else if (Record.Tries >= _limits.TriesMax) _ = Abandon("boot-fell-back");
        else Save(Moved(UpdateEvent.BootedOld));
    }

    private void Commit()
    {
        _boot.Keep(Record.Target); // cut here: the new slot boots, still committing, and this runs again
        var subject = Record.Subject!;
        var report = new UpdateReport(Record.LastSequence + 1, UpdateOutcome.Succeeded, subject.Name, subject.Version, "");
        // One file, one instant: finished, reported, and older images refused from now on. Not earlier: going back needed the old minimum.
        Save(Moved(UpdateEvent.Kept) with
        {
            Subject = null,
            Reason = "",
            MinimumSvn = Math.Max(Record.MinimumSvn, subject.Svn),
            LastSequence = report.Sequence,
            Report = report,
        });
    }

    private Fault Abandon(string reason)
    {
        var subject = Record.Subject!;
        var report = new UpdateReport(Record.LastSequence + 1, UpdateOutcome.Failed, subject.Name, subject.Version, reason);
        Save(Moved(UpdateEvent.Abandoned) with { Subject = null, Reason = "", DurableBytes = 0, LastSequence = report.Sequence, Report = report });
        return new Fault(reason, "update");
    }

    private void Checkpoint(long at)
    {
        _slots.Flush(Record.Target); // before the record claims them
        Save(Record with { DurableBytes = at });
    }

    private void HashSlot(StreamDigest digest, long length)
    {
        var chunk = new byte[64 * 1024];
        for (long at = 0; at < length;)
        {
            var part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, length - at));
            _slots.Read(Record.Target, at, part);
            digest.Append(part);
            at += part.Length;
        }
    }

    private UpdateRecord Moved(UpdateEvent on) => Record with { Stage = Transitions.Next(Record.Stage, on) };

    private UpdateSubject SubjectAt(UpdateStage stage) =>
        Record.Stage == stage ? Record.Subject! : throw new InvalidOperationException($"This is for {stage}, not {Record.Stage}.");

    private void Save(UpdateRecord next)
    {
        AtomicFile.Replace(_files, RecordFile, next.Write());
        Record = next; // after: if the write fails, memory still says what the disk says
    }
}
