using Azure;
using Azure.Data.Tables;
using Serverless.Faults;

namespace Serverless.Devices.Tables;

/// <summary>Enrolment groups in table <c>devices</c>, each in a partition of its own with the devices it has counted.</summary>
/// <remarks>Refuses as <see cref="IDeviceGroups"/> says: <c>group-exists</c>, <c>group-stale</c>, <c>group-unknown</c>, <c>group-full</c>,
/// <c>group-busy</c>.</remarks>
/// <param name="table">Table <c>devices</c>.</param>
public sealed class TableGroups(TableClient table) : IDeviceGroups
{
    private const int TriesMax = 64; // a lost race means that another device was counted in

    /// <inheritdoc/>
    public async Task<DeviceGroup?> Get(string id, CancellationToken cancel) =>
        await Find(Rows.GroupPartition(id), Rows.Group, cancel).ConfigureAwait(false) is { } row ? ToGroup(row) : null;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<DeviceGroup>> List(CancellationToken cancel)
    {
        var groups = new List<DeviceGroup>();
        await foreach (var name in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {Rows.Groups}"), cancellationToken: cancel).ConfigureAwait(false))
            if (await Get(name.RowKey, cancel).ConfigureAwait(false) is { } group) groups.Add(group); // named, and crashed before it was made: none
        return groups;
    }

    /// <inheritdoc/>
    public async Task<Parsed<DeviceGroup>> Create(DeviceGroup group, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(group);
        // The name first: a crash leaves a name without a group, never a group that no audit sees.
        await table.UpsertEntityAsync(new TableEntity(Rows.Groups, group.Id), TableUpdateMode.Replace, cancel).ConfigureAwait(false);
        try
        {
            var answer = await table.AddEntityAsync(ToRow(group with { Admitted = 0 }), cancel).ConfigureAwait(false);
            return group with { Admitted = 0, ETag = Tag(answer) };
        }
        catch (RequestFailedException there) when (there.Status == 409)
        {
            return new Fault("group-exists", "id");
        }
    }

    /// <inheritdoc/>
    public async Task<Parsed<DeviceGroup>> Change(DeviceGroup before, DeviceGroup after, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var kept = after with { Id = before.Id, Admitted = before.Admitted };
        try
        {
            var answer = await table.UpdateEntityAsync(ToRow(kept), new ETag(before.ETag), TableUpdateMode.Replace, cancel).ConfigureAwait(false);
            return kept with { ETag = Tag(answer) };
        }
        catch (RequestFailedException moved) when (moved.Status is 404 or 412)
        {
            return new Fault("group-stale", "etag");
        }
    }

    /// <inheritdoc/>
    public async Task<Parsed<DeviceGroup>> Admit(string id, DeviceId device, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(device);
        var partition = Rows.GroupPartition(id);
        for (var tries = 1; tries <= TriesMax; tries++)
        {
            if (await Get(id, cancel).ConfigureAwait(false) is not { } group) return new Fault("group-unknown", "group");
            if (await Find(partition, Rows.Member(device), cancel).ConfigureAwait(false) is not null) return group;
            if (group.Admitted >= group.DevicesMax) return new Fault("group-full", "group");
            try
            {
                // Member and count in one transaction, on the count that was judged: the cap holds whoever else is counting.
                var counted = group with { Admitted = group.Admitted + 1 };
                var done = await table.SubmitTransactionAsync(
                    [
                        new(TableTransactionActionType.UpdateReplace, ToRow(counted), new ETag(group.ETag)),
                        new(TableTransactionActionType.Add, new TableEntity(partition, Rows.Member(device))),
                    ],
                    cancel).ConfigureAwait(false);
                if (done.Value[0].Headers.ETag is { } tag) return counted with { ETag = tag.ToString() };
            }
            catch (RequestFailedException lost) when (lost.Status is 409 or 412)
            {
                // Somebody was faster, or it landed and the answer was lost: the member's row will tell.
            }
        }

        return new Fault("group-busy", "group");
    }

    private static TableEntity ToRow(DeviceGroup group)
    {
        var row = new TableEntity(Rows.GroupPartition(group.Id), Rows.Group)
        {
            ["Owner"] = group.Owner,
            ["Models"] = string.Join(' ', group.Models),
            ["DevicesMax"] = group.DevicesMax,
            ["Signers"] = string.Join(' ', group.Signers),
            ["NotAfter"] = group.NotAfter,
            ["Enabled"] = group.Enabled,
            ["Admitted"] = group.Admitted,
        };
        if (group.Request is { } request) row["Request"] = request;
        return row;
    }

    private static DeviceGroup ToGroup(TableEntity row) => new()
    {
        Id = row.PartitionKey[2..],
        Owner = row.GetString("Owner"),
        Models = [.. row.GetString("Models").Split(' ', StringSplitOptions.RemoveEmptyEntries)],
        DevicesMax = row.GetInt32("DevicesMax") ?? 0,
        Signers = [.. row.GetString("Signers").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(KeyThumbprint.From)],
        NotAfter = row.GetDateTimeOffset("NotAfter") ?? DateTimeOffset.UnixEpoch,
        Enabled = row.GetBoolean("Enabled") == true,
        Request = row.GetString("Request"),
        Admitted = row.GetInt32("Admitted") ?? throw new InvalidOperationException($"group {row.PartitionKey} has no count"),
        ETag = row.ETag.ToString(),
    };

    private static string Tag(Response answer) => answer.Headers.ETag?.ToString() ?? throw new InvalidOperationException("the table service answered a write without an ETag");

    private async Task<TableEntity?> Find(string partition, string row, CancellationToken cancel)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(partition, row, cancellationToken: cancel).ConfigureAwait(false);
        return answer.HasValue ? answer.Value : null;
    }
}
