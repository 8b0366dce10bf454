using System.Text.Json.Serialization.Metadata;
using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.Provisioning;

/// <summary>The Device Provisioning Service's service API, version 2021-10-01: enrolments, groups and registration records.</summary>
/// <remarks>
/// <para>Thread-safe; one a process and service. Needs the role Device Provisioning Service Data Contributor (or Data Reader for reads).</para>
/// <para>Every method throws <see cref="ServiceOutageException"/> when it did not work inside the bound, and says there whether a
/// write may have landed. Refusals are faults, each of them a <see cref="ServiceFault"/> when the service said so, and are not retried:
/// <c>registration-id</c> (not sent), <c>provisioning-refused</c> (the service calls the request wrong), and those a method names.</para>
/// <para>No call returns a key but <see cref="GetEnrollmentKeys"/> and <see cref="GetGroupKeys"/>.</para>
/// </remarks>
public sealed partial class ProvisioningClient : IDisposable
{
    /// <summary>Most items of a bulk call.</summary>
    public const int BulkMax = 10;

    /// <summary>Most items of a page.</summary>
    public const int PageMax = 100;

    private const string ApiVersion = "2021-10-01";
    private const string Scope = "https://azure-devices-provisioning.net/.default";
    private readonly ServiceCaller _caller;
    private readonly RateBudget _budget;
    private readonly string _work;
    private readonly bool _owner;

