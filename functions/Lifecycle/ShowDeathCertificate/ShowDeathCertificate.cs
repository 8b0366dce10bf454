using System.Globalization;
using Serverless.Devices;
using Serverless.Hosting;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Proofs;

namespace Serverless.Lifecycle;

/// <summary>HTTP edge of looking: statements of death, the forecast.</summary>
internal static class ShowDeathCertificate
{
    /// <summary>GET api/devices/{id}/death-certificate: 200, 404 <c>device-unknown</c>, <c>death-certificate-unknown</c>. GET api/forecast?weeks=: 200, 400 <c>weeks-range</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("api/devices/{id}/death-certificate", Certificate).RequireRole(Role.FleetRead, Role.DeviceDecommission);
        routes.MapGet("api/forecast", Forecast).RequireRole(Role.FleetRead, Role.DeviceDecommission);
    }

    private static async Task<IResult> Certificate(string id, HttpContext http, IDeviceLedger ledger, DeathCertificates certificates, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
        var shown = await certificates.Show(await ledger.Get(device, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        return Answer.From(shown.Then<CertificateBody>(found => new CertificateBody(device.Text, found.Statement, found.Returns)), LifecycleJson.Default.CertificateBody);
    }

    private static async Task<IResult> Forecast(string? weeks, HttpContext http, ForecastDesk desk, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Answer.From(await desk.Show(weeks is null ? 26 : int.TryParse(weeks, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : 0, cancel).ConfigureAwait(false), LifecycleJson.Default.ForecastBody);
    }
}
