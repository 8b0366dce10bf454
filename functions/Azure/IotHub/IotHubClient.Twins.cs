using System.Text.Json;
using Azure.Core;
using Serverless.Faults;
using Serverless.Rest;

namespace Serverless.IotHub;

public sealed partial class IotHubClient
{
    private const int TwinBytesMax = 256 * 1024; // tags 8 KiB, desired and reported 32 KiB each, their metadata, all escaped
    private const int MethodBytesMax = 128 * 1024;

    /// <summary>Reads a twin.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>It; or <c>hub-device-unknown</c>.</returns>
    public async Task<Parsed<Twin>> GetTwin(string deviceId, CancellationToken cancel)
    {
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        var call = new ServiceCall("twin-get", RequestMethod.Get, TwinOf(deviceId), _budgets.TwinReads, Repeat.Read) { AnswerBytesMax = TwinBytesMax };
        return await Ask(call, HubJson.Default.TwinBody, HubDevices.Twin, cancel).ConfigureAwait(false);
    }

    /// <summary>Merges into a twin.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="patch">What to set; <c>null</c> members are deleted.</param>
    /// <param name="etag">The version to change; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>The twin as stored; or <c>hub-device-unknown</c>, <c>hub-device-stale</c>, <c>hub-too-large</c>.</returns>
    public Task<Parsed<Twin>> PatchTwin(string deviceId, TwinPatch patch, string? etag, CancellationToken cancel) =>
        WriteTwin("twin-patch", RequestMethod.Patch, deviceId, patch, etag, cancel);

    /// <summary>Replaces tags and desired properties; what is not given is emptied.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="whole">All there shall be.</param>
    /// <param name="etag">The version to replace; <see langword="null"/> for whatever is there.</param>
    /// <param name="cancel">Cancels; it may have landed.</param>
    /// <returns>The twin as stored; faults as <see cref="PatchTwin"/>.</returns>
    public Task<Parsed<Twin>> ReplaceTwin(string deviceId, TwinPatch whole, string? etag, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(whole);
        return WriteTwin("twin-replace", RequestMethod.Put, deviceId, new TwinPatch(whole.Tags ?? [], whole.Desired ?? []), etag, cancel);
    }

    /// <summary>Asks for one page of twins. Seconds behind the registry: no lock, and no proof of absence.</summary>
    /// <param name="query">Such as <c>SELECT * FROM devices WHERE tags.model = 'pump'</c>. Ours, never a caller's text.</param>
    /// <param name="pageSize">Most items, 1 to <see cref="PageMax"/>.</param>
    /// <param name="continuation">The page before's, or <see langword="null"/> for the first.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Parsed<Page<Twin>>> QueryTwins(string query, int pageSize, string? continuation, CancellationToken cancel)
    {
        var call = QueryCall(query, pageSize, continuation);
        var (reply, _) = await Send(call, cancel).ConfigureAwait(false);
        return reply.Status < 300 ? _caller.ReadPage(call, reply, pageSize, continuation, HubJson.Default.ListTwinBody, HubDevices.Twin) : HubFaults.Of(reply);
    }

    /// <summary>As <see cref="QueryTwins"/>, for queries that select something else than whole twins.</summary>
    /// <param name="query">Ours, never a caller's text.</param>
    /// <param name="pageSize">Most items, 1 to <see cref="PageMax"/>.</param>
    /// <param name="continuation">The page before's, or <see langword="null"/> for the first.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<Parsed<Page<JsonElement>>> Query(string query, int pageSize, string? continuation, CancellationToken cancel)
    {
        var call = QueryCall(query, pageSize, continuation);
        var (reply, _) = await Send(call, cancel).ConfigureAwait(false);
        if (reply.Status >= 300) return HubFaults.Of(reply);
        return _caller.ReadPage(call, reply, pageSize, continuation, HubJson.Default.ListJsonElement, item => item);
    }

    /// <summary>Calls a method of a device and waits for its answer. Not repeated once it may have reached the device.</summary>
    /// <param name="deviceId">The device, case-sensitive.</param>
    /// <param name="method">The call.</param>
    /// <param name="cancel">Cancels; it may have run.</param>
    /// <returns>The device's answer, whatever its status; or <c>hub-device-unknown</c>, <c>hub-device-offline</c>,
    /// <c>hub-device-no-answer</c> (it may have run), <c>hub-device-answer</c> (it ran, and answered no JSON), <c>hub-too-large</c>.</returns>
    public async Task<Parsed<MethodAnswer>> CallMethod(string deviceId, MethodCall method, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentOutOfRangeException.ThrowIfLessThan(method.ResponseTimeout, TimeSpan.FromSeconds(5), nameof(method));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(method.ResponseTimeout, TimeSpan.FromSeconds(300), nameof(method));
        ArgumentOutOfRangeException.ThrowIfLessThan(method.ConnectTimeout, TimeSpan.Zero, nameof(method));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(method.ConnectTimeout, TimeSpan.FromSeconds(300), nameof(method));
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        var body = new MethodBody(method.Name, method.Payload?.DeepClone(), (int)method.ResponseTimeout.TotalSeconds, (int)method.ConnectTimeout.TotalSeconds);
        var call = new ServiceCall("method-call", RequestMethod.Post, TwinOf(deviceId) + "/methods", _budgets.Methods, Repeat.Never)
        {
            Body = Requests.Body(body, HubJson.Default.MethodBody),
            Extra = method.ResponseTimeout + method.ConnectTimeout,
            AnswerStatuses = [502, 504],
        };
        if (call.Body.Length > MethodBytesMax) return new Fault("hub-too-large", "payload");
        return await Ask(call, HubJson.Default.MethodAnswerBody,
            answer => new MethodAnswer(answer.Status ?? throw new JsonException("status is missing"), answer.Payload ?? default), cancel).ConfigureAwait(false);
    }

    private ServiceCall QueryCall(string query, int pageSize, string? continuation)
    {
        ArgumentException.ThrowIfNullOrEmpty(query);
        ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageSize, PageMax);
        return new("device-query", RequestMethod.Post, "devices/query", _budgets.Queries, Repeat.Read)
        {
            Body = Requests.Body(new QueryBody(query), HubJson.Default.QueryBody),
            Headers = Requests.Paging(pageSize, continuation),
            AnswerBytesMax = Requests.PageBytesMax,
        };
    }

    private async Task<Parsed<Twin>> WriteTwin(string operation, RequestMethod method, string deviceId, TwinPatch patch, string? etag, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(patch);
        if (HubDeviceId.Check(deviceId) is { } fault) return fault;
        var call = new ServiceCall(operation, method, TwinOf(deviceId), _budgets.TwinUpdates, etag is null ? Repeat.Harmless : Repeat.Guarded)
        {
            Body = Requests.Body(new TwinPatchBody(patch.Tags, patch.Desired is null ? null : new PropertiesBody(patch.Desired)), HubJson.Default.TwinPatchBody),
            IfMatch = Requests.IfMatch(etag ?? "*"),
            AnswerBytesMax = TwinBytesMax,
        };
        return await Ask(call, HubJson.Default.TwinBody, HubDevices.Twin, cancel).ConfigureAwait(false);
    }
}
