using Serverless.Faults;
using Serverless.Firmware.Releases;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Desk;

/// <summary>Keeps the online roles young, and says long before anything expires.</summary>
/// <remarks>Asked every hour. Alarms come first: they need no vault. A vault that is away for days changes nothing for devices, for a
/// timestamp lives 7 days; each hour it is asked again, and the alarm grows from "soon" to "now" while there is still time.</remarks>
/// <param name="repository">What is published.</param>
/// <param name="clock">Wall time.</param>
/// <param name="log">Where alarms go: events 4020 and 4021.</param>
internal sealed class Refreshing(OtaRepository repository, TimeProvider clock, ILogger<Refreshing> log)
{
    /// <summary>Looks at every role, and signs what is due.</summary>
    /// <param name="cancel">Stops it; the next hour goes on.</param>
    /// <returns>What was done, in our own words.</returns>
    /// <exception cref="Exception">The vault or the storage is away: an outage, told by the host's retry.</exception>
    public async Task<string> Tick(CancellationToken cancel)
    {
        if (!(await repository.Read(cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault))
        {
            if (fault.Code == "publish-root") return "nothing is published yet";
            Log.RepositoryBroken(log, fault.Code, fault.Where);
            return $"the repository is refused: {fault}";
        }

        var now = clock.GetUtcNow();
        foreach (var one in await Expiries(standing, cancel).ConfigureAwait(false)) Warn(one.Role, one.Header, now);
        var publication = standing.Publication;
        var due = ExpiryRule.TimestampIsDue(publication.Timestamp.Header.Expires, repository.Lives.TimestampLives, now)
            || publication.Snapshot.Header.Expires - now < repository.Lives.SnapshotRenewBefore
            || publication.RootIsAhead; // a ceremony died between its root and the timestamp
        return due ? await Sign(publication, now, cancel).ConfigureAwait(false) : "nothing is due";
    }

    /// <summary>Each role and its end: root, timestamp, snapshot, targets, then products.</summary>
    public async Task<IReadOnlyList<RoleExpiry>> Expiries(Standing standing, CancellationToken cancel)
    {
        var publication = standing.Publication;
        var roles = new List<RoleExpiry>
        {
            new(RoleName.Root, publication.NewestRoot.Header),
            new(RoleName.Timestamp, publication.Timestamp.Header),
            new(RoleName.Snapshot, publication.Snapshot.Header),
            new(RoleName.Targets, publication.Targets.Header),
        };
        foreach (var product in standing.Products.Keys.Order(StringComparer.Ordinal))
        {
            var role = await publication.Role(product, cancel).ConfigureAwait(false);
            if (role.TryGet(out var published, out var fault)) roles.Add(new RoleExpiry(product, published.Targets.Header));
            else if (fault.Code != "targets-unlisted") Log.RepositoryBroken(log, fault.Code, fault.Where);
        }
        return roles;
    }

    private async Task<string> Sign(Publication publication, DateTimeOffset now, CancellationToken cancel)
    {
        var hoursLeft = (publication.Timestamp.Header.Expires - now).TotalHours;
        Parsed<Published> published;
        try
        {
            published = await repository.Publish(Change.Refresh, publication.NewestRoot, cancel).ConfigureAwait(false);
        }
        catch (Exception outage) when (outage is not OperationCanceledException and not InvalidOperationException)
        {
            Log.RefreshFailed(log, outage, hoursLeft);
            throw;
        }
        if (!published.TryGet(out var seen, out var fault))
        {
            Log.RefreshRefused(log, fault.Code, fault.Where, hoursLeft);
            return $"refused: {fault}";
        }
        Log.Refreshed(log, seen.TimestampVersion, seen.SnapshotVersion);
        return $"timestamp {seen.TimestampVersion}, snapshot {seen.SnapshotVersion}";
    }

    private void Warn(string role, Header header, DateTimeOffset now)
    {
        var days = (header.Expires - now).TotalDays;
        Meters.Expiry(role, header.Expires - now);
        switch (ExpiryRule.Judge(role, header.Expires, now))
        {
            case Urgency.Soon:
                Log.RoleExpiresSoon(log, role, header.Version, days);
                break;
            case Urgency.Now:
                Log.RoleExpiresNow(log, role, header.Version, days);
                break;
        }
    }
}

/// <summary>A role and its end.</summary>
/// <param name="Role">Its name.</param>
/// <param name="Header">Version and expiry.</param>
internal sealed record RoleExpiry(string Role, Header Header);
