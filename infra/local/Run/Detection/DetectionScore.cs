using System.Globalization;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run.Detection;

/// <summary>How one kind of attack was noticed.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Attacks">How many there were.</param>
/// <param name="Found">How many an alert about the device fell into.</param>
/// <param name="Named">How many were called by their kind.</param>
/// <param name="Delay">Median time from the start of the attack to the first alert; zero when none was found.</param>
public sealed record KindScore(AttackKind Kind, int Attacks, int Found, int Named, TimeSpan Delay)
{
    /// <summary>Share found, 0 to 1.</summary>
    public double Recall => Attacks == 0 ? 0 : Found / (double)Attacks;
}

/// <summary>Alerts held against ground truth: precision, recall and delay. Pure.</summary>
/// <param name="Kinds">By kind, in the order of the enumeration.</param>
/// <param name="FalseIncidents">Alerts that no attack explains, those of a device within an hour counted once.</param>
/// <param name="DeviceDays">Device time that was judged, in days.</param>
public sealed record DetectionScore(IReadOnlyList<KindScore> Kinds, int FalseIncidents, double DeviceDays)
{
    /// <summary>How long after the end of an attack an alert still counts for it.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(15);

    /// <summary>Within which false alerts of a device are one incident.</summary>
    public static readonly TimeSpan Merge = TimeSpan.FromHours(1);

    /// <summary>Attacks found.</summary>
    public int Found => Kinds.Sum(kind => kind.Found);

    /// <summary>Attacks found among all, 0 to 1.</summary>
    public double Recall => Kinds.Sum(kind => kind.Attacks) is var all and > 0 ? Found / (double)all : 0;

    /// <summary>Attacks found among all that was told, false incidents included, 0 to 1.</summary>
    public double Precision => Found + FalseIncidents == 0 ? 0 : Found / (double)(Found + FalseIncidents);

    /// <summary>False incidents a device-day.</summary>
    public double FalsePerDeviceDay => DeviceDays <= 0 ? 0 : FalseIncidents / DeviceDays;

    /// <summary>Judges alerts.</summary>
    /// <param name="attacks">The truth.</param>
    /// <param name="alerts">Alerts of the devices judged, honest ones among them; in any order.</param>
    /// <param name="from">Alerts before this are not judged: the devices were being learned.</param>
    /// <param name="deviceDays">Device time from there on, over all devices, in days.</param>
    public static DetectionScore Of(IReadOnlyList<Attack> attacks, IEnumerable<AlertSeen> alerts, DateTimeOffset from, double deviceDays)
    {
        var first = new Dictionary<Attack, (DateTimeOffset At, bool Named)>();
        var began = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var incidents = 0;
        foreach (var alert in alerts.Where(alert => alert.At >= from).OrderBy(alert => alert.At))
        {
            var hit = attacks.FirstOrDefault(attack => attack.Device == alert.Device && alert.At >= attack.Start && alert.At <= attack.End + Grace);
            if (hit is not null)
            {
                var named = alert.Fault.Equals("anomaly-" + hit.Kind, StringComparison.OrdinalIgnoreCase);
                first[hit] = first.TryGetValue(hit, out var known) ? (known.At, known.Named || named) : (alert.At, named);
            }
            else if (!began.TryGetValue(alert.Device, out var incident) || alert.At - incident >= Merge)
            {
                began[alert.Device] = alert.At;
                incidents++;
            }
        }

        return new DetectionScore([.. attacks.GroupBy(attack => attack.Kind).OrderBy(group => group.Key).Select(group => Kind(group.Key, [.. group], first))], incidents, deviceDays);
    }

    /// <summary>The score as lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"recall {Recall:0.00}, precision {Precision:0.00}, {FalseIncidents} false incidents in {DeviceDays:0.0} device-days");
        foreach (var kind in Kinds)
        {
            var delay = kind.Found == 0 ? "-" : kind.Delay.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture);
            yield return string.Create(CultureInfo.InvariantCulture, $"{kind.Kind,-12} {kind.Found} of {kind.Attacks} found, {kind.Named} named, after {delay}");
        }
    }

    private static KindScore Kind(AttackKind kind, IReadOnlyList<Attack> attacks, Dictionary<Attack, (DateTimeOffset At, bool Named)> first)
    {
        var found = attacks.Where(first.ContainsKey).ToList();
        var delays = found.Select(attack => first[attack].At - attack.Start).Order().ToList();
        return new KindScore(kind, attacks.Count, found.Count, found.Count(attack => first[attack].Named), delays.Count == 0 ? default : delays[delays.Count / 2]);
    }
}
