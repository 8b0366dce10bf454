using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>The service API: which path needs which right. What is done is in the classes beside it; refusals are said by
/// <see cref="ProvisioningError"/>, beside them those of <see cref="RestEdge"/>.</summary>
internal sealed class ServiceApi(Dps dps, Tokens tokens, TenantDirectory directory)
{
    private readonly RestEdge _edge = new(
        new ServiceCallers(
            new ServiceAccess(Audiences.Provisioning, "Microsoft.Devices/provisioningServices/", dps.Options.Scope, dps.Policies, () => dps.Hosts, dps.Wall), tokens, directory),
        dps.Counters,
        (http, fault) => Refuse(http, fault, dps.Clock.GetUtcNow()));

    /// <summary>Every route of the API.</summary>
    public void Map(WebApplication server)
    {
        void On(string verb, string path, string counter, Need need, RestEdge.Handler handler)
        {
            var meter = dps.Throttles.Operation(counter);
            server.MapMethods(path, [verb], http => _edge.Answer(http, meter, need, handler));
        }

        Collection("/enrollments", "enrollments", EnrollmentKind.Individual, ServicePolicies.EnrollmentRead, ServicePolicies.EnrollmentWrite, ServicePolicies.EnrollmentDelete, ServicePolicies.EnrollmentBulk);
        Collection("/enrollmentGroups", "groups", EnrollmentKind.Group, ServicePolicies.GroupRead, ServicePolicies.GroupWrite, ServicePolicies.GroupDelete, ServicePolicies.GroupBulk);
        var registrations = new RegistrationsApi(dps);
        On("GET", "/registrations/{id}", "registrations", ServicePolicies.RegistrationRead, registrations.Show);
        On("DELETE", "/registrations/{id}", "registrations", ServicePolicies.RegistrationDelete, registrations.Delete);
        On("POST", "/registrations/{id}/query", "registrations", ServicePolicies.RegistrationRead, registrations.Query);

        void Collection(string path, string counter, EnrollmentKind kind, Need read, Need write, Need delete, Need bulk)
        {
            var single = new EnrollmentsApi(dps, kind);
            On("GET", path + "/{id}", counter, read, single.Show);
            On("PUT", path + "/{id}", counter, write, single.Put);
            On("DELETE", path + "/{id}", counter, delete, single.Delete);
            On("POST", path, counter, bulk, new BulkApi(dps, kind, single).Run);
            On("POST", path + "/query", counter, read, single.Query);
            On("POST", path + "/{id}/attestationmechanism", counter, ServicePolicies.Details, single.Secrets);
        }
    }

    private static Task Refuse(HttpContext http, Fault fault, DateTimeOffset now)
    {
        var error = ProvisioningError.Of(fault);
        http.Response.StatusCode = error.Status;
        http.Response.Headers["x-ms-error-code"] = error.ToString();
        return HubReply.WriteJson(http, error.Document(now));
    }
}
