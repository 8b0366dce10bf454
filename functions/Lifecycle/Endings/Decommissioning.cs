using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Lifecycle.Endings;

/// <summary>A wish that a device should end.</summary>
/// <param name="Reason">In the words of who asks.</param>
/// <param name="Grace">How long its credentials still live; zero for now.</param>
/// <param name="FactoryReset">Whether the device is asked to reset itself.</param>
/// <param name="NewOwner">Whom it goes to; <see langword="null"/> unless it is a transfer.</param>
public sealed record EndingRequest(string Reason, TimeSpan Grace, bool FactoryReset, string? NewOwner = null);

/// <summary>Which ends are allowed, and how: pure.</summary>
public static class Decommissioning
{
    /// <summary>Most characters of a reason or an owner.</summary>
    public const int TextMax = 512;

    /// <summary>Most devices of one query.</summary>
    public const int SelectionMax = 10_000;

    /// <summary>Checks a wish by itself.</summary>
    /// <param name="request">The wish.</param>
    /// <param name="graceMax">Longest grace the policy allows.</param>
    /// <returns><see langword="null"/>, or <c>reason-missing</c>, <c>reason-length</c>, <c>grace-range</c> (negative, or longer than the
    /// policy allows), <c>owner-length</c> (a transfer's new owner, 1 to 128 printable characters).</returns>
    public static Fault? Check(EndingRequest request, TimeSpan graceMax)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrWhiteSpace(request.Reason)) return new Fault("reason-missing", "reason");
        if (request.Reason.Length > TextMax || request.Reason.Any(char.IsControl)) return new Fault("reason-length", "reason");
        if (request.Grace < TimeSpan.Zero || request.Grace > graceMax) return new Fault("grace-range", "graceSeconds");
        return request.NewOwner is { } owner && (string.IsNullOrWhiteSpace(owner) || owner.Length > 128 || owner.Any(char.IsControl)) ? new Fault("owner-length", "newOwner") : null;
    }

    /// <summary>The row of a device that is to end.</summary>
    /// <param name="record">Its row.</param>
    /// <param name="request">A wish that <see cref="Check"/> allows.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The row as it shall be; the same row when it ends as early already and for the same owner; or <c>device-gone</c> (dead),
    /// <c>ending-conflict</c> (ends otherwise: another owner, or a factory reset after planes were begun), <c>owner-conflict</c> (a
    /// transfer to whom it belongs).</returns>
    public static Parsed<DeviceRecord> Begin(DeviceRecord record, EndingRequest request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(request);
        if (record.State == DeviceState.Dead) return new Fault("device-gone", "state");
        if (request.NewOwner == record.Owner) return new Fault("owner-conflict", "newOwner");
        var due = now + request.Grace;
        if (record.Ending is not { } earlier)
        {
            return record with
            {
                State = DeviceState.Decommissioned,
                Ending = new Ending(request.Reason, now, due, record.State, request.FactoryReset, request.NewOwner),
                DueAt = due,
            };
        }

        if (earlier.NewOwner != request.NewOwner) return new Fault("ending-conflict", "newOwner");
        if (request.FactoryReset && !earlier.FactoryReset && !record.Closings.IsEmpty) return new Fault("ending-conflict", "factoryReset");
        // Only ever sooner; what is asked later than it is already due is done already.
        if (due >= earlier.DueAt) return record;
        var ending = earlier with { Reason = request.Reason, DueAt = due, FactoryReset = earlier.FactoryReset || request.FactoryReset };
        return record with { Ending = ending, DueAt = record.DueAt < due ? record.DueAt : due };
    }

    /// <summary>The row of a device whose end is taken back.</summary>
    /// <param name="record">Its row.</param>
    /// <param name="due">When a sweep looks at the living device next.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The row with the state it had; the same row when it lives; or <c>device-gone</c>, <c>ending-begun-conflict</c> (due, or a
    /// plane was begun).</returns>
    public static Parsed<DeviceRecord> Cancel(DeviceRecord record, DateTimeOffset? due, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.State == DeviceState.Dead) return new Fault("device-gone", "state");
        if (record.Ending is not { } ending) return record;
        if (now >= ending.DueAt || !record.Closings.IsEmpty) return new Fault("ending-begun-conflict", "state");
        return record with { State = ending.Before, Ending = null, DueAt = due };
    }

    /// <summary>What names exactly these devices: confirmed back, it proves that who decommissions them saw this very list.</summary>
    /// <param name="ids">The devices, in any order.</param>
    /// <returns>SHA-256 over their number and ids, sorted, 64 lower-case hex characters.</returns>
    public static string Digest(IEnumerable<DeviceId> ids)
    {
        var sorted = ids.Select(id => id.Text).Order(StringComparer.Ordinal).ToArray();
        var text = sorted.Length.ToString(CultureInfo.InvariantCulture) + "\n" + string.Join('\n', sorted);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Whether a list that was confirmed is the list that is there.</summary>
    /// <param name="ids">The devices that are there.</param>
    /// <param name="count">The number that was confirmed.</param>
    /// <param name="digest">The digest that was confirmed.</param>
    /// <returns><see langword="null"/>, or <c>selection-stale</c>.</returns>
    public static Fault? Confirm(IReadOnlyCollection<DeviceId> ids, int count, string digest)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return ids.Count == count && Digest(ids) == digest ? null : new Fault("selection-stale", "confirm");
    }
}
