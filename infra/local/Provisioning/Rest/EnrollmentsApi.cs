using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>Enrolments of one kind, one at a time: <c>argument-invalid</c>, <c>body-type</c>, <c>registration-mismatch</c> (path and body), and those of
/// <see cref="EnrollmentBody"/> and <see cref="EnrollmentStore"/>.</summary>
internal sealed class EnrollmentsApi(Dps dps, EnrollmentKind kind)
{
    /// <summary>GET: no secret in it.</summary>
    public Task<Parsed<HubReply>> Show(HttpContext http) => Task.FromResult(Find(http).Then<HubReply>(Reply));

    /// <summary>PUT: creates or replaces; with If-Match replaces that version only.</summary>
    public async Task<Parsed<HubReply>> Put(HttpContext http)
    {
        if (!IsJson(http)) return new Fault("body-type", "Content-Type");
        if (!(await http.BodyObject().ConfigureAwait(false)).TryGet(out var body, out var fault)) return fault;
        if (!body.TryText(EnrollmentBody.IdMember(kind), out var named)) return new Fault("argument-invalid", "registrationId");
        if (named is null) body[EnrollmentBody.IdMember(kind)] = http.Id();
        else if (!RegistrationName.Comparer.Equals(named, http.Id())) return new Fault("registration-mismatch", "registrationId");
        return dps.Enrollments.Put(kind, http.Id(), Write.Either, IfMatch(http), before => EnrollmentBody.Parse(body, kind, before)).Then<HubReply>(Reply);
    }

    /// <summary>DELETE: of an individual enrolment its registration record too; those of a group stay.</summary>
    public Task<Parsed<HubReply>> Delete(HttpContext http) => Task.FromResult(Delete(http.Id(), IfMatch(http)) is { } fault ? fault : (Parsed<HubReply>)HubReply.Empty);

    /// <summary>POST …/attestationmechanism: the secrets.</summary>
    public Task<Parsed<HubReply>> Secrets(HttpContext http) =>
        Task.FromResult(Find(http).Then<HubReply>(enrollment => new HubReply(AttestationBody.Document(enrollment.Attestation, withSecrets: true))));

    /// <summary>POST …/query: all of them, by id, a page at a time.</summary>
    public async Task<Parsed<HubReply>> Query(HttpContext http)
    {
        var source = kind == EnrollmentKind.Individual ? "enrollments" : "enrollmentGroups";
        if (await Pages.Check(http, source).ConfigureAwait(false) is { } fault) return fault;
        return Pages.Of(http, dps.Enrollments.List(kind), enrollment => enrollment.Id, Document, "Enrollment");
    }

    /// <summary>Removes one.</summary>
    /// <returns>Null, or <c>enrollment-not-found</c>, <c>etag-mismatch</c>.</returns>
    public Fault? Delete(string id, string? ifMatch)
    {
        if (dps.Enrollments.Delete(kind, id, ifMatch).Fault is { } fault) return fault;
        if (kind == EnrollmentKind.Individual) _ = dps.Registrations.Delete(id, null); // there may be none
        return null;
    }

    /// <summary>The If-Match header, quoted or not: SDKs send it both ways.</summary>
    public static string? IfMatch(HttpContext http) => http.IfMatch()?.Trim('"');

    private static bool IsJson(HttpContext http) => http.Request.ContentType is { } type && type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);

    private Parsed<Enrollment> Find(HttpContext http) => dps.Enrollments.Find(kind, http.Id()) is { } known ? known : new Fault("enrollment-not-found", "registrationId");

    private JsonObject Document(Enrollment enrollment) => EnrollmentBody.Document(enrollment, kind == EnrollmentKind.Individual ? State(enrollment.Id) : null);

    private JsonObject? State(string id)
    {
        if (dps.Registrations.Find(id) is not { } record) return null;
        lock (record.Gate) return record.Document();
    }

    private Parsed<HubReply> Reply(Enrollment enrollment) => new HubReply(Document(enrollment), ETag: enrollment.ETag);
}
