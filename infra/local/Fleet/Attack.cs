namespace Serverless.Local.Fleet;

/// <summary>What an attacker, or a failure, does to a device that goes on sending well-formed messages: nothing a profile could refuse.</summary>
public enum AttackKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One metric far off for one to three messages.</summary>
    Spike,

    /// <summary>One metric walks away slowly.</summary>
    Drift,

    /// <summary>One metric repeats its last reading.</summary>
    Stuck,

    /// <summary>One metric reads zero.</summary>
    Flatline,

    /// <summary>The last 48 readings loop, under fresh ids, times and numbers.</summary>
    Replay,

    /// <summary>Honest values, ten times as often.</summary>
    Flood,

    /// <summary>Nothing is heard.</summary>
    Silence,

    /// <summary>One metric shows what it shows at another time of day: plausible alone, wrong beside the others.</summary>
    Correlation,

    /// <summary>Garbage within the profile's range.</summary>
    Fuzz,

    /// <summary>A second source under the same identity, with readings and a counter of its own.</summary>
    Clone,

    /// <summary>A thief connects with the same key and sends nothing: the two throw each other off the hub until the thief is gone.</summary>
    Reconnects,
}

/// <summary>The truth about one attack.</summary>
/// <param name="Device">Whom it befell.</param>
/// <param name="Kind">What.</param>
/// <param name="Start">Time of the first wrong message; for silence, when the first missing one was due.</param>
/// <param name="End">Time of the last wrong message; for silence, when the device is back.</param>
public sealed record Attack(string Device, AttackKind Kind, DateTimeOffset Start, DateTimeOffset End);
