using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.Provisioning;

public sealed partial class ProvisioningClient
{
    /// <summary>Reads a group.</summary>
    /// <param name="groupId">Its id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>It, without any secret; or <c>enrollment-group-unknown</c>.</returns>
    public async Task<Parsed<EnrollmentGroup>> GetGroup(string groupId, CancellationToken cancel)
    {
        if (RegistrationId.Check(groupId) is { } fault) return fault;
        return await Ask(Call("group-get", RequestMethod.Get, Path("enrollmentGroups", groupId), Repeat.Read), "enrollmentGroup",
            ProvisioningJson.Default.EnrollmentBody, EnrollmentBodies.Group, cancel).ConfigureAwait(false);
    }

    /// <summary>Makes a group where there is none; as <see cref="CreateEnrollment"/>, with the same gap.</summary>
    /// <param name="group">The group.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>enrollment-group-exists</c>, <c>enrollment-group-conflict</c>.</returns>
    public async Task<Parsed<EnrollmentGroup>> CreateGroup(EnrollmentGroup group, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(group);
        var known = await GetGroup(group.GroupId, cancel).ConfigureAwait(false);
        if (known.Fault is null) return new Fault("enrollment-group-exists", "enrollmentGroupId");
        if (known.Fault.Code != "enrollment-group-unknown") return known.Fault;
        var made = await WriteGroup("group-create", group, null, Repeat.Guarded, ("If-None-Match", "*"), cancel).ConfigureAwait(false);
        return made.Fault is ServiceFault { Status: 412 } taken ? taken with { Code = "enrollment-group-exists" } : made;
    }

    /// <summary>Makes or replaces a group, whatever is there.</summary>
    /// <param name="group">The group; its ETag is not looked at.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored; or <c>enrollment-group-conflict</c>.</returns>
    public Task<Parsed<EnrollmentGroup>> PutGroup(EnrollmentGroup group, CancellationToken cancel) =>
        WriteGroup("group-put", group, null, Repeat.Harmless, null, cancel);

    /// <summary>Replaces a group if its version is still the one that was read. Disabling one stops new registrations of its devices
    /// and leaves those on a hub where they are.</summary>
    /// <param name="group">The group with its ETag.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>It as stored, with its new ETag; or <c>enrollment-group-stale</c>, <c>enrollment-group-unknown</c>, <c>enrollment-group-conflict</c>.</returns>
    public Task<Parsed<EnrollmentGroup>> UpdateGroup(EnrollmentGroup group, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(group);
        return WriteGroup("group-update", group, group.ETag ?? throw new ArgumentException("an update names the version it replaces", nameof(group)), Repeat.Guarded, null, cancel);
    }

    /// <summary>Deletes a group. A group of a CA higher in the chain may then admit its devices: to shut them out, disable instead.</summary>
    /// <param name="groupId">Its id.</param>
    /// <param name="etag">The version to delete; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns><see langword="null"/> when it is gone; or <c>enrollment-group-unknown</c>, <c>enrollment-group-stale</c>.</returns>
    public async Task<Fault?> DeleteGroup(string groupId, string? etag, CancellationToken cancel)
    {
        if (RegistrationId.Check(groupId) is { } fault) return fault;
        var call = Call("group-delete", RequestMethod.Delete, Path("enrollmentGroups", groupId), etag is null ? Repeat.Harmless : Repeat.Guarded);
        return await Remove(call with { IfMatch = Requests.IfMatch(etag) }, "enrollmentGroup", cancel).ConfigureAwait(false);
    }

    /// <summary>As <see cref="BulkEnrollments"/>, for groups; the codes of items begin with <c>enrollment-group</c>.</summary>
    /// <param name="mode">What to do with each.</param>
    /// <param name="groups">1 to 10 groups of different ids.</param>
    /// <param name="cancel">Cancels; some may have landed.</param>
    public Task<Parsed<BulkOutcome>> BulkGroups(BulkMode mode, IReadOnlyList<EnrollmentGroup> groups, CancellationToken cancel) =>
        Bulk("group-bulk", "enrollmentGroups", mode, groups, cancel);

    /// <summary>Asks for one page of groups.</summary>
    /// <param name="query">Such as <c>SELECT * FROM enrollmentGroups</c>. Ours, never a caller's text.</param>
    /// <param name="pageSize">Most items, 1 to <see cref="PageMax"/>.</param>
    /// <param name="continuation">The page before's, or <see langword="null"/> for the first.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<Parsed<Page<EnrollmentGroup>>> QueryGroups(string query, int pageSize, string? continuation, CancellationToken cancel) =>
        Query("group-query", "enrollmentGroups/query", query, pageSize, continuation, ProvisioningJson.Default.ListEnrollmentBody, EnrollmentBodies.Group, cancel);

    /// <summary>Reads the keys of a group by symmetric key; as <see cref="GetEnrollmentKeys"/>. From these every device's key follows.</summary>
    /// <param name="groupId">Its id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The keys; or <c>enrollment-group-unknown</c>.</returns>
    public async Task<Parsed<DeviceKeys>> GetGroupKeys(string groupId, CancellationToken cancel)
    {
        if (RegistrationId.Check(groupId) is { } fault) return fault;
        var call = Call("group-keys", RequestMethod.Post, Path("enrollmentGroups", groupId) + "/attestationmechanism", Repeat.Read);
        return await Ask(call with { EmptyBody = true }, "enrollmentGroup", ProvisioningJson.Default.AttestationBody, EnrollmentBodies.Keys, cancel).ConfigureAwait(false);
    }

    private async Task<Parsed<EnrollmentGroup>> WriteGroup(
        string operation, EnrollmentGroup group, string? etag, Repeat repeat, (string, string)? condition, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (RegistrationId.Check(group.GroupId) is { } fault) return fault;
        var call = Call(operation, RequestMethod.Put, Path("enrollmentGroups", group.GroupId), repeat) with
        {
            Body = Requests.Body(EnrollmentBodies.From(group), ProvisioningJson.Default.EnrollmentBody),
            IfMatch = Requests.IfMatch(etag),
            Headers = condition is { } header ? [header] : [],
        };
        return await Ask(call, "enrollmentGroup", ProvisioningJson.Default.EnrollmentBody, EnrollmentBodies.Group, cancel).ConfigureAwait(false);
    }
}
