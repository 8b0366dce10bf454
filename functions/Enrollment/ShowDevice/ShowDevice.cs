using Serverless.Devices;
using Serverless.Hosting;

namespace Serverless.Enrollment.ShowDevice;

/// <summary>HTTP edge of looking at one device.</summary>
internal static class ShowDevice
{
    /// <summary>GET api/devices/{id}: 200 what ledger, DPS and IoT Hub say, and where they differ; 404 <c>device-unknown</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("api/devices/{id}", async (string id, DeviceDesk desk, CancellationToken cancel) =>
            DeviceId.Parse(id, "id").TryGet(out var device, out var fault)
                ? Answer.From(await desk.Show(device, cancel).ConfigureAwait(false), EnrollmentJson.Default.DeviceView)
                : Answer.Refuse(fault))
        .RequireRole(Role.FleetRead, Role.DeviceEnroll);
}
