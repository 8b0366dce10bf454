using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Devices;

/// <summary>The device API over HTTPS: below <c>/{idScope}/registrations/{registrationId}</c>.</summary>
internal sealed class DeviceHttp(Dps dps, DeviceApi api)
{
    /// <summary>Its routes.</summary>
    public void Map(WebApplication server)
    {
        server.MapPut("/{scope}/registrations/{id}/register", Register);
        server.MapGet("/{scope}/registrations/{id}/operations/{operation}", Poll);
        server.MapPost("/{scope}/registrations/{id}", Look);
    }

    private Task Register(HttpContext http) => Answer(http, async proof => api.Register(proof, await http.Body().ConfigureAwait(false)));

    private Task Poll(HttpContext http) => Answer(http, proof => Task.FromResult(api.Poll(proof, (string)http.Request.RouteValues["operation"]!)));

    private Task Look(HttpContext http) => Answer(http, proof => Task.FromResult(api.Look(proof)));

    private async Task Answer(HttpContext http, Func<DeviceProof, Task<DeviceReply>> handle)
    {
        DeviceReply reply;
        try
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = ProvisioningLimits.MessageBytesMax;
            reply = Claim(http).TryGet(out var proof, out var fault) ? await handle(proof).ConfigureAwait(false) : api.Refuse(fault, "requests");
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            http.Drain();
            reply = api.Refuse(new Fault("body-size", "body"), "requests");
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            return; // the device left; what it asked for may have begun
        }

        http.Response.StatusCode = reply.Status;
        if (reply.RetryAfter is { } wait) http.Response.Headers.RetryAfter = wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        if (reply.Status >= 400) http.Response.Headers["x-ms-error-code"] = reply.Body["errorCode"]!.ToJsonString();
        await HubReply.WriteJson(http, reply.Body).ConfigureAwait(false);
    }

    /// <returns>What the request says of its sender, or <c>argument-invalid</c> (no api-version), <c>scope-unknown</c>, <c>registration-id</c>.</returns>
    private Parsed<DeviceProof> Claim(HttpContext http)
    {
        if (string.IsNullOrEmpty(http.Request.Query["api-version"])) return new Fault("argument-invalid", "api-version");
        if (!string.Equals((string?)http.Request.RouteValues["scope"], dps.Options.IdScope, StringComparison.OrdinalIgnoreCase)) return new Fault("scope-unknown", "idScope");
        if (!RegistrationName.Parse(http.Id()).TryGet(out var id, out var fault)) return fault;
        var token = http.Request.Headers.Authorization.ToString();
        return new DeviceProof(id, token.Length == 0 ? null : token, PeerCertificates.Of(http));
    }
}
