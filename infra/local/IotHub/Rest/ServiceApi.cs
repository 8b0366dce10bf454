using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.IotHub.Rest;

/// <summary>The service API's edge: who asks, how often, and in what shape the answer goes out. What is done is in the classes beside it.</summary>
/// <remarks>Refuses with those of <see cref="ServiceCallers.Check"/>, <c>argument-invalid</c> (no api-version), <c>throttled</c>,
/// <c>body-size</c> and <c>module-not-found</c>; <see cref="HubErrors"/> says each in the service's words.</remarks>
internal sealed class ServiceApi(Hub hub, Tokens tokens, TenantDirectory directory)
{
    /// <summary>Largest request body: a full bulk of 100 twins.</summary>
    public const int BodyBytesMax = HubLimits.BulkMax * 48 * 1024;

    private readonly ServiceCallers _callers = new(hub, tokens, directory);

    /// <summary>Every route of the API.</summary>
    public void Map(WebApplication server)
    {
        var devices = new DevicesApi(hub);
        var bulk = new BulkApi(hub);
        var twins = new TwinsApi(hub);
        var queries = new QueryApi(hub);
        var methods = new MethodsApi(hub);
        var messages = new MessagesApi(hub);
        void On(string verb, string path, Metered metered, Need need, Handler handler) =>
            server.MapMethods(path, [verb], http => Answer(http, metered, need, handler));

        On("GET", "/devices/{id}", Metered.Registry, Need.DeviceRead, devices.Show);
        On("PUT", "/devices/{id}", Metered.Registry, Need.DeviceWrite, devices.Put);
        On("DELETE", "/devices/{id}", Metered.Registry, Need.DeviceDelete, devices.Delete);
        On("GET", "/devices", Metered.Registry, Need.DeviceRead, devices.List);
        On("GET", "/statistics/devices", Metered.Registry, Need.Statistics, devices.Statistics);
        On("POST", "/devices", Metered.Registry, Need.Bulk, bulk.Run);
        On("POST", "/devices/query", Metered.Query, Need.TwinRead, queries.Run);
        On("GET", "/twins/{id}", Metered.TwinRead, Need.TwinRead, twins.Show);
        On("PATCH", "/twins/{id}", Metered.TwinUpdate, Need.TwinWrite, twins.Patch);
        On("PUT", "/twins/{id}", Metered.TwinUpdate, Need.TwinWrite, twins.Replace);
        On("POST", "/twins/{id}/methods", Metered.Method, Need.Method, methods.Invoke);
        On("POST", "/messages/deviceBound", Metered.CloudToDevice, Need.Send, messages.Send);
        On("DELETE", "/devices/{id}/commands", Metered.CloudToDevice, Need.Purge, messages.Purge);
        foreach (var verb in new[] { "GET", "PUT", "PATCH", "POST", "DELETE" })
        {
            On(verb, "/devices/{id}/modules/{**rest}", Metered.Registry, Need.DeviceRead, NoModules);
            On(verb, "/twins/{id}/modules/{**rest}", Metered.TwinRead, Need.TwinRead, NoModules);
        }
    }

    private static Task<Parsed<HubReply>> NoModules(HttpContext http) =>
        Task.FromResult<Parsed<HubReply>>(new Fault("module-not-found", "moduleId"));

    private async Task Answer(HttpContext http, Metered metered, Need need, Handler handler)
    {
        try
        {
            var refused = await _callers.Check(http.Request.Headers.Authorization.ToString(), need, http.RequestAborted).ConfigureAwait(false);
            if (refused is null && string.IsNullOrEmpty(http.Request.Query["api-version"])) refused = new Fault("argument-invalid", "api-version");
            if (refused is null && hub.Throttles.Take(metered) is { Ticks: > 0 } wait)
            {
                http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
                refused = new Fault("throttled", Throttles.Name(metered));
            }

            var reply = refused ?? await handler(http).ConfigureAwait(false);
            hub.Counters.Add("rest." + Throttles.Name(metered));
            if (reply.TryGet(out var success, out var fault)) await success.Write(http).ConfigureAwait(false);
            else await HubErrors.Write(http, fault, hub.Wall.GetUtcNow()).ConfigureAwait(false);
        }
        catch (BadHttpRequestException refused) when (refused.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await HubErrors.Write(http, new Fault("body-size", "body"), hub.Wall.GetUtcNow()).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller left; there is nobody to answer. A method call it made may still have reached the device.
        }
    }

    /// <summary>One operation: a request understood, or a fault.</summary>
    internal delegate Task<Parsed<HubReply>> Handler(HttpContext http);
}
