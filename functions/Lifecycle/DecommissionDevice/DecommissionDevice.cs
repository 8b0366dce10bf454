using Serverless.Devices;
using Serverless.Faults;
using Serverless.Hosting;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle;

/// <summary>HTTP edge of ends: one device, a transfer, taking back, a query.</summary>
internal static class DecommissionDevice
{
    /// <summary>POST, GET and DELETE api/devices/{id}/decommission, POST api/devices/{id}/transfer, POST api/decommissions: 200,
    /// 400, 404 <c>device-unknown</c>, 409 conflicts, 410 <c>device-gone</c>, 412 <c>selection-stale</c>, 413, 415.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        // Methods, not lambdas: the generator of request delegates does not see the JSON generator's types, and so no lambda's result.
        routes.MapPost("api/devices/{id}/decommission", One).RequireRole(Role.DeviceDecommission);
        routes.MapPost("api/devices/{id}/transfer", Transfer).RequireRole(Role.DeviceDecommission);
        routes.MapGet("api/devices/{id}/decommission", Show).RequireRole(Role.FleetRead, Role.DeviceDecommission);
        routes.MapDelete("api/devices/{id}/decommission", TakeBack).RequireRole(Role.DeviceDecommission);
        routes.MapPost("api/decommissions", All).RequireRole(Role.DeviceDecommission);
    }

    private static async Task<IResult> One(string id, HttpContext http, DecommissionDesk desk, CancellationToken cancel)
    {
        if (!(await LifecycleJson.Read(http.Request, LifecycleJson.Default.DecommissionBody, cancel).ConfigureAwait(false)).TryGet(out var body, out var fault)) return Answer.Refuse(fault);
        return await Begin(id, new EndingRequest(body.Reason, TimeSpan.FromSeconds(body.GraceSeconds), body.FactoryReset), http, desk, cancel).ConfigureAwait(false);
    }

    private static async Task<IResult> Transfer(string id, HttpContext http, DecommissionDesk desk, CancellationToken cancel)
    {
        if (!(await LifecycleJson.Read(http.Request, LifecycleJson.Default.TransferBody, cancel).ConfigureAwait(false)).TryGet(out var body, out var fault)) return Answer.Refuse(fault);
        return await Begin(id, new EndingRequest(body.Reason, TimeSpan.FromSeconds(body.GraceSeconds), body.FactoryReset, body.NewOwner), http, desk, cancel).ConfigureAwait(false);
    }

    private static async Task<IResult> Show(string id, HttpContext http, IDeviceLedger ledger, CancellationToken cancel)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
        return await ledger.Get(device, cancel).ConfigureAwait(false) is { } record
            ? Answer.Json(EndingBody.Of(record), LifecycleJson.Default.EndingBody)
            : Answer.Refuse(new Fault("device-unknown", "id"));
    }

    private static async Task<IResult> TakeBack(string id, HttpContext http, DecommissionDesk desk, CancellationToken cancel)
    {
        if (!(await LifecycleJson.Read(http.Request, LifecycleJson.Default.ReasonBody, cancel).ConfigureAwait(false)).TryGet(out var body, out var fault)) return Answer.Refuse(fault);
        if (!DeviceId.Parse(id, "id").TryGet(out var device, out fault)) return Answer.Refuse(fault);
        var done = await desk.Cancel(device, body.Reason, Caller.Of(http.User), cancel).ConfigureAwait(false);
        return Answer.From(done.Then<EndingBody>(record => EndingBody.Of(record)), LifecycleJson.Default.EndingBody);
    }

    private static async Task<IResult> All(HttpContext http, DecommissionDesk desk, CancellationToken cancel) =>
        (await LifecycleJson.Read(http.Request, LifecycleJson.Default.DecommissionsBody, cancel).ConfigureAwait(false)).TryGet(out var body, out var fault)
            ? Answer.From(await Query(body, http, desk, cancel).ConfigureAwait(false), LifecycleJson.Default.SelectionBody)
            : Answer.Refuse(fault);

    private static async Task<IResult> Begin(string id, EndingRequest request, HttpContext http, DecommissionDesk desk, CancellationToken cancel)
    {
        if (!DeviceId.Parse(id, "id").TryGet(out var device, out var fault)) return Answer.Refuse(fault);
        var done = await desk.Begin(device, request, Caller.Of(http.User), cancel).ConfigureAwait(false);
        return Answer.From(done.Then<EndingBody>(record => EndingBody.Of(record)), LifecycleJson.Default.EndingBody);
    }

    private static async Task<Parsed<SelectionBody>> Query(DecommissionsBody body, HttpContext http, DecommissionDesk desk, CancellationToken cancel)
    {
        var query = new DeviceQuery(null, body.Model, body.Owner, body.Group);
        if (body.Confirm is null)
        {
            var listed = await desk.Select(query, cancel).ConfigureAwait(false);
            return listed.Then<SelectionBody>(ids => new SelectionBody(true, ids.Count, Decommissioning.Digest(ids), [.. ids.Select(id => new SelectedBody(id.Text, null))]));
        }

        var request = new EndingRequest(body.Reason, TimeSpan.FromSeconds(body.GraceSeconds), body.FactoryReset);
        var done = await desk.BeginAll(query, request, body.Confirm.Count, body.Confirm.Digest, Caller.Of(http.User), cancel).ConfigureAwait(false);
        return done.Then<SelectionBody>(all => new SelectionBody(false, all.Count, body.Confirm.Digest, [.. all.Select(item => new SelectedBody(item.Id.Text, item.Fault?.Code))]));
    }
}
