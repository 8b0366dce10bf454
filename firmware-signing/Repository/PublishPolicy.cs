namespace Serverless.FirmwareSigning.Repository;

/// <summary>How long online metadata lives (FORMAT.md 4.6).</summary>
/// <param name="TimestampLives">From each signing; devices go without an update at most this long before they notice a freeze.</param>
/// <param name="SnapshotLives">From each signing.</param>
/// <param name="SnapshotRenewBefore">A refresh signs a new snapshot when less than this is left.</param>
/// <param name="Attempts">Tries against other publishers before giving up.</param>
public sealed record PublishPolicy(TimeSpan TimestampLives, TimeSpan SnapshotLives, TimeSpan SnapshotRenewBefore, int Attempts)
{
    /// <summary>Timestamp 7 days, signed daily: six days of vault outage strand nobody. Snapshot 30 days, renewed from the 15th on.</summary>
    public static PublishPolicy Default { get; } = new(TimeSpan.FromDays(7), TimeSpan.FromDays(30), TimeSpan.FromDays(15), 5);
}
