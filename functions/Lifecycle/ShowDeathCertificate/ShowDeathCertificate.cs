using Serverless.Devices;
using Serverless.Faults;
using Serverless.Hosting;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Proofs;

namespace Serverless.Lifecycle;

/// <summary>HTTP edge of looking: statements of death, the forecast.</summary>
internal static class ShowDeathCertificate
{
    private const int WeeksMax = 104;
    private const int PagesMax = 100; // 100,000 rows: what one request may read

    /// <summary>GET api/devices/{id}/death-certificate: 200, 404 <c>device-unknown</c>, <c>death-certificate-unknown</c>. GET api/forecast?weeks=: 200.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("api/devices/{id}/death-certificate", Certificate).RequireRole(Role.FleetRead, Role.DeviceDecommission);
        routes.MapGet("api/forecast", Forecast).RequireRole(Role.FleetRead, Role.DeviceDecommission);
    }

    private static async Task<IResult> Certificate(string id, HttpContext http, IDeviceLedger ledger, DeathCertificates certificates, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
        if (await ledger.Get(device, cancel).ConfigureAwait(false) is not { } record) return Answer.Refuse(new Fault("device-unknown", "id"));
        var shown = record.State == DeviceState.Dead ? await certificates.Show(record, cancel).ConfigureAwait(false) : null;
        return shown is { } found
            ? Answer.Json(new CertificateBody(device.Text, found.Statement, found.Returns), LifecycleJson.Default.CertificateBody)
            : Answer.Refuse(new Fault("death-certificate-unknown", "id"));
    }

    private static async Task<IResult> Forecast(int? weeks, HttpContext http, IDeviceLedger ledger, LifecycleSettings settings, TimeProvider clock, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        var wanted = weeks ?? 26;
        if (wanted is < 1 or > WeeksMax) return Answer.Refuse(new Fault("weeks-range", "weeks"));
        var (now, count, pages, after) = (clock.GetUtcNow(), 0, 0, (string?)null);
        var sums = new (int CutOff, int OutOfReach)[wanted];
        do
        {
            if (!(await ledger.List(new DeviceQuery(), after, 1000, cancel).ConfigureAwait(false)).TryGet(out var page, out var fault)) return Answer.Refuse(fault);
            count += page.Items.Count;
            var part = Expiry.Forecast(page.Items, now, wanted, settings.SilentAfter);
            for (var week = 0; week < wanted; week++) sums[week] = (sums[week].CutOff + part[week].CutOff, sums[week].OutOfReach + part[week].OutOfReach);
            after = page.Next;
        }
        while (after is not null && ++pages < PagesMax);
        var forecast = sums.Select((sum, week) => new WeekForecast(now + (week * TimeSpan.FromDays(7)), sum.CutOff, sum.OutOfReach));
        return Answer.Json(new ForecastBody(count, after is null, [.. forecast]), LifecycleJson.Default.ForecastBody);
    }
}
