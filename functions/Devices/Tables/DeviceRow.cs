using System.Text.Json;
using System.Text.Json.Serialization;
using Azure.Data.Tables;

namespace Serverless.Devices.Tables;

/// <summary>A device's row as columns. Trusted: whoever may write the table decides who may connect.</summary>
internal static class DeviceRow
{
    /// <summary>Column that names the deed a row was last written by: tells a lost answer from a lost race.</summary>
    public const string DeedColumn = "Deed";

    /// <summary>The row of a record.</summary>
    public static TableEntity From(DeviceRecord record, string deed)
    {
        var row = new TableEntity(Rows.Bucket(record.Id), Rows.Device(record.Id))
        {
            ["State"] = Words.Of(record.State),
            ["Model"] = record.Model,
            ["Owner"] = record.Owner,
            ["EnrolledAt"] = record.EnrolledAt,
            ["Revision"] = record.Revision,
            [DeedColumn] = deed,
        };
        Put(row, "Key", record.Current);
        if (record.Next is { } next) Put(row, "Next", next);
        Put(row, "Group", record.Group);
        Put(row, "Hub", record.Hub);
        Put(row, "Generation", record.GenerationId);
        Put(row, "Firmware", record.FirmwareSeen);
        Put(row, "Request", record.Request);
        if (record.LastSeenAt is { } seen) row["SeenAt"] = seen;
        if (record.DueAt is { } due) row["DueAt"] = due;
        if (record.Ending is { } ending) row["Ending"] = JsonSerializer.Serialize(EndingBody.From(ending), RowJson.Default.EndingBody);
        if (!record.Closings.IsEmpty) row["Closings"] = JsonSerializer.Serialize([.. record.Closings.Planes], RowJson.Default.PlaneClosingArray);
        return row;
    }

    /// <summary>The record of a row.</summary>
    /// <exception cref="InvalidOperationException">The row was not written by this program.</exception>
    public static DeviceRecord ToRecord(TableEntity row)
    {
        var closings = Closings.None;
        if (row.GetString("Closings") is { } planes)
            foreach (var plane in JsonSerializer.Deserialize(planes, RowJson.Default.PlaneClosingArray) ?? []) closings = closings.With(plane);
        return new DeviceRecord
        {
            Id = DeviceId.From(row.RowKey[2..]),
            State = State(Need(row, "State")),
            Model = Need(row, "Model"),
            Owner = Need(row, "Owner"),
            Group = row.GetString("Group"),
            Current = Key(row, "Key") ?? throw Broken(row, "Key"),
            Next = Key(row, "Next"),
            Hub = row.GetString("Hub"),
            GenerationId = row.GetString("Generation"),
            FirmwareSeen = row.GetString("Firmware"),
            LastSeenAt = row.GetDateTimeOffset("SeenAt"),
            EnrolledAt = row.GetDateTimeOffset("EnrolledAt") ?? throw Broken(row, "EnrolledAt"),
            Request = row.GetString("Request"),
            Ending = row.GetString("Ending") is { } ending ? JsonSerializer.Deserialize(ending, RowJson.Default.EndingBody)!.ToEnding() : null,
            Closings = closings,
            DueAt = row.GetDateTimeOffset("DueAt"),
            Revision = row.GetInt64("Revision") ?? throw Broken(row, "Revision"),
            ETag = row.ETag.ToString(),
        };
    }

    /// <summary>Whether a row holds a key; the row may be none.</summary>
    public static bool Holds(TableEntity? row, KeyThumbprint key) => row is not null && (row.GetString("Key") == key.Text || row.GetString("Next") == key.Text);

    public static DeviceState State(string word) =>
        Words.TryState(word, out var state) ? state : throw new InvalidOperationException("a stored state is none");

    private static void Put(TableEntity row, string column, string? text)
    {
        if (text is not null) row[column] = text;
    }

    private static void Put(TableEntity row, string column, DeviceKey key)
    {
        row[column + "Kind"] = Words.Of(key.Kind);
        Put(row, column, key.Thumbprint?.Text);
        if (key.NotBefore is { } from) row[column + "NotBefore"] = from;
        if (key.NotAfter is { } to) row[column + "NotAfter"] = to;
        Put(row, column + "Certificate", key.Certificate);
        Put(row, column + "CertificateThumbprint", key.CertificateThumbprint);
    }

    private static DeviceKey? Key(TableEntity row, string column)
    {
        if (row.GetString(column + "Kind") is not { } word) return null;
        if (!Words.TryKind(word, out var kind)) throw Broken(row, column);
        var thumbprint = row.GetString(column) is { } text ? KeyThumbprint.From(text) : null;
        return new DeviceKey(
            kind, thumbprint, row.GetDateTimeOffset(column + "NotBefore"), row.GetDateTimeOffset(column + "NotAfter"), row.GetString(column + "Certificate"),
            row.GetString(column + "CertificateThumbprint"));
    }

    private static string Need(TableEntity row, string column) => row.GetString(column) ?? throw Broken(row, column);

    private static InvalidOperationException Broken(TableEntity row, string column) => new($"row {row.PartitionKey}/{row.RowKey} has no good {column}");
}

internal sealed record EndingBody(string Reason, DateTimeOffset AskedAt, DateTimeOffset DueAt, string Before, bool FactoryReset, string? NewOwner)
{
    public static EndingBody From(Ending ending) => new(ending.Reason, ending.AskedAt, ending.DueAt, Words.Of(ending.Before), ending.FactoryReset, ending.NewOwner);

    public Ending ToEnding() => new(Reason, AskedAt, DueAt, DeviceRow.State(Before), FactoryReset, NewOwner);
}

[JsonSerializable(typeof(EndingBody))]
[JsonSerializable(typeof(PlaneClosing[]))]
[JsonSerializable(typeof(AuditLine))]
internal sealed partial class RowJson : JsonSerializerContext;
