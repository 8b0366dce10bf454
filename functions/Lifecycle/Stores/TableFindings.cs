using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Data.Tables;
using Serverless.Lifecycle.Audits;

namespace Serverless.Lifecycle.Stores;

/// <summary>Findings in table <c>devices</c>, partition <c>findings</c>, row <c>{code}!{where}!{subject}</c>; the cursor in partition <c>audit</c>;
/// certificates seen in partitions <c>s{xx}</c> by their first byte. None of these names is one of the ledger's.</summary>
/// <param name="table">Table <c>devices</c>; it exists.</param>
internal sealed class TableFindings(TableClient table) : IFindings
{
    private const string Partition = "findings";
    private const string Audit = "audit";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<OpenFinding>> All(CancellationToken cancel)
    {
        var found = new List<OpenFinding>();
        await foreach (var row in table.QueryAsync<TableEntity>($"PartitionKey eq '{Partition}'", cancellationToken: cancel).ConfigureAwait(false))
        {
            found.Add(new OpenFinding(row.GetString("Code"), row.GetString("Subject"), row.GetString("Where"), row.GetDateTimeOffset("OpenedAt")!.Value, row.GetInt64("Round")!.Value)
            {
                AcceptedUntil = row.GetDateTimeOffset("AcceptedUntil"),
                AcceptedWhy = row.GetString("AcceptedWhy"),
                AcceptedBy = row.GetString("AcceptedBy"),
            });
            if (found.Count >= AuditRun.FindingsMax) break;
        }

        return found;
    }

    /// <inheritdoc/>
    public Task Put(OpenFinding finding, CancellationToken cancel) => table.UpsertEntityAsync(
        new TableEntity(Partition, Row(finding))
        {
            ["Code"] = finding.Code,
            ["Subject"] = finding.Subject,
            ["Where"] = finding.Where,
            ["OpenedAt"] = finding.OpenedAt,
            ["Round"] = finding.Round,
            ["AcceptedUntil"] = finding.AcceptedUntil,
            ["AcceptedWhy"] = finding.AcceptedWhy,
            ["AcceptedBy"] = finding.AcceptedBy,
        },
        TableUpdateMode.Replace, cancel);

    /// <inheritdoc/>
    public Task Remove(OpenFinding finding, CancellationToken cancel) => table.DeleteEntityAsync(Partition, Row(finding), ETag.All, cancel);

    /// <inheritdoc/>
    public async Task<string?> Claim(string thumbprint, string id, long round, CancellationToken cancel)
    {
        var partition = "s" + thumbprint[..2];
        var read = await table.GetEntityIfExistsAsync<TableEntity>(partition, thumbprint, cancellationToken: cancel).ConfigureAwait(false);
        var (seen, last) = read.HasValue ? (read.Value!.GetString("Id"), read.Value.GetInt64("Round")) : (null, null);
        if (seen != id || last != round) await table.UpsertEntityAsync(new TableEntity(partition, thumbprint) { ["Id"] = id, ["Round"] = round }, TableUpdateMode.Replace, cancel).ConfigureAwait(false);
        return last == round && seen != id ? seen : null;
    }

    /// <inheritdoc/>
    public async Task<AuditCursor?> Cursor(CancellationToken cancel)
    {
        var read = await table.GetEntityIfExistsAsync<TableEntity>(Audit, "cursor", cancellationToken: cancel).ConfigureAwait(false);
        if (!read.HasValue) return null;
        var row = read.Value!;
        return new AuditCursor(
            row.GetInt64("Round")!.Value, row.GetInt32("Pass")!.Value, row.GetString("After"), row.GetInt64("Devices")!.Value, row.GetInt64("Checked")!.Value,
            row.GetDateTimeOffset("BeganAt")!.Value, JsonSerializer.Deserialize(row.GetString("Scores"), FindingsJson.Default.ListRoundScore) ?? [])
        {
            ETag = row.ETag.ToString(),
        };
    }

    /// <inheritdoc/>
    public async Task<AuditCursor?> Move(AuditCursor cursor, CancellationToken cancel)
    {
        var row = new TableEntity(Audit, "cursor")
        {
            ["Round"] = cursor.Round,
            ["Pass"] = cursor.Pass,
            ["After"] = cursor.After,
            ["Devices"] = cursor.Devices,
            ["Checked"] = cursor.Checked,
            ["BeganAt"] = cursor.BeganAt,
            ["Scores"] = JsonSerializer.Serialize([.. cursor.Scores], FindingsJson.Default.ListRoundScore),
        };
        try
        {
            var done = cursor.ETag.Length == 0
                ? await table.AddEntityAsync(row, cancel).ConfigureAwait(false)
                : await table.UpdateEntityAsync(row, new ETag(cursor.ETag), TableUpdateMode.Replace, cancel).ConfigureAwait(false);
            return cursor with { ETag = done.Headers.ETag!.Value.ToString() };
        }
        catch (RequestFailedException lost) when (lost.Status is 409 or 412)
        {
            return null;
        }
    }

    // A subject is another service's text: whatever a key may not hold is escaped.
    private static string Row(OpenFinding finding) =>
        string.Create(CultureInfo.InvariantCulture, $"{finding.Code}!{Uri.EscapeDataString(finding.Where).Replace('%', '=')}!{Uri.EscapeDataString(finding.Subject).Replace('%', '=')}");
}

[JsonSerializable(typeof(List<RoundScore>))]
internal sealed partial class FindingsJson : JsonSerializerContext;
