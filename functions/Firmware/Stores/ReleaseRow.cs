using System.Text.Json;
using System.Text.Json.Serialization;
using Azure.Data.Tables;
using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Stores;

/// <summary>A change as a row. Columns that queries filter by stand alone; the rest are JSON texts, each below the 32 K characters
/// that a column takes: 64 approvals of some 300 characters; notes of 4096 and 64 hardware ids; 32 envelopes of some 600.</summary>
internal static class ReleaseRow
{
    private const int Format = 1;

    /// <summary>Writes a row.</summary>
    public static TableEntity Write(ReleaseRecord record)
    {
        var row = new TableEntity(record.Id.Product, record.Id.Row)
        {
            ["Format"] = Format,
            ["State"] = record.State,
            ["HeldUntil"] = record.HeldUntil,
            ["SubmittedBy"] = record.SubmittedBy,
            ["SubmittedAt"] = record.SubmittedAt,
            ["Reason"] = record.Reason,
            ["SbomSha256"] = record.SbomSha256,
            ["DoneBytes"] = record.DoneBytes,
        };
        if (record.Submission is { } submission) row["Submission"] = JsonSerializer.Serialize(BodyOf(submission), ReleaseApiJson.Default.SubmissionBody);
        if (record.Image is { } image) (row["ImageName"], row["ImageBytes"], row["ImageTag"]) = (image.Name, image.Bytes, image.Tag);
        if (record.Envelopes.Count > 0) row["Envelopes"] = JsonSerializer.Serialize(record.Envelopes, ReleaseRowJson.Default.IReadOnlyListSuitFile);
        if (record.Proposal is { } proposal) row["Proposal"] = JsonSerializer.Serialize(proposal, ReleaseRowJson.Default.Proposal);
        if (record.Fault is { } fault) (row["FaultCode"], row["FaultWhere"]) = (fault.Code, fault.Where);
        if (record.Published is { } published)
            (row["PublishedAt"], row["TimestampVersion"], row["SnapshotVersion"]) = (published.At, published.TimestampVersion, published.SnapshotVersion);
        return row;
    }

    /// <summary>Reads a row.</summary>
    /// <exception cref="InvalidOperationException">The row is not one that we wrote: the table was meddled with, or is newer than this
    /// program.</exception>
    public static ReleaseRecord Read(TableEntity row)
    {
        if (row.GetInt32("Format") != Format) throw new InvalidOperationException("A release is stored in a format this program does not know.");
        var id = row.RowKey.StartsWith('~') ? row.PartitionKey + row.RowKey : $"{row.PartitionKey}@{row.RowKey}";
        return new ReleaseRecord
        {
            Id = ReleaseId.Parse(id).TryGet(out var known, out _) ? known : throw Broken("key"),
            State = row.GetString("State") ?? throw Broken("State"),
            HeldUntil = row.GetDateTimeOffset("HeldUntil") ?? throw Broken("HeldUntil"),
            SubmittedBy = row.GetString("SubmittedBy") ?? throw Broken("SubmittedBy"),
            SubmittedAt = row.GetDateTimeOffset("SubmittedAt") ?? throw Broken("SubmittedAt"),
            Reason = row.GetString("Reason") ?? "",
            SbomSha256 = row.GetString("SbomSha256") ?? "",
            DoneBytes = row.GetInt64("DoneBytes") ?? 0,
            Submission = row.GetString("Submission") is { } submission ? SubmissionOf(submission) : null,
            Image = row.GetString("ImageName") is { } image ? new Image(image, row.GetInt64("ImageBytes") ?? 0, row.GetString("ImageTag") ?? "") : null,
            Envelopes = row.GetString("Envelopes") is { } envelopes ? JsonSerializer.Deserialize(envelopes, ReleaseRowJson.Default.IReadOnlyListSuitFile) ?? [] : [],
            Proposal = row.GetString("Proposal") is { } proposal ? JsonSerializer.Deserialize(proposal, ReleaseRowJson.Default.Proposal) : null,
            Fault = row.GetString("FaultCode") is { } code ? new Fault(code, row.GetString("FaultWhere") ?? "") : null,
            Published = row.GetDateTimeOffset("PublishedAt") is { } at ? new Publishing(at, row.GetInt64("TimestampVersion") ?? 0, row.GetInt64("SnapshotVersion") ?? 0) : null,
        };
    }

    private static SubmissionBody BodyOf(Submission submission) => new(
        submission.Product, submission.Version.Text, submission.Hardware, submission.Svn, submission.SlotBytes, submission.Notes,
        FirmwareSigning.Trust.Metadata.Header.Write(submission.SupportUntil), submission.File, submission.Image, submission.Sha256, submission.Sbom);

    private static Submission SubmissionOf(string json) =>
        Submission.Parse(System.Text.Encoding.UTF8.GetBytes(json)).TryGet(out var submission, out _) ? submission : throw Broken("Submission");

    private static InvalidOperationException Broken(string column) => new($"A stored release has no readable {column}.");
}

/// <summary>Parts of a row.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict)]
[JsonSerializable(typeof(Proposal))]
[JsonSerializable(typeof(IReadOnlyList<SuitFile>))]
internal sealed partial class ReleaseRowJson : JsonSerializerContext;
