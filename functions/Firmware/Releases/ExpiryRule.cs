using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Releases;

/// <summary>How urgent an expiry is.</summary>
public enum Urgency
{
    /// <summary>Nothing to do.</summary>
    None,

    /// <summary>Someone should plan for it.</summary>
    Soon,

    /// <summary>Someone must act today.</summary>
    Now,
}

/// <summary>How long before the end of a role someone is told.</summary>
public static class ExpiryRule
{
    // Offline ceremonies need people and a date: two months, then two weeks. Online roles renew themselves: silence for two days is news
    // for a timestamp that lives 7, for a snapshot that is renewed from its 15th day on.
    private static readonly (TimeSpan Soon, TimeSpan Now) Offline = (TimeSpan.FromDays(60), TimeSpan.FromDays(14));
    private static readonly (TimeSpan Soon, TimeSpan Now) Snapshot = (TimeSpan.FromDays(12), TimeSpan.FromDays(5));
    private static readonly (TimeSpan Soon, TimeSpan Now) Timestamp = (TimeSpan.FromDays(5), TimeSpan.FromDays(3));

    /// <summary>Judges a role.</summary>
    /// <param name="role">Its name.</param>
    /// <param name="expires">When it expires, UTC.</param>
    /// <param name="now">UTC.</param>
    public static Urgency Judge(string role, DateTimeOffset expires, DateTimeOffset now)
    {
        var (soon, urgent) = role switch
        {
            RoleName.Timestamp => Timestamp,
            RoleName.Snapshot => Snapshot,
            _ => Offline,
        };
        var left = expires - now;
        return left <= urgent ? Urgency.Now : left <= soon ? Urgency.Soon : Urgency.None;
    }

    /// <summary>Whether the timestamp is to be signed again: a day after it was, by its end.</summary>
    /// <param name="expires">Of the timestamp, UTC.</param>
    /// <param name="lives">How long a timestamp lives from its signing.</param>
    /// <param name="now">UTC.</param>
    /// <remarks>An hour less than a day: asked every hour, it is never later than a day.</remarks>
    public static bool TimestampIsDue(DateTimeOffset expires, TimeSpan lives, DateTimeOffset now) => expires - now <= lives - TimeSpan.FromHours(23);
}
