using System.Text.Json;
using Azure.Data.Tables;

namespace Serverless.Devices.Tables;

// One line of the trail: {"device","revision","at","act","who","why","from","to","changed"}; a row on its way holds the same text.
internal sealed record AuditLine(string Device, long Revision, DateTimeOffset At, string Act, string Who, string Why, string? From, string To, int Changed)
{
    private const string Column = "Line";

    /// <summary>The row that an entry waits in.</summary>
    public static TableEntity Row(AuditEntry entry) => new(Rows.Bucket(entry.Device), Rows.Entry(entry.Device, entry.Revision)) { [Column] = Text(entry) };

    public static string TextOf(TableEntity row) => row.GetString(Column) ?? throw new InvalidOperationException($"row {row.PartitionKey}/{row.RowKey} has no line");

    public static string Text(AuditEntry entry) => JsonSerializer.Serialize(
        new AuditLine(
            entry.Device.Text, entry.Revision, entry.Deed.At, Words.Of(entry.Deed.By), entry.Deed.Who, entry.Deed.Why,
            entry.From is { } from ? Words.Of(from) : null, Words.Of(entry.To), (int)entry.Changed),
        RowJson.Default.AuditLine);

    public static AuditEntry Entry(string text)
    {
        var line = JsonSerializer.Deserialize(text, RowJson.Default.AuditLine) ?? throw new InvalidOperationException("an audit line is null");
        if (!Words.TryAct(line.Act, out var act)) throw new InvalidOperationException("an audit line names no act");
        return new AuditEntry(
            DeviceId.From(line.Device), line.Revision, new Deed(act, line.Who, line.Why, line.At),
            line.From is { } from ? DeviceRow.State(from) : null, DeviceRow.State(line.To), (Parts)line.Changed);
    }
}
