using Serverless.Devices;
using Serverless.Enrollment.AddCertificate;
using Serverless.Hosting;

namespace Serverless.Enrollment.RemoveCertificate;

/// <summary>HTTP edge of a rotation's second half.</summary>
internal static class RemoveCertificate
{
    /// <summary>DELETE api/devices/{id}/certificates/{thumbprint of the public key}: 200 the device without it; 404 <c>certificate-unknown</c>;
    /// 409 <c>certificate-conflict</c>, it is the one in use.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapDelete("api/devices/{id}/certificates/{thumbprint}", async (string id, string thumbprint, HttpContext http, Rotation rotation, CancellationToken cancel) =>
        {
            if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
            return KeyThumbprint.Parse(thumbprint).TryGet(out var key, out fault)
                ? Answer.From(await rotation.Remove(device, key, Caller.Of(http.User), cancel).ConfigureAwait(false), EnrollmentJson.Default.DeviceBody)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.DeviceEnroll);
}
