namespace Serverless.Enrollment.Admission;

/// <summary>Who registers too often.</summary>
public enum Storm
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>The device.</summary>
    Device,

    /// <summary>Its group.</summary>
    Group,
}

/// <summary>Counts registrations by device and by group over a minute, to tell a storm. Thread-safe.</summary>
/// <remarks>The count of a sliding minute is estimated from two fixed ones: all of this one and, of the last, the part that the sliding minute
/// still covers. A process counts what it sees itself. Memory: DPS lets 1,000 registrations a minute through a service, so two
/// minutes hold a few thousand names; beyond <see cref="NamesMax"/> names everything is a storm.</remarks>
public sealed class RegistrationRates
{
    /// <summary>Most names counted in one minute.</summary>
    public const int NamesMax = 50_000;

    private readonly Lock _lock = new();
    private Dictionary<string, int> _now = new(StringComparer.Ordinal);
    private Dictionary<string, int> _before = new(StringComparer.Ordinal);
    private long _minute;

    /// <summary>Counts a registration and judges it.</summary>
    /// <param name="device">The device's id.</param>
    /// <param name="group">Its group, if any.</param>
    /// <param name="policy">The limits.</param>
    /// <param name="at">UTC; never before an earlier call's minute.</param>
    /// <returns>A storm from the first registration over the limit on. Refused registrations count too: a storm ends when it stops.</returns>
    public Storm Take(string device, string? group, FleetPolicy policy, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var (minute, part) = (at.UtcTicks / TimeSpan.TicksPerMinute, 1.0 - at.UtcTicks % TimeSpan.TicksPerMinute / (double)TimeSpan.TicksPerMinute);
        lock (_lock)
        {
            if (minute > _minute)
            {
                _before = minute == _minute + 1 ? _now : new(StringComparer.Ordinal);
                _now = new(StringComparer.Ordinal);
                _minute = minute;
            }

            // Both are counted, whichever of the two is the storm. An id has no '/', so no device is taken for a group.
            var ofDevice = Count("d/" + device, part);
            var ofGroup = group is null ? 0 : Count("g/" + group, part);
            return ofDevice > policy.DeviceRegistrationsPerMinute ? Storm.Device : ofGroup > policy.GroupRegistrationsPerMinute ? Storm.Group : Storm.None;
        }
    }

    private double Count(string name, double part)
    {
        if (!_now.TryGetValue(name, out var count) && _now.Count >= NamesMax) return double.PositiveInfinity;
        _now[name] = count + 1;
        return count + 1 + Math.Floor(part * _before.GetValueOrDefault(name));
    }
}