    /// <summary>Prepares a client; connects to nothing yet.</summary>
    /// <param name="host"><c>name.azure-devices-provisioning.net</c>, or <c>host:port</c>.</param>
    /// <param name="credential">Who we are; tokens are asked for scope <c>https://azure-devices-provisioning.net/.default</c>.</param>
    /// <param name="clock">Waits and rates.</param>
    /// <param name="options">Our share of the quota, times and trust.</param>
    public ProvisioningClient(string host, TokenCredential credential, TimeProvider clock, ProvisioningClientOptions? options = null)
    {
        options ??= new ProvisioningClientOptions();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.OperationsPerMinute, 1000, nameof(options));
        _budget = new RateBudget(options.OperationsPerMinute, TimeSpan.FromMinutes(1), clock);
        _caller = new ServiceCaller(host, Scope, ApiVersion, credential, clock, options.Calls);
        (_work, _owner) = ("", true);
    }

    private ProvisioningClient(ProvisioningClient shared, string work) =>
        (_caller, _budget, _work, _owner) = (shared._caller, shared._budget, work, false);

    /// <summary>The service's host name.</summary>
    public string Host => _caller.Host;

    /// <summary>Operations that could start at once; what is left of this minute's share.</summary>
    public int Free => _budget.Free;

    /// <summary>The same client for a named piece of work: pieces take turns at the share, so that a sweep does not keep a request waiting.</summary>
    /// <param name="work">Its name, one of few.</param>
    public ProvisioningClient For(string work) => new(this, work);

    /// <summary>Ends a client that was constructed; those of <see cref="For"/> end with it.</summary>
    public void Dispose()
    {
        if (!_owner) return;
        _caller.Dispose();
        _budget.Dispose();
    }

    private ServiceCall Call(string operation, RequestMethod method, string path, Repeat repeat) => new(operation, method, path, _budget, repeat);

    private Task<(ServiceReply Reply, bool EarlierMayHaveLanded)> Send(ServiceCall call, CancellationToken cancel) => _caller.Send(call, _work, cancel);

    private async Task<Parsed<TResult>> Ask<T, TResult>(
        ServiceCall call, string where, JsonTypeInfo<T> type, Func<T, TResult> map, CancellationToken cancel)
        where TResult : notnull
    {
        var (reply, _) = await Send(call, cancel).ConfigureAwait(false);
        return reply.Status < 300 ? _caller.Read(call, reply, type, map) : ProvisioningFaults.Of(reply, where);
    }

    private async Task<Fault?> Remove(ServiceCall call, string where, CancellationToken cancel)
    {
        var (reply, earlier) = await Send(call, cancel).ConfigureAwait(false);
        // Gone after a try that got no answer: by us or by somebody else, but gone.
        return reply.Status < 300 || (reply.Status == 404 && earlier) ? null : ProvisioningFaults.Of(reply, where);
    }

    private async Task<Parsed<Page<TResult>>> Query<T, TResult>(
        string operation, string path, string query, int pageSize, string? continuation, JsonTypeInfo<List<T>> type, Func<T, TResult> map, CancellationToken cancel)
    {
        ArgumentException.ThrowIfNullOrEmpty(query);
        ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageSize, PageMax);
        var call = Call(operation, RequestMethod.Post, path, Repeat.Read) with
        {
            Body = Requests.Body(new QueryBody(query), ProvisioningJson.Default.QueryBody),
            Headers = Requests.Paging(pageSize, continuation),
            AnswerBytesMax = Requests.PageBytesMax,
        };
        var (reply, _) = await Send(call, cancel).ConfigureAwait(false);
        return reply.Status < 300 ? _caller.ReadPage(call, reply, pageSize, continuation, type, map) : ProvisioningFaults.Of(reply, "query");
    }

    private async Task<Parsed<BulkOutcome>> Bulk(string operation, string path, BulkMode mode, IReadOnlyList<Enrollment> items, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(items.Count, 1, nameof(items));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(items.Count, BulkMax, nameof(items));
        var ids = items.Select(Id).ToArray();
        foreach (var id in ids) if (RegistrationId.Check(id) is { } fault) return fault;
        if (ids.Distinct(StringComparer.OrdinalIgnoreCase).Count() < ids.Length) throw new ArgumentException("an id is there twice: which one counts?", nameof(items));
        var bodies = items.Select(item => EnrollmentBodies.From(item, withETag: true)).ToArray();
        var body = items[0] is EnrollmentGroup ? new BulkBody(Word(mode), null, bodies) : new BulkBody(Word(mode), bodies, null);
        var call = Call(operation, RequestMethod.Post, path, mode == BulkMode.Update ? Repeat.Harmless : Repeat.Guarded) with
        {
            Body = Requests.Body(body, ProvisioningJson.Default.BulkBody),
        };
        var (reply, earlier) = await Send(call, cancel).ConfigureAwait(false);
        if (reply.Status >= 300) return ProvisioningFaults.Of(reply, "bulk");
        var outcome = _caller.Read(call, reply, ProvisioningJson.Default.BulkAnswerBody, answer => ProvisioningFaults.Of(answer, mode, ids));
        // A repeated bulk finds its own work done: what then exists, or is gone or stale, may be ours.
        if (earlier && outcome.Failures.Values.Any(failure => failure.Status is 404 or 409 or 412))
        {
            throw new ServiceOutageException(Host, operation, "outcome-unknown", mayHaveLanded: true);
        }

        return outcome;
    }

    private static string Id(Enrollment item) => item switch
    {
        IndividualEnrollment one => one.RegistrationId,
        EnrollmentGroup group => group.GroupId,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Word(BulkMode mode) => mode switch
    {
        BulkMode.Create => "create",
        BulkMode.Update => "update",
        BulkMode.UpdateIfMatchETag => "updateIfMatchETag",
        BulkMode.Delete => "delete",
        _ => throw new ArgumentOutOfRangeException(nameof(mode)),
    };
}

/// <summary>What a bulk call does with each of its items.</summary>
public enum BulkMode
{
    /// <summary>Makes it; one that exists is refused.</summary>
    Create,

    /// <summary>Replaces it, whatever version is there.</summary>
    Update,

    /// <summary>Replaces it if its version is the one given.</summary>
    UpdateIfMatchETag,

    /// <summary>Deletes it.</summary>
    Delete,
}
