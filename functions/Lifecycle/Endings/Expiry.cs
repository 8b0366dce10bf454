using System.Collections.Immutable;
using System.Globalization;
using Serverless.Devices;

namespace Serverless.Lifecycle.Endings;

/// <summary>How long credentials and models live.</summary>
/// <remarks>Trusted: whoever may set it decides how early people are warned, not who may connect.</remarks>
public sealed record ExpiryPolicy
{
    /// <summary>Warnings ahead of an end, longest first: 90, 30 and 7 days.</summary>
    public ImmutableArray<TimeSpan> Horizons { get; init; } = [TimeSpan.FromDays(90), TimeSpan.FromDays(30), TimeSpan.FromDays(7)];

    /// <summary>Oldest age of a certificate, counted from its <c>notBefore</c>. Default 400 days.</summary>
    public TimeSpan CertificateAgeMax { get; init; } = TimeSpan.FromDays(400);

    /// <summary>End of support, by model.</summary>
    public ImmutableSortedDictionary<string, DateTimeOffset> SupportEnds { get; init; } = ImmutableSortedDictionary<string, DateTimeOffset>.Empty;
}

/// <summary>What there is to warn of. The word is part of alerts and never changes.</summary>
/// <param name="Word"><c>certificate-expires</c>, <c>certificate-expired</c>, <c>certificate-old</c>, <c>support-ends</c>, <c>support-ended</c>,
/// <c>group-expires</c>, <c>group-expired</c>.</param>
/// <param name="Subject">Device or group.</param>
/// <param name="HorizonDays">Of how many days ahead; 0 at and after the end.</param>
/// <param name="EndsAt">The end that is warned of, UTC.</param>
/// <param name="ToDo">One sentence for people.</param>
public sealed record Warning(string Word, string Subject, int HorizonDays, DateTimeOffset EndsAt, string ToDo)
{
    /// <summary>Names the cause: the same warning raised twice is one.</summary>
    public string Cause => string.Create(CultureInfo.InvariantCulture, $"{Word}\n{Subject}\n{HorizonDays}\n{EndsAt.UtcTicks}");
}

/// <summary>What is warned of, and when a device is looked at next: pure.</summary>
public static class Expiry
{
    /// <summary>The warnings that became due for a living device after one look and up to another.</summary>
    /// <param name="record">The device.</param>
    /// <param name="policy">The horizons.</param>
    /// <param name="last">The last look, UTC; what was due then was raised then.</param>
    /// <param name="now">This look, UTC.</param>
    public static IEnumerable<Warning> Due(DeviceRecord record, ExpiryPolicy policy, DateTimeOffset last, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Instants(record, policy).Where(item => item.At > last && item.At <= now).Select(item => item.Warning);
    }

    /// <summary>When a living device is to be looked at next; <see langword="null"/> when nothing of it will ever end.</summary>
    /// <param name="record">The device.</param>
    /// <param name="policy">The horizons.</param>
    /// <param name="now">UTC.</param>
    public static DateTimeOffset? NextLook(DeviceRecord record, ExpiryPolicy policy, DateTimeOffset now)
    {
        var next = Instants(record, policy).Where(item => item.At > now).Select(item => (DateTimeOffset?)item.At).Min();
        return next;
    }

    /// <summary>The warnings of a group whose certificate authority ends.</summary>
    /// <param name="group">The group.</param>
    /// <param name="policy">The horizons.</param>
    /// <param name="last">The last look, UTC.</param>
    /// <param name="now">This look, UTC.</param>
    public static IEnumerable<Warning> Due(DeviceGroup group, ExpiryPolicy policy, DateTimeOffset last, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(policy);
        return End("group-expires", "group-expired", group.Id, group.NotAfter, policy,
            "Give the group its next signing certificate; devices it admitted need leaves of the new authority.", "The group admits nobody; disable it, or give it a new signing certificate.")
            .Where(item => item.At > last && item.At <= now).Select(item => item.Warning);
    }

    /// <summary>How many living devices lose their certificate in each week from now, and how many of those were seen lately: the others
    /// cannot be reached to rotate.</summary>
    /// <param name="records">Devices.</param>
    /// <param name="now">UTC.</param>
    /// <param name="weeks">Weeks, 1 to 520.</param>
    /// <param name="silentAfter">Not seen for longer than this is out of reach.</param>
    public static ImmutableArray<WeekForecast> Forecast(IEnumerable<DeviceRecord> records, DateTimeOffset now, int weeks, TimeSpan silentAfter)
    {
        ArgumentNullException.ThrowIfNull(records);
        var counts = new (int All, int Silent)[weeks];
        foreach (var record in records)
        {
            if (record.State is not (DeviceState.Enrolled or DeviceState.Active or DeviceState.Contained)) continue;
            // With a next certificate there already, the device is cut off at the end of the later one.
            if (Latest(record) is not { } end || end < now) continue;
            var week = (int)((end - now).Ticks / TimeSpan.FromDays(7).Ticks);
            if (week >= weeks) continue;
            counts[week].All++;
            if (record.LastSeenAt is not { } seen || now - seen > silentAfter) counts[week].Silent++;
        }

        return [.. counts.Select((count, week) => new WeekForecast(now + (week * TimeSpan.FromDays(7)), count.All, count.Silent))];
    }

    /// <summary>When the last of a device's certificates ends; <see langword="null"/> without certificates.</summary>
    /// <param name="record">The device.</param>
    public static DateTimeOffset? Latest(DeviceRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record.Next?.NotAfter is { } next && (record.Current.NotAfter is not { } current || next > current) ? next : record.Current.NotAfter;
    }

    private static IEnumerable<(DateTimeOffset At, Warning Warning)> Instants(DeviceRecord record, ExpiryPolicy policy)
    {
        if (record.State is not (DeviceState.Enrolled or DeviceState.Active or DeviceState.Contained)) yield break;
        var id = record.Id.Text;
        if (Latest(record) is { } end)
        {
            const string Rotate = "Rotate: add the next certificate, let the device use it, remove the old one.";
            const string Enrol = "The device can no longer connect; enrol a new certificate or decommission it.";
            foreach (var item in End("certificate-expires", "certificate-expired", id, end, policy, Rotate, Enrol)) yield return item;
        }

        if (record.Next is null && record.Current.NotBefore is { } begins)
        {
            var old = begins + policy.CertificateAgeMax;
            if (old < record.Current.NotAfter) yield return (old, new Warning("certificate-old", id, 0, old, "The certificate is older than policy allows; rotate it."));
        }

        if (policy.SupportEnds.TryGetValue(record.Model, out var support))
        {
            const string Plan = "The model's support ends: plan its replacement.";
            const string Replace = "The model gets no more security updates: replace or decommission the device.";
            foreach (var item in End("support-ends", "support-ended", id, support, policy, Plan, Replace)) yield return item;
        }
    }

    private static IEnumerable<(DateTimeOffset At, Warning Warning)> End(string ahead, string over, string subject, DateTimeOffset end, ExpiryPolicy policy, string toDo, string after)
    {
        foreach (var horizon in policy.Horizons) yield return (end - horizon, new Warning(ahead, subject, (int)horizon.TotalDays, end, toDo));
        yield return (end, new Warning(over, subject, 0, end, after));
    }
}

/// <summary>One week of the forecast.</summary>
/// <param name="From">Its first instant, UTC.</param>
/// <param name="CutOff">Devices whose last certificate ends in it.</param>
/// <param name="OutOfReach">Of those, devices that have not been seen lately.</param>
public sealed record WeekForecast(DateTimeOffset From, int CutOff, int OutOfReach);
