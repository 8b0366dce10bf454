using Serverless.Faults;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device.Update;

/// <summary>The release an update is about.</summary>
/// <param name="Name">Target name.</param>
/// <param name="File">Length and digests.</param>
/// <param name="Version">Version, for reports.</param>
/// <param name="Svn">Security version.</param>
public sealed record UpdateSubject(string Name, TargetFile File, string Version, int Svn);

/// <summary>How an update ended.</summary>
public enum UpdateOutcome
{
    /// <summary>The new image confirmed itself and is kept.</summary>
    Succeeded,

    /// <summary>The update was given up; the old image runs.</summary>
    Failed,
}

/// <summary>What the device tells the fleet.</summary>
/// <param name="Sequence">Grows by one a report; the receiver's idempotency key together with the device's id.</param>
/// <param name="Outcome">How it ended. Never <see cref="UpdateOutcome.Succeeded"/> before the new image confirmed itself.</param>
/// <param name="Name">Target name.</param>
/// <param name="Version">Version.</param>
/// <param name="Reason">Fault code of a failure; empty on success.</param>
public sealed record UpdateReport(long Sequence, UpdateOutcome Outcome, string Name, string Version, string Reason);

/// <summary>All the updater remembers, replaced as one file: so the end of an update, its report and the raised minimum become
/// true in one instant.</summary>
/// <param name="Stage">Where the update stands.</param>
/// <param name="Subject">What it is about; <see langword="null"/> exactly when <see cref="UpdateStage.Idle"/>.</param>
/// <param name="Target">The slot under update.</param>
/// <param name="DurableBytes">Bytes of the image known to be flushed to the slot.</param>
/// <param name="Tries">Times the slot was armed.</param>
/// <param name="Reason">Why the trial was ended by this updater itself; empty otherwise.</param>
/// <param name="MinimumSvn">Older images are refused.</param>
/// <param name="LastSequence">Of the last report made.</param>
/// <param name="Report">The last report, until it was delivered.</param>
public sealed record UpdateRecord(
    UpdateStage Stage, UpdateSubject? Subject, Slot Target, long DurableBytes, int Tries, string Reason, int MinimumSvn, long LastSequence, UpdateReport? Report)
{
    /// <summary>Longest record: a target name and a report of it, generously.</summary>
    public const int WireBytesMax = 64 * 1024;

    /// <summary>A device fresh from manufacture.</summary>
    /// <param name="minimumSvn">The security version of the image it was made with.</param>
    public static UpdateRecord Fresh(int minimumSvn) => new(UpdateStage.Idle, null, Slot.A, 0, 0, "", minimumSvn, 0, null);

    /// <summary>As stored.</summary>
    public byte[] Write()
    {
        List<(string, JsonValue)> members =
        [
            ("format", 1), ("stage", Stage.ToString()), ("target", Target.ToString()), ("durable_bytes", DurableBytes), ("tries", Tries),
            ("reason", Reason), ("minimum_svn", MinimumSvn), ("last_sequence", LastSequence),
        ];
        if (Subject is { } subject)
            members.Add(("subject", JsonObject.Of(("name", subject.Name), ("file", subject.File.ToJson()), ("version", subject.Version), ("svn", subject.Svn))));
        if (Report is { } report)
            members.Add(("report", JsonObject.Of(("sequence", report.Sequence), ("outcome", report.Outcome.ToString()), ("name", report.Name), ("version", report.Version), ("reason", report.Reason))));
        return JsonWriting.Encode(JsonObject.Of(members));
    }

    /// <summary>Reads a stored record.</summary>
    /// <param name="stored">Bytes of our own file, perhaps damaged, perhaps of a later format.</param>
    /// <returns>The record, or <c>update-record-format</c>, <c>json-*</c>, <c>field-*</c>, <c>hash-format</c>.</returns>
    public static Parsed<UpdateRecord> Read(ReadOnlySpan<byte> stored)
    {
        if (!JsonReading.Read(stored).TryGet(out var value, out var fault)) return fault;
        if (value is not JsonObject json) return new Fault("update-record-format", "record");
        var fields = new Fields(json, "record");
        if (fields.Integer("format", 1) != 1) fields.Refuse("update-record-format", "format");
        if (!Enum.TryParse<UpdateStage>(fields.Text("stage", 32), out var stage)) fields.Refuse("update-record-format", "stage");
        if (!Enum.TryParse<Slot>(fields.Text("target", 8), out var target)) fields.Refuse("update-record-format", "target");
        var (durable, tries) = (fields.Integer("durable_bytes", 0), fields.Integer("tries", 0, 1000));
        var (minimum, sequence) = (fields.Integer("minimum_svn", 0, int.MaxValue), fields.Integer("last_sequence", 0));
        var reason = json.Find("reason") is JsonText text ? text.Text : "";
        var subject = fields.Has("subject") ? ReadSubject(fields) : null;
        var report = fields.Has("report") ? ReadReport(fields) : null;
        if (fields.Fault is null && subject is null != (stage == UpdateStage.Idle)) fields.Refuse("update-record-format", "subject");
        return fields.Fault is null ? new UpdateRecord(stage, subject, target, durable, (int)tries, reason, (int)minimum, sequence, report) : fields.Fault;
    }

    private static UpdateSubject? ReadSubject(Fields record)
    {
        var fields = new Fields(record.Object("subject"), "record.subject");
        var (name, version, svn) = (fields.Text("name"), fields.Text("version"), fields.Integer("svn", 0, int.MaxValue));
        if (!TargetFile.Parse(fields.Object("file")).TryGet(out var file, out var fault)) fields.Refuse(fault);
        record.Refuse(fields.Fault);
        return fields.Fault is null ? new UpdateSubject(name, file!, version, (int)svn) : null;
    }

    private static UpdateReport? ReadReport(Fields record)
    {
        var json = record.Object("report");
        var fields = new Fields(json, "record.report");
        var (sequence, name, version) = (fields.Integer("sequence", 1), fields.Text("name"), fields.Text("version"));
        if (!Enum.TryParse<UpdateOutcome>(fields.Text("outcome", 32), out var outcome)) fields.Refuse("update-record-format", "report.outcome");
        record.Refuse(fields.Fault);
        return fields.Fault is null ? new UpdateReport(sequence, outcome, name, version, json.Find("reason") is JsonText reason ? reason.Text : "") : null;
    }
}
