using System.Text.Json.Serialization.Metadata;
using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.IotHub;

/// <summary>IoT Hub's service API, version 2021-04-12: identities, twins, queries, direct methods.</summary>
/// <remarks>
/// <para>Thread-safe; one a process and hub. Needs the role IoT Hub Data Contributor, or less for less (README).</para>
/// <para>Every method throws <see cref="ServiceOutageException"/> when it did not work inside the bound, and says there whether a
/// write may have landed. Refusals are faults, each of them a <see cref="ServiceFault"/> when the service said so, and are not retried:
/// <c>hub-device-id</c> (not sent), <c>hub-refused</c> (the service calls the request wrong), and those a method names.</para>
/// <para>No call returns a key.</para>
/// </remarks>
public sealed partial class IotHubClient : IDisposable
{
    /// <summary>Most devices of a bulk call.</summary>
    public const int BulkMax = 100;

    /// <summary>Most items of a page.</summary>
    public const int PageMax = 100;

    private const string ApiVersion = "2021-04-12";
    private const string Scope = "https://iothubs.azure.net/.default";
    private readonly ServiceCaller _caller;
    private readonly Budgets _budgets;
    private readonly string _work;
    private readonly bool _owner;

    /// <summary>Prepares a client; connects to nothing yet.</summary>
    /// <param name="host"><c>name.azure-devices.net</c>, or <c>host:port</c>.</param>
    /// <param name="credential">Who we are; tokens are asked for scope <c>https://iothubs.azure.net/.default</c>.</param>
    /// <param name="clock">Waits and rates.</param>
    /// <param name="options">Our share of the quotas, times and trust.</param>
    public IotHubClient(string host, TokenCredential credential, TimeProvider clock, IotHubClientOptions? options = null)
    {
        options ??= new IotHubClientOptions();
        var (minute, second, share) = (TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1), options.Share);
        _budgets = new Budgets(
            new RateBudget(share.RegistryPerMinute, minute, clock), new RateBudget(share.QueriesPerMinute, minute, clock),
            new RateBudget(share.TwinReadsPerSecond, second, clock), new RateBudget(share.TwinUpdatesPerSecond, second, clock),
            new RateBudget(share.MethodsPerSecond, second, clock));
        _caller = new ServiceCaller(host, Scope, ApiVersion, credential, clock, options.Calls);
        (_work, _owner) = ("", true);
    }

    private IotHubClient(IotHubClient shared, string work) => (_caller, _budgets, _work, _owner) = (shared._caller, shared._budgets, work, false);

    /// <summary>The hub's host name.</summary>
    public string Host => _caller.Host;

    /// <summary>Registry operations that could start at once; what is left of this minute's share.</summary>
    public int FreeRegistry => _budgets.Registry.Free;

    /// <summary>The same client for a named piece of work: pieces take turns at the share, so that a sweep does not keep a request waiting.</summary>
    /// <param name="work">Its name, one of few.</param>
    public IotHubClient For(string work) => new(this, work);

    /// <summary>Ends a client that was constructed; those of <see cref="For"/> end with it.</summary>
    public void Dispose()
    {
        if (!_owner) return;
        _caller.Dispose();
        foreach (var budget in (ReadOnlySpan<RateBudget>)[_budgets.Registry, _budgets.Queries, _budgets.TwinReads, _budgets.TwinUpdates, _budgets.Methods]) budget.Dispose();
    }

    private Task<(ServiceReply Reply, bool EarlierMayHaveLanded)> Send(ServiceCall call, CancellationToken cancel) => _caller.Send(call, _work, cancel);

    private async Task<Parsed<TResult>> Ask<T, TResult>(ServiceCall call, JsonTypeInfo<T> type, Func<T, TResult> map, CancellationToken cancel)
        where TResult : notnull
    {
        var (reply, _) = await Send(call, cancel).ConfigureAwait(false);
        return reply.Status < 300 ? _caller.Read(call, reply, type, map) : HubFaults.Of(reply);
    }

    private static string Device(string deviceId) => "devices/" + Requests.Segment(deviceId);

    private static string TwinOf(string deviceId) => "twins/" + Requests.Segment(deviceId);

    private sealed record Budgets(RateBudget Registry, RateBudget Queries, RateBudget TwinReads, RateBudget TwinUpdates, RateBudget Methods);
}
