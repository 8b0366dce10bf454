using Azure;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Faults;

namespace Serverless.Devices.Tables;

/// <summary>The ledger in table <c>devices</c> and container <c>audit</c>. <see cref="Rows"/> shows the rows, README.md the reasons.</summary>
/// <remarks>
/// A change without new keys is one transaction in the device's partition: row, audit entry and due row together, or none.
/// A change with new keys is, in this order:
/// <list type="number">
/// <item>intent: the keys, beside the device's row. A crash here leaves an intent that <see cref="Settle"/> clears.</item>
/// <item>claim: one row a key, in the key's partition. A crash here leaves a claim that no row and no young intent bears out; whoever
/// wants the key next takes it over, after fencing the intent's writer by deleting the intent.</item>
/// <item>commit: the transaction, which also deletes the intent and fails without it. So a claim that was taken over cannot be
/// committed to.</item>
/// </list>
/// After an exception the change may have landed; the same change again is answered with what landed. Refuses as
/// <see cref="IDeviceLedger"/> says: <c>device-exists</c>, <c>device-stale</c>, <c>key-taken</c>, <c>key-forbidden</c>, <c>page-token</c>.
/// </remarks>
public sealed partial class TableLedger : IDeviceLedger
{
    /// <summary>How long a writer may take between intent and commit before another may take its claims over. It cannot do harm if it
    /// takes longer; it fails then.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private const int TriesMax = 8;

    private readonly TableClient _table;
    private readonly AuditTrail _trail;
    private readonly TimeProvider _clock;
    private readonly string _writer;
    private long _deeds;

    /// <summary>Makes a ledger over what exists already.</summary>
    /// <param name="table">Table <c>devices</c>.</param>
    /// <param name="audit">Container <c>audit</c>.</param>
    /// <param name="clock">Clock of this process; used for the age of intents only.</param>
    /// <param name="writer">Names this process among all that write now or ever: random, 1 to 64 letters and digits.</param>
    public TableLedger(TableClient table, BlobContainerClient audit, TimeProvider clock, string writer)
    {
        ArgumentException.ThrowIfNullOrEmpty(writer);
        (_table, _trail, _clock, _writer) = (table, new AuditTrail(audit), clock, writer);
    }

    /// <inheritdoc/>
    public async Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(id);
        return await Find(Rows.Bucket(id), Rows.Device(id), cancel).ConfigureAwait(false) is { } row ? DeviceRow.ToRecord(row) : null;
    }

    /// <inheritdoc/>
    public async Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(deed);
        if (Transitions.Begin(record) is { } refused) return refused;
        var name = NextDeed();
        for (var tries = 1; tries <= TriesMax; tries++)
        {
            // Before anything is claimed: a second enrolment of one id must not hold keys, even for a moment.
            if (await Find(Rows.Bucket(record.Id), Rows.Device(record.Id), cancel).ConfigureAwait(false) is not null) return new Fault("device-exists", "id");
            var stored = await Write(null, record, deed, name, cancel).ConfigureAwait(false);
            if (stored.Fault?.Code != "device-stale") return stored;
        }

        return new Fault("device-stale", "id"); // as many writers of this one id at once as tries: not a device's doing
    }

    /// <inheritdoc/>
    public async Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(deed);
        if (Transitions.Check(before, after, deed.By, deed.At) is { } refused) return refused;
        return await Write(before, after, deed, NextDeed(), cancel).ConfigureAwait(false);
    }

    private async Task<Parsed<DeviceRecord>> Write(DeviceRecord? before, DeviceRecord after, Deed deed, string name, CancellationToken cancel)
    {
        var added = LedgerKeys.Added(before, after);
        var intent = default(ETag);
        if (added.Count > 0)
        {
            if (before is not null && await Stale(before, cancel).ConfigureAwait(false)) return new Fault("device-stale", "etag");
            intent = await PutIntent(after.Id, added, cancel).ConfigureAwait(false);
            foreach (var key in added)
            {
                if (await Claim(key, after.Id, cancel).ConfigureAwait(false) is not { } fault) continue;
                await Delete(Rows.Bucket(after.Id), Rows.Intent(after.Id), intent, cancel).ConfigureAwait(false);
                return fault;
            }
        }

        foreach (var key in LedgerKeys.Dropped(before, after)) await Hold(key, after.Id, cancel).ConfigureAwait(false);
        return await Commit(before, after with { Revision = (before?.Revision ?? 0) + 1 }, deed, name, added.Count > 0 ? intent : null, cancel).ConfigureAwait(false);
    }

    private async Task<Parsed<DeviceRecord>> Commit(DeviceRecord? before, DeviceRecord after, Deed deed, string name, ETag? intent, CancellationToken cancel)
    {
        var row = DeviceRow.From(after, name);
        var bucket = row.PartitionKey;
        var actions = new List<TableTransactionAction>
        {
            before is null ? new(TableTransactionActionType.Add, row) : new(TableTransactionActionType.UpdateReplace, row, new ETag(before.ETag)),
            new(TableTransactionActionType.UpsertReplace, AuditLine.Row(LedgerKeys.Entry(before, after, deed))),
        };
        if (intent is { } tag) actions.Add(new(TableTransactionActionType.Delete, new TableEntity(bucket, Rows.Intent(after.Id)), tag));
        var (was, due) = (before?.DueAt is { } old ? Rows.Due(old, after.Id) : null, after.DueAt is { } at ? Rows.Due(at, after.Id) : null);
        if (was is not null && was != due) actions.Add(new(TableTransactionActionType.Delete, new TableEntity(bucket, was), ETag.All));
        if (due is not null) actions.Add(new(TableTransactionActionType.UpsertReplace, new TableEntity(bucket, due) { ["State"] = Words.Of(after.State) }));
        try
        {
            var done = await _table.SubmitTransactionAsync(actions, cancel).ConfigureAwait(false);
            if (done.Value[0].Headers.ETag is { } stored) return after with { ETag = stored.ToString() };
        }
        catch (RequestFailedException lost) when (lost.Status is 404 or 409 or 412)
        {
            // Somebody was faster, or the first answer to this very transaction was lost on its way and the client asked again.
        }

        var now = await Find(bucket, Rows.Device(after.Id), cancel).ConfigureAwait(false);
        return now?.GetString(DeviceRow.DeedColumn) == name ? DeviceRow.ToRecord(now) : new Fault("device-stale", "etag");
    }

    private async Task<bool> Stale(DeviceRecord before, CancellationToken cancel) =>
        (await Find(Rows.Bucket(before.Id), Rows.Device(before.Id), cancel).ConfigureAwait(false))?.ETag.ToString() != before.ETag;

    private async Task<TableEntity?> Find(string partition, string row, CancellationToken cancel)
    {
        var answer = await _table.GetEntityIfExistsAsync<TableEntity>(partition, row, cancellationToken: cancel).ConfigureAwait(false);
        return answer.HasValue ? answer.Value : null;
    }

    /// <returns>Whether the row was there, as it was, and is gone.</returns>
    private async Task<bool> Delete(string partition, string row, ETag tag, CancellationToken cancel)
    {
        try
        {
            var answer = await _table.DeleteEntityAsync(partition, row, tag, cancel).ConfigureAwait(false);
            return answer.Status != 404;
        }
        catch (RequestFailedException moved) when (moved.Status is 404 or 412)
        {
            return false;
        }
    }

    private string NextDeed() => $"{_writer}-{Interlocked.Increment(ref _deeds)}";
}
