using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>The device ledger: one row a device, every change a compare-and-swap along <see cref="Transitions"/> and an audit entry.</summary>
/// <remarks>Thread-safe. A refusal is a fault; an outage is the store's exception. After an exception the write <b>may have landed</b>:
/// the same call again finds out and does nothing twice. An exception of a read says nothing about the device: callers fail closed.</remarks>
public interface IDeviceLedger
{
    /// <summary>The device's row, or <see langword="null"/>. Strongly consistent.</summary>
    /// <param name="id">Which.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<DeviceRecord?> Get(DeviceId id, CancellationToken cancel);

    /// <summary>Makes a device's first row and takes its keys for it alone.</summary>
    /// <param name="record">The row; <see cref="DeviceRecord.ETag"/> and <see cref="DeviceRecord.Revision"/> are the ledger's to set.</param>
    /// <param name="deed">Who, why, when; <see cref="Act.Enroll"/>.</param>
    /// <param name="cancel">Stops the call; the row may have landed.</param>
    /// <returns>The row as stored, or <c>device-exists</c>, <c>key-taken</c> (another device has or had that key), <c>key-forbidden</c> (on
    /// the denial list), <c>transition-refused</c>.</returns>
    Task<Parsed<DeviceRecord>> Create(DeviceRecord record, Deed deed, CancellationToken cancel);

    /// <summary>Changes a row if it is still the one that was read.</summary>
    /// <param name="before">The row as read.</param>
    /// <param name="after">The row as it shall be.</param>
    /// <param name="deed">Who, what, why, when.</param>
    /// <param name="cancel">Stops the call; the change may have landed.</param>
    /// <returns>The row as stored, or <c>device-stale</c> (somebody was faster: read again and decide anew), <c>key-taken</c>,
    /// <c>key-forbidden</c>, or a fault of <see cref="Transitions.Check"/>.</returns>
    Task<Parsed<DeviceRecord>> Change(DeviceRecord before, DeviceRecord after, Deed deed, CancellationToken cancel);

    /// <summary>Which device has, or had, a key; over the whole fleet.</summary>
    /// <param name="key">The key's thumbprint.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel);

    /// <summary>Puts a key on the denial list for good: no row takes it any more. Twice is once.</summary>
    /// <param name="key">The key's thumbprint.</param>
    /// <param name="deed">Who, why, when.</param>
    /// <param name="cancel">Stops the call; the entry may have landed.</param>
    Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel);

    /// <summary>Whether a key is on the denial list. Strongly consistent.</summary>
    /// <param name="key">The key's thumbprint.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel);

    /// <summary>One page of devices, in no order but a stable one.</summary>
    /// <param name="query">Which devices.</param>
    /// <param name="after">Where the page before ended; <see langword="null"/> for the first.</param>
    /// <param name="take">Most devices, 1 to 1,000.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>At most <paramref name="take"/> devices, maybe none though more follow: what one page reads is bounded. Or
    /// <c>page-token</c> when <paramref name="after"/> is not one of ours.</returns>
    Task<Parsed<Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel);

    /// <summary>One page of rows whose <see cref="DeviceRecord.DueAt"/> has come; reads due rows only, however many devices there are.</summary>
    /// <param name="until">Due at or before this instant, UTC.</param>
    /// <param name="after">Where the page before ended; <see langword="null"/> for the first.</param>
    /// <param name="take">Most rows, 1 to 1,000.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>Like <see cref="List"/>.</returns>
    Task<Parsed<Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel);

    /// <summary>The audit trail of a device, oldest first, each entry once.</summary>
    /// <param name="id">Which.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<IReadOnlyList<AuditEntry>> Audit(DeviceId id, CancellationToken cancel);

    /// <summary>Finishes what crashed writers left: moves waiting audit entries into the trail and clears abandoned intents. Reads only
    /// those. Harmless at any time, from several places at once; a timer's work.</summary>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>How many things were finished.</returns>
    Task<int> Settle(CancellationToken cancel);
}

/// <summary>Which devices; what is <see langword="null"/> does not matter.</summary>
/// <param name="State">In this state.</param>
/// <param name="Model">Of this model.</param>
/// <param name="Owner">Of this owner.</param>
/// <param name="Group">Admitted by this group.</param>
public sealed record DeviceQuery(DeviceState? State = null, string? Model = null, string? Owner = null, string? Group = null)
{
    /// <summary>Whether a device is one of them.</summary>
    /// <param name="record">The device.</param>
    public bool Covers(DeviceRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return (State is null || record.State == State) && (Model is null || record.Model == Model)
            && (Owner is null || record.Owner == Owner) && (Group is null || record.Group == Group);
    }
}

/// <summary>A row that is due.</summary>
/// <param name="Id">The device.</param>
/// <param name="DueAt">Since when, UTC.</param>
/// <param name="State">Its state when the row was made due.</param>
public sealed record DueDevice(DeviceId Id, DateTimeOffset DueAt, DeviceState State);

/// <summary>One page of an answer.</summary>
/// <typeparam name="T">Of what.</typeparam>
/// <param name="Items">The page.</param>
/// <param name="Next">Where the next page begins; <see langword="null"/> after the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
