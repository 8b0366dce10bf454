using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub.Rest;

/// <summary>The hub's service API: which path needs which right and counts against which rate. What is done is in the classes beside it.</summary>
/// <remarks>Refuses with those of <see cref="RestEdge"/> and <c>module-not-found</c>; <see cref="HubErrors"/> says each in the service's
/// words.</remarks>
internal sealed class ServiceApi(Hub hub, Tokens tokens, TenantDirectory directory)
{
    /// <summary>Largest request body: a full bulk of 100 twins.</summary>
    public const int BodyBytesMax = HubLimits.BulkMax * 48 * 1024;

    private readonly RestEdge _edge = new(
        new ServiceCallers(
            new ServiceAccess(Audiences.IotHub, "Microsoft.Devices/IotHubs/", hub.Options.Scope, hub.Policies, () => hub.Hosts, hub.Wall), tokens, directory),
        hub.Counters,
        (http, fault) => HubErrors.Write(http, fault, hub.Wall.GetUtcNow()));

    /// <summary>Every route of the API.</summary>
    public void Map(WebApplication server)
    {
        var devices = new DevicesApi(hub);
        var bulk = new BulkApi(hub);
        var twins = new TwinsApi(hub);
        var queries = new QueryApi(hub);
        var methods = new MethodsApi(hub);
        var messages = new MessagesApi(hub);
        void On(string verb, string path, Metered metered, Need need, RestEdge.Handler handler)
        {
            var meter = hub.Throttles.MeterOf(metered);
            server.MapMethods(path, [verb], http => _edge.Answer(http, meter, need, handler));
        }


        On("GET", "/devices/{id}", Metered.Registry, HubNeed.DeviceRead, devices.Show);
        On("PUT", "/devices/{id}", Metered.Registry, HubNeed.DeviceWrite, devices.Put);
        On("DELETE", "/devices/{id}", Metered.Registry, HubNeed.DeviceDelete, devices.Delete);
        On("GET", "/devices", Metered.Registry, HubNeed.DeviceRead, devices.List);
        On("GET", "/statistics/devices", Metered.Registry, HubNeed.Statistics, devices.Statistics);
        On("POST", "/devices", Metered.Registry, HubNeed.Bulk, bulk.Run);
        On("POST", "/devices/query", Metered.Query, HubNeed.TwinRead, queries.Run);
        On("GET", "/twins/{id}", Metered.TwinRead, HubNeed.TwinRead, twins.Show);
        On("PATCH", "/twins/{id}", Metered.TwinUpdate, HubNeed.TwinWrite, twins.Patch);
        On("PUT", "/twins/{id}", Metered.TwinUpdate, HubNeed.TwinWrite, twins.Replace);
        On("POST", "/twins/{id}/methods", Metered.Method, HubNeed.Method, methods.Invoke);
        On("POST", "/messages/deviceBound", Metered.CloudToDevice, HubNeed.Send, messages.Send);
        On("DELETE", "/devices/{id}/commands", Metered.CloudToDevice, HubNeed.Purge, messages.Purge);
        foreach (var verb in new[] { "GET", "PUT", "PATCH", "POST", "DELETE" })
        {
            On(verb, "/devices/{id}/modules/{**rest}", Metered.Registry, HubNeed.DeviceRead, NoModules);
            On(verb, "/twins/{id}/modules/{**rest}", Metered.TwinRead, HubNeed.TwinRead, NoModules);
        }
    }

    private static Task<Parsed<HubReply>> NoModules(HttpContext http) =>
        Task.FromResult<Parsed<HubReply>>(new Fault("module-not-found", "moduleId"));
}
