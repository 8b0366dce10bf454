using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>POST of a collection: up to 10 changes, each by itself; the answer is 200 with <c>isSuccessful</c> and what failed.</summary>
internal sealed class BulkApi(Dps dps, EnrollmentKind kind, EnrollmentsApi single)
{
    /// <summary>Runs the changes in order.</summary>
    /// <returns>What failed; or <c>argument-invalid</c>, <c>bulk-mode</c>, <c>bulk-size</c> for the whole. One element fails with those of
    /// <see cref="EnrollmentsApi"/>.</returns>
    public async Task<Parsed<HubReply>> Run(HttpContext http)
    {
        var member = kind == EnrollmentKind.Individual ? "enrollments" : "enrollmentGroups";
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText("mode", out var mode)) return new Fault("argument-invalid", "mode");
        if (body[member] is not JsonArray elements || elements.Count == 0 || elements.Any(element => element is not JsonObject)) return new Fault("argument-invalid", member);
        if (elements.Count > ProvisioningLimits.BulkMax) return new Fault("bulk-size", member);
        Func<JsonObject, string, Fault?>? apply = mode?.ToUpperInvariant() switch
        {
            "CREATE" => (element, id) => Put(element, id, Write.Create, null),
            "UPDATE" => (element, id) => Put(element, id, Write.Update, null),
            // Without an ETag it matches nothing.
            "UPDATEIFMATCHETAG" => (element, id) => element.TryText("etag", out var etag) ? Put(element, id, Write.Update, etag?.Trim('"') ?? "") : new Fault("argument-invalid", "etag"),
            "DELETE" => (_, id) => single.Delete(id, null),
            _ => null,
        };
        if (apply is null) return new Fault("bulk-mode", "mode");
        var errors = new JsonArray();
        foreach (var element in elements.Cast<JsonObject>())
        {
            var refused = element.TryText(EnrollmentBody.IdMember(kind), out var id) && id is not null ? apply(element, id) : new Fault("registration-id", "registrationId");
            if (refused is null) continue;
            dps.Counters.Add("bulk.refused." + refused.Code);
            var error = ProvisioningError.Of(refused);
            errors.Add(new JsonObject { [EnrollmentBody.IdMember(kind)] = id, ["errorCode"] = error.Code, ["errorStatus"] = error.Message });
        }

        return new HubReply(new JsonObject { ["isSuccessful"] = errors.Count == 0, ["errors"] = errors });
    }

    private Fault? Put(JsonObject element, string id, Write write, string? ifMatch) =>
        dps.Enrollments.Put(kind, id, write, ifMatch, before => EnrollmentBody.Parse(element, kind, before)).Fault;
}
