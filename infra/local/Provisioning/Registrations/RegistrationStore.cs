using System.Collections.Concurrent;
using System.Globalization;
using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>The registration records of a service. Thread-safe.</summary>
internal sealed class RegistrationStore(int recordsMax, TimeProvider clock, TimeProvider wall)
{
    private readonly ConcurrentDictionary<string, RegistrationRecord> _records = new(RegistrationName.Comparer);
    private long _etag = clock.GetUtcNow().UtcTicks;

    /// <summary>The record under an id, or null.</summary>
    public RegistrationRecord? Find(string id) => _records.GetValueOrDefault(id);

    /// <summary>The record under an id, made when it is not there.</summary>
    /// <returns>The record, or <c>registrations-full</c>.</returns>
    public Parsed<RegistrationRecord> FindOrAdd(string id) =>
        _records.Count >= recordsMax && !_records.ContainsKey(id)
            ? new Fault("registrations-full", "registrationId")
            : _records.GetOrAdd(id, New);

    /// <summary>A record that nobody has; it is not stored.</summary>
    public RegistrationRecord New(string id) =>
        new(id, clock.GetUtcNow(), new RateBucket(ProvisioningLimits.PollsPerPeriod, ProvisioningLimits.PollPeriod, wall)) { ETag = NextETag() };

    /// <summary>The records of a group, by id.</summary>
    public IReadOnlyList<RegistrationRecord> OfGroup(string groupId) =>
    [
        .. _records.Values
            .Where(record => { lock (record.Gate) return RegistrationName.Comparer.Equals(record.GroupId, groupId); })
            .OrderBy(record => record.Id, RegistrationName.Comparer),
    ];

    /// <summary>Removes a record; the hub keeps its identity.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="ifMatch">An ETag without quotes, <c>*</c>, or null for no condition.</param>
    /// <returns>Null, or <c>registration-not-found</c>, <c>etag-mismatch</c>.</returns>
    public Fault? Delete(string id, string? ifMatch)
    {
        if (Find(id) is not { } record) return new Fault("registration-not-found", "registrationId");
        lock (record.Gate)
        {
            if (record.Deleted) return new Fault("registration-not-found", "registrationId");
            if (ifMatch is not (null or "*") && ifMatch != record.ETag) return new Fault("etag-mismatch", "If-Match");
            record.Deleted = true;
            _records.TryRemove(id, out _);
            return null;
        }
    }

    /// <summary>Notes a change. Called under the record's gate.</summary>
    public void Touch(RegistrationRecord record)
    {
        record.UpdatedAt = clock.GetUtcNow();
        record.ETag = NextETag();
    }

    private string NextETag() => Interlocked.Increment(ref _etag).ToString("x16", CultureInfo.InvariantCulture);
}
