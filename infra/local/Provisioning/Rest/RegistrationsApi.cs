using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>Registration records: what the service did for devices, not what it may do.</summary>
internal sealed class RegistrationsApi(Dps dps)
{
    /// <summary>GET /registrations/{id}: <c>registration-not-found</c>.</summary>
    public Task<Parsed<HubReply>> Show(HttpContext http)
    {
        if (dps.Registrations.Find(http.Id()) is not { } record) return Task.FromResult<Parsed<HubReply>>(new Fault("registration-not-found", "registrationId"));
        lock (record.Gate) return Task.FromResult<Parsed<HubReply>>(new HubReply(record.Document(), ETag: record.ETag));
    }

    /// <summary>DELETE /registrations/{id}: <c>registration-not-found</c>, <c>etag-mismatch</c>. The hub's identity stays, and so does the
    /// right to register again.</summary>
    public Task<Parsed<HubReply>> Delete(HttpContext http) =>
        Task.FromResult(dps.Registrations.Delete(http.Id(), EnrollmentsApi.IfMatch(http)) is { } fault ? fault : (Parsed<HubReply>)HubReply.Empty);

    /// <summary>POST /registrations/{group}/query: the records of a group, by id, a page at a time; of a deleted one too.</summary>
    public async Task<Parsed<HubReply>> Query(HttpContext http)
    {
        if (await Pages.Check(http, "registrations").ConfigureAwait(false) is { } fault) return fault;
        return Pages.Of(
            http,
            dps.Registrations.OfGroup(http.Id()),
            record => record.Id,
            record => { lock (record.Gate) return record.Document(); },
            "DeviceRegistration");
    }
}
