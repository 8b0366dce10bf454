using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.Provisioning;

public sealed partial class ProvisioningClient
{
    /// <summary>Reads a device's registration record.</summary>
    /// <param name="registrationId">The device's registration id.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>It; or <c>registration-unknown</c>.</returns>
    public async Task<Parsed<RegistrationState>> GetRegistration(string registrationId, CancellationToken cancel)
    {
        if (RegistrationId.Check(registrationId) is { } fault) return fault;
        return await Ask(Call("registration-get", RequestMethod.Get, Path("registrations", registrationId), Repeat.Read), "registration",
            ProvisioningJson.Default.RegistrationBody, EnrollmentBodies.Registration, cancel).ConfigureAwait(false);
    }

    /// <summary>Deletes a device's registration record. This shuts nobody out: the device may register again unless its entry is disabled.</summary>
    /// <param name="registrationId">The device's registration id.</param>
    /// <param name="etag">The version to delete; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns><see langword="null"/> when it is gone; or <c>registration-unknown</c>, <c>registration-stale</c>.</returns>
    public async Task<Fault?> DeleteRegistration(string registrationId, string? etag, CancellationToken cancel)
    {
        if (RegistrationId.Check(registrationId) is { } fault) return fault;
        var call = Call("registration-delete", RequestMethod.Delete, Path("registrations", registrationId), etag is null ? Repeat.Harmless : Repeat.Guarded);
        return await Remove(call with { IfMatch = Requests.IfMatch(etag) }, "registration", cancel).ConfigureAwait(false);
    }

    /// <summary>Asks for one page of the registration records of a group.</summary>
    /// <param name="groupId">The group.</param>
    /// <param name="pageSize">Most items, 1 to <see cref="PageMax"/>.</param>
    /// <param name="continuation">The page before's, or <see langword="null"/> for the first.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Parsed<Page<RegistrationState>>> QueryRegistrations(string groupId, int pageSize, string? continuation, CancellationToken cancel)
    {
        if (RegistrationId.Check(groupId) is { } fault) return fault;
        return await Query("registration-query", Path("registrations", groupId) + "/query", "*", pageSize, continuation,
            ProvisioningJson.Default.ListRegistrationBody, EnrollmentBodies.Registration, cancel).ConfigureAwait(false);
    }
}
