namespace Serverless.Devices;

/// <summary>What a change means for the key index and for the trail: the same in every ledger.</summary>
public static class LedgerKeys
{
    /// <summary>The keys of a row: at most two.</summary>
    /// <param name="record">The row; none has no keys.</param>
    public static IEnumerable<KeyThumbprint> Of(DeviceRecord? record)
    {
        if (record?.Current.Thumbprint is { } current) yield return current;
        if (record?.Next?.Thumbprint is { } next && next != record.Current.Thumbprint) yield return next;
    }

    /// <summary>Keys that a change brings.</summary>
    /// <param name="before">The row before, if any.</param>
    /// <param name="after">The row after.</param>
    public static IReadOnlyList<KeyThumbprint> Added(DeviceRecord? before, DeviceRecord after) => [.. Of(after).Except(Of(before))];

    /// <summary>Keys that a change drops. They stay the device's in the index, so that no other device ever gets them.</summary>
    /// <param name="before">The row before, if any.</param>
    /// <param name="after">The row after.</param>
    public static IReadOnlyList<KeyThumbprint> Dropped(DeviceRecord? before, DeviceRecord after) => [.. Of(before).Except(Of(after))];

    /// <summary>The audit entry of a change.</summary>
    /// <param name="before">The row before, if any.</param>
    /// <param name="stored">The row as stored.</param>
    /// <param name="deed">Who, what, why, when.</param>
    public static AuditEntry Entry(DeviceRecord? before, DeviceRecord stored, Deed deed)
    {
        ArgumentNullException.ThrowIfNull(stored);
        return new AuditEntry(stored.Id, stored.Revision, deed, before?.State, stored.State, before is null ? Parts.None : Transitions.Changed(before, stored));
    }
}
