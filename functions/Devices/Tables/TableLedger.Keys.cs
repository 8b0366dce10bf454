using Azure;
using Azure.Data.Tables;
using Serverless.Faults;

namespace Serverless.Devices.Tables;

/// <summary>Which key is whose: claims, intents, the denial list.</summary>
public sealed partial class TableLedger
{
    /// <inheritdoc/>
    public async Task<DeviceId?> FindByKey(KeyThumbprint key, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (await Find(Rows.Keys(key), Rows.Claim(key), cancel).ConfigureAwait(false) is not { } claim) return null;
        var holder = DeviceId.From(claim.GetString("Device"));
        if (claim.GetBoolean("Held") == true) return holder;
        return DeviceRow.Holds(await Find(Rows.Bucket(holder), Rows.Device(holder), cancel).ConfigureAwait(false), key) ? holder : null;
    }

    /// <inheritdoc/>
    public Task Deny(KeyThumbprint key, Deed deed, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(deed);
        var row = new TableEntity(Rows.Keys(key), Rows.Denial(key)) { ["Who"] = deed.Who, ["Why"] = deed.Why, ["At"] = deed.At };
        return Once(row, cancel);
    }

    /// <inheritdoc/>
    public async Task<bool> IsDenied(KeyThumbprint key, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key);
        return await Find(Rows.Keys(key), Rows.Denial(key), cancel).ConfigureAwait(false) is not null;
    }

    /// <summary>Says durably which keys are about to be taken. It replaces an older intent for the same device, whose writer then fails.</summary>
    private async Task<ETag> PutIntent(DeviceId id, IReadOnlyList<KeyThumbprint> keys, CancellationToken cancel)
    {
        var intent = new TableEntity(Rows.Bucket(id), Rows.Intent(id)) { ["Keys"] = string.Join(' ', keys), ["At"] = _clock.GetUtcNow() };
        var answer = await _table.UpsertEntityAsync(intent, TableUpdateMode.Replace, cancel).ConfigureAwait(false);
        return answer.Headers.ETag ?? throw new InvalidOperationException("the table service answered a write without an ETag");
    }

    /// <summary>Takes a key for a device whose intent names it.</summary>
    /// <returns><see langword="null"/>, or <c>key-taken</c>, <c>key-forbidden</c>.</returns>
    private async Task<Fault?> Claim(KeyThumbprint key, DeviceId id, CancellationToken cancel)
    {
        var mine = new TableEntity(Rows.Keys(key), Rows.Claim(key)) { ["Device"] = id.Text };
        for (var tries = 1; tries <= TriesMax; tries++)
        {
            if (await Find(Rows.Keys(key), Rows.Claim(key), cancel).ConfigureAwait(false) is not { } claim)
            {
                if (await Once(mine, cancel).ConfigureAwait(false)) return await Denied(key, cancel).ConfigureAwait(false);
                continue;
            }

            var ours = claim.GetString("Device") == id.Text;
            if (!ours && await Borne(claim, key, cancel).ConfigureAwait(false)) return new Fault("key-taken", "key");
            // Ours from an earlier try, perhaps, and being taken over at this moment: writing it again decides which.
            if (ours && claim.GetBoolean("Held") == true) mine["Held"] = true;
            try
            {
                await _table.UpdateEntityAsync(mine, claim.ETag, TableUpdateMode.Replace, cancel).ConfigureAwait(false);
                return await Denied(key, cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException moved) when (moved.Status is 404 or 412)
            {
                mine.Remove("Held");
            }
        }

        return new Fault("key-taken", "key"); // so many want it that somebody has it
    }

    /// <summary>Whether another device's claim stands. If not, its writer can no longer make it stand, as long as the claim's row stays
    /// as it was read.</summary>
    private async Task<bool> Borne(TableEntity claim, KeyThumbprint key, CancellationToken cancel)
    {
        if (claim.GetBoolean("Held") == true) return true;
        var holder = DeviceId.From(claim.GetString("Device"));
        // Intent before row: a commit between the two reads is seen in the row; in the other order it would be seen in neither.
        if (await Find(Rows.Bucket(holder), Rows.Intent(holder), cancel).ConfigureAwait(false) is { } intent
            && intent.GetString("Keys").Contains(key.Text, StringComparison.Ordinal))
        {
            if (_clock.GetUtcNow() - intent.GetDateTimeOffset("At") < Patience) return true;
            if (!await Delete(intent.PartitionKey, intent.RowKey, intent.ETag, cancel).ConfigureAwait(false)) return true; // alive after all
        }

        return DeviceRow.Holds(await Find(Rows.Bucket(holder), Rows.Device(holder), cancel).ConfigureAwait(false), key);
    }

    /// <summary>Before a key is dropped from its row: the claim stands by itself from now on.</summary>
    private async Task Hold(KeyThumbprint key, DeviceId id, CancellationToken cancel)
    {
        for (var tries = 1; tries <= TriesMax; tries++)
        {
            var claim = await Find(Rows.Keys(key), Rows.Claim(key), cancel).ConfigureAwait(false);
            if (claim?.GetString("Device") != id.Text) throw new InvalidOperationException($"the index does not give {id} its own key");
            if (claim.GetBoolean("Held") == true) return;
            claim["Held"] = true;
            try
            {
                await _table.UpdateEntityAsync(claim, claim.ETag, TableUpdateMode.Replace, cancel).ConfigureAwait(false);
                return;
            }
            catch (RequestFailedException moved) when (moved.Status == 412)
            {
                // Touched by another writer of the same device: look again.
            }
        }

        throw new IOException($"the claim on a key of {id} would not keep still");
    }

    private async Task<Fault?> Denied(KeyThumbprint key, CancellationToken cancel) =>
        await IsDenied(key, cancel).ConfigureAwait(false) ? new Fault("key-forbidden", "key") : null;

    /// <returns>Whether the row was not there.</returns>
    private async Task<bool> Once(TableEntity row, CancellationToken cancel)
    {
        try
        {
            await _table.AddEntityAsync(row, cancel).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException there) when (there.Status == 409)
        {
            return false;
        }
    }
}
