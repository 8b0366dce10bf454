using System.Text.Json;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Faults;
using Serverless.Hosting;

namespace Serverless.Enrollment.AddCertificate;

/// <summary>HTTP edge of a rotation's first half.</summary>
internal static class AddCertificate
{
    private const int WireBytesMax = 64 * 1024;

    /// <summary>POST api/devices/{id}/certificates with <c>{"certificateChain": PEM}</c>: 200 the device with both; 400 fault code; 404, 409, 410.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("api/devices/{id}/certificates", async (string id, HttpRequest request, Rotation rotation, CancellationToken cancel) =>
        {
            if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
            var body = await request.ReadBounded(WireBytesMax, cancel).ConfigureAwait(false);
            return body.Then(bytes => Parse(bytes.Span)).TryGet(out var chain, out fault)
                ? Answer.From(await rotation.Add(device, chain, Caller.Of(request.HttpContext.User), cancel).ConfigureAwait(false), EnrollmentJson.Default.DeviceBody)
                : Answer.Refuse(fault);
        })
        .RequireRole(Role.DeviceEnroll);

    /// <summary>Reads the body.</summary>
    /// <returns>The chain, or <c>request-malformed</c>, or a fault of <see cref="CertificateChain.Parse"/>.</returns>
    internal static Parsed<CertificateChain> Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EnrollmentJson.Default.NextCertificateBody) is { } body ? CertificateChain.Parse(body.CertificateChain) : new Fault("request-malformed", "body");
        }
        catch (JsonException)
        {
            return new Fault("request-malformed", "body");
        }
    }
}

/// <summary>Wire form of a next certificate.</summary>
internal sealed record NextCertificateBody(string CertificateChain);
