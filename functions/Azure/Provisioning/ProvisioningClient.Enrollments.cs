using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.Provisioning;

public sealed partial class ProvisioningClient
{
    /// <summary>Reads an individual enrolment.</summary>
    /// <param name="registrationId">The device's registration id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>It, without any secret; or <c>enrollment-unknown</c>.</returns>
    public async Task<Parsed<IndividualEnrollment>> GetEnrollment(string registrationId, CancellationToken cancel)
    {
        if (RegistrationId.Check(registrationId) is { } fault) return fault;
        return await Ask(Call("enrollment-get", RequestMethod.Get, Path("enrollments", registrationId), Repeat.Read), "enrollment",
            ProvisioningJson.Default.EnrollmentBody, EnrollmentBodies.Individual, cancel).ConfigureAwait(false);
    }

    /// <summary>Makes an individual enrolment where there is none.</summary>
    /// <remarks>The service's PUT overwrites silently and documents no condition for "only if new". So this asks first, and sends
    /// <c>If-None-Match: *</c> with the PUT, which the service may ignore: between the two calls somebody else's new entry would be
    /// overwritten. Who must rule that out creates with <see cref="BulkEnrollments"/>, or holds a lock of its own (the device ledger).</remarks>
    /// <param name="enrollment">The entry.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>enrollment-exists</c>, <c>enrollment-conflict</c>.</returns>
    public async Task<Parsed<IndividualEnrollment>> CreateEnrollment(IndividualEnrollment enrollment, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(enrollment);
        var known = await GetEnrollment(enrollment.RegistrationId, cancel).ConfigureAwait(false);
        if (known.Fault is null) return new Fault("enrollment-exists", "registrationId");
        if (known.Fault.Code != "enrollment-unknown") return known.Fault;
        var made = await Write("enrollment-create", enrollment, null, Repeat.Guarded, ("If-None-Match", "*"), cancel).ConfigureAwait(false);
        return made.Fault is ServiceFault { Status: 412 } taken ? taken with { Code = "enrollment-exists" } : made;
    }

    /// <summary>Makes or replaces an individual enrolment, whatever is there: for entries that must be so, such as a disabled one.</summary>
    /// <param name="enrollment">The entry; its ETag is not looked at.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>enrollment-conflict</c>.</returns>
    public Task<Parsed<IndividualEnrollment>> PutEnrollment(IndividualEnrollment enrollment, CancellationToken cancel) =>
        Write("enrollment-put", enrollment, null, Repeat.Harmless, null, cancel);

    /// <summary>Replaces an individual enrolment if its version is still the one that was read.</summary>
    /// <param name="enrollment">The entry with its ETag.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored, with its new ETag; or <c>enrollment-stale</c>, <c>enrollment-unknown</c>, <c>enrollment-conflict</c>.</returns>
    public Task<Parsed<IndividualEnrollment>> UpdateEnrollment(IndividualEnrollment enrollment, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(enrollment);
        return Write("enrollment-update", enrollment, enrollment.ETag ?? throw new ArgumentException("an update names the version it replaces", nameof(enrollment)), Repeat.Guarded, null, cancel);
    }

    /// <summary>Deletes an individual enrolment. A group may then admit the device: to shut it out, disable instead.</summary>
    /// <param name="registrationId">The device's registration id.</param>
    /// <param name="etag">The version to delete; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns><see langword="null"/> when it is gone; or <c>enrollment-unknown</c>, <c>enrollment-stale</c>.</returns>
    public async Task<Fault?> DeleteEnrollment(string registrationId, string? etag, CancellationToken cancel)
    {
        if (RegistrationId.Check(registrationId) is { } fault) return fault;
        var call = Call("enrollment-delete", RequestMethod.Delete, Path("enrollments", registrationId), etag is null ? Repeat.Harmless : Repeat.Guarded);
        return await Remove(call with { IfMatch = Requests.IfMatch(etag) }, "enrollment", cancel).ConfigureAwait(false);
    }

    /// <summary>Makes, replaces or deletes up to <see cref="BulkMax"/> individual enrolments, each by itself. Counts as one operation here;
    /// how the service meters it is not documented.</summary>
    /// <param name="mode">What to do with each.</param>
    /// <param name="enrollments">1 to 10 entries of different ids.</param>
    /// <param name="cancel">Cancels; some may have landed.</param>
    /// <returns>What failed, per item: <c>enrollment-exists</c>, <c>enrollment-unknown</c>, <c>enrollment-stale</c>,
    /// <c>enrollment-conflict</c>, <c>provisioning-refused</c>, <c>provisioning-item-busy</c> (throttled: again later),
    /// <c>provisioning-item-failed</c> (the service broke on it).</returns>
    public Task<Parsed<BulkOutcome>> BulkEnrollments(BulkMode mode, IReadOnlyList<IndividualEnrollment> enrollments, CancellationToken cancel) =>
        Bulk("enrollment-bulk", "enrollments", mode, enrollments, cancel);

    /// <summary>Asks for one page of individual enrolments.</summary>
    /// <param name="query">Such as <c>SELECT * FROM enrollments</c>. Ours, never a caller's text.</param>
    /// <param name="pageSize">Most items, 1 to <see cref="PageMax"/>.</param>
    /// <param name="continuation">The page before's, or <see langword="null"/> for the first.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<Parsed<Page<IndividualEnrollment>>> QueryEnrollments(string query, int pageSize, string? continuation, CancellationToken cancel) =>
        Query("enrollment-query", "enrollments/query", query, pageSize, continuation, ProvisioningJson.Default.ListEnrollmentBody, EnrollmentBodies.Individual, cancel);

    /// <summary>Reads the keys of an enrolment by symmetric key: the one call that returns a secret. It needs the data action
    /// <c>attestationmechanism/details/action</c>, which a role without need of it should not have.</summary>
    /// <param name="registrationId">The device's registration id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The keys; or <c>enrollment-unknown</c>.</returns>
    public async Task<Parsed<DeviceKeys>> GetEnrollmentKeys(string registrationId, CancellationToken cancel)
    {
        if (RegistrationId.Check(registrationId) is { } fault) return fault;
        var call = Call("enrollment-keys", RequestMethod.Post, Path("enrollments", registrationId) + "/attestationmechanism", Repeat.Read);
        return await Ask(call with { EmptyBody = true }, "enrollment", ProvisioningJson.Default.AttestationBody, EnrollmentBodies.Keys, cancel).ConfigureAwait(false);
    }

    private async Task<Parsed<IndividualEnrollment>> Write(
        string operation, IndividualEnrollment enrollment, string? etag, Repeat repeat, (string, string)? condition, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(enrollment);
        if (RegistrationId.Check(enrollment.RegistrationId) is { } fault) return fault;
        var call = Call(operation, RequestMethod.Put, Path("enrollments", enrollment.RegistrationId), repeat) with
        {
            Body = Requests.Body(EnrollmentBodies.From(enrollment), ProvisioningJson.Default.EnrollmentBody),
            IfMatch = Requests.IfMatch(etag),
            Headers = condition is { } header ? [header] : [],
        };
        return await Ask(call, "enrollment", ProvisioningJson.Default.EnrollmentBody, EnrollmentBodies.Individual, cancel).ConfigureAwait(false);
    }

    private static string Path(string collection, string id) => $"{collection}/{Requests.Segment(id)}";
}
