using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>All enrolments of a service. Thread-safe; a change is whole or not at all.</summary>
/// <param name="authorities">CAs that references may name.</param>
/// <param name="hubs">Host names of the linked hubs.</param>
/// <param name="individualsMax">Individual enrolments it may hold.</param>
/// <param name="clock">For stamps.</param>
internal sealed class EnrollmentStore(AuthorityStore authorities, Func<IReadOnlyCollection<string>> hubs, int individualsMax, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Enrollment> _individuals = new(RegistrationName.Comparer);
    private readonly Dictionary<string, Enrollment> _groups = new(RegistrationName.Comparer);
    private readonly Dictionary<string, HashSet<string>> _idsByLeaf = new(StringComparer.Ordinal);
    private long _etag = clock.GetUtcNow().UtcTicks;

    /// <summary>The enrolment under an id, or null.</summary>
    public Enrollment? Find(EnrollmentKind kind, string id)
    {
        lock (_gate) return Of(kind).GetValueOrDefault(id);
    }

    /// <summary>All of a kind, by id.</summary>
    public IReadOnlyList<Enrollment> List(EnrollmentKind kind)
    {
        lock (_gate) return [.. Of(kind).Values.OrderBy(enrollment => enrollment.Id, RegistrationName.Comparer)];
    }

    /// <summary>Individual enrolments that hold this leaf certificate.</summary>
    /// <param name="sha256">Its thumbprint, upper-case hex.</param>
    public IReadOnlyList<Enrollment> WithLeaf(string sha256)
    {
        lock (_gate) return _idsByLeaf.TryGetValue(sha256, out var ids) ? [.. ids.Select(id => _individuals[id])] : [];
    }

    /// <summary>Stores an enrolment made from what is there, as one step.</summary>
    /// <param name="kind">By path.</param>
    /// <param name="id">By path or bulk element.</param>
    /// <param name="write">Whether it may exist.</param>
    /// <param name="ifMatch">An ETag without quotes, <c>*</c>, or null for no condition.</param>
    /// <param name="make">The enrolment from the one under the id, if any.</param>
    /// <returns>The stored one, or <c>enrollment-not-found</c>, <c>enrollment-exists</c>, <c>etag-mismatch</c>, <c>enrollment-hub</c>,
    /// <c>enrollment-authority</c>, <c>enrollments-full</c>, <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>, and those of <paramref name="make"/>.</returns>
    public Parsed<Enrollment> Put(EnrollmentKind kind, string id, Write write, string? ifMatch, Func<Enrollment?, Parsed<Enrollment>> make)
    {
        lock (_gate)
        {
            var before = Of(kind).GetValueOrDefault(id);
            if (before is null && (write == Write.Update || ifMatch is not null)) return new Fault("enrollment-not-found", "registrationId");
            if (before is not null && write == Write.Create) return new Fault("enrollment-exists", "registrationId");
            if (before is not null && ifMatch is not (null or "*") && ifMatch != before.ETag) return new Fault("etag-mismatch", "If-Match");
            if (!make(before).TryGet(out var asked, out var fault)) return fault;
            if (Check(asked, isNew: before is null) is { } refused) return refused;
            var now = clock.GetUtcNow();
            var stored = asked with { Id = before?.Id ?? asked.Id, ETag = NextETag(), CreatedAt = before?.CreatedAt ?? now, UpdatedAt = now };
            Forget(before);
            Of(kind)[stored.Id] = stored;
            foreach (var leaf in Leaves(stored)) (_idsByLeaf.TryGetValue(leaf, out var ids) ? ids : _idsByLeaf[leaf] = []).Add(stored.Id);
            return stored;
        }
    }

    /// <summary>Removes an enrolment.</summary>
    /// <returns>The removed one, or <c>enrollment-not-found</c>, <c>etag-mismatch</c>.</returns>
    public Parsed<Enrollment> Delete(EnrollmentKind kind, string id, string? ifMatch)
    {
        lock (_gate)
        {
            if (!Of(kind).TryGetValue(id, out var known)) return new Fault("enrollment-not-found", "registrationId");
            if (ifMatch is not (null or "*") && ifMatch != known.ETag) return new Fault("etag-mismatch", "If-Match");
            Forget(known);
            Of(kind).Remove(id);
            return known;
        }
    }

    private Fault? Check(Enrollment asked, bool isNew)
    {
        var linked = hubs();
        if (asked.Hubs.Any(hub => !linked.Contains(hub, StringComparer.OrdinalIgnoreCase))) return new Fault("enrollment-hub", "iotHubs");
        if (asked.Attestation is AuthorityReferences references
            && (!authorities.IsVerified(references.Primary) || (references.Secondary is { } second && !authorities.IsVerified(second))))
        {
            return new Fault("enrollment-authority", "attestation.x509.caReferences");
        }

        if (isNew && asked.Kind == EnrollmentKind.Individual && _individuals.Count >= individualsMax) return new Fault("enrollments-full", "registrationId");
        var sameType = _groups.Values.Count(group => group.Attestation is SymmetricKeys == asked.Attestation is SymmetricKeys);
        if (isNew && asked.Kind == EnrollmentKind.Group && sameType >= ProvisioningLimits.GroupsMax) return new Fault("enrollments-full", "enrollmentGroupId");
        return Begin("initialTwin.tags", HubLimits.TagsBytesMax, asked.Twin?.Tags) ?? Begin("initialTwin.desired", HubLimits.PropertiesBytesMax, asked.Twin?.Desired);

        Fault? Begin(string name, int bytesMax, System.Text.Json.Nodes.JsonObject? values) =>
            values is null ? null : TwinSection.Empty(name, bytesMax).Merge(values, clock.GetUtcNow()).Fault;
    }

    private void Forget(Enrollment? known)
    {
        if (known is null) return;
        foreach (var leaf in Leaves(known))
        {
            if (_idsByLeaf.TryGetValue(leaf, out var ids) && ids.Remove(known.Id) && ids.Count == 0) _idsByLeaf.Remove(leaf);
        }
    }

    private static IEnumerable<string> Leaves(Enrollment enrollment) => enrollment.Attestation is not ClientCertificates clients ? []
        : clients.Secondary is { } second ? new[] { clients.Primary.Sha256, second.Sha256 }.Distinct() : [clients.Primary.Sha256];

    private Dictionary<string, Enrollment> Of(EnrollmentKind kind) => kind == EnrollmentKind.Individual ? _individuals : _groups;

    private string NextETag() => (++_etag).ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>What a write expects to find.</summary>
internal enum Write
{
    /// <summary>Nothing under the id.</summary>
    Create,

    /// <summary>An enrolment under the id.</summary>
    Update,

    /// <summary>Either: <c>PUT</c> without condition.</summary>
    Either,
}
