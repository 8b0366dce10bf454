using System.Collections.Concurrent;
using System.Globalization;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Messages;

/// <summary>What a device answered to a method call.</summary>
/// <param name="Status">The device's own code.</param>
/// <param name="Payload">JSON text, or empty.</param>
internal sealed record MethodAnswer(int Status, byte[] Payload);

/// <summary>Direct methods: request and answer matched by a request id. Nothing is queued or repeated.</summary>
internal sealed class MethodCalls(DeviceRegistry registry, TimeProvider wall, HubCounters counters)
{
    private readonly ConcurrentDictionary<(DeviceRecord Device, string RequestId), TaskCompletionSource<MethodAnswer>> _waiting = new();
    private long _requestId;

    /// <summary>Calls a method and waits for the answer.</summary>
    /// <param name="deviceId">Whom.</param>
    /// <param name="method">Its name, already checked.</param>
    /// <param name="payload">JSON text.</param>
    /// <param name="connectTimeout">How long an offline device may take to come, wall time.</param>
    /// <param name="responseTimeout">How long it may take to answer, wall time.</param>
    /// <param name="cancel">The caller left.</param>
    /// <returns>The answer, or <c>device-not-found</c>, <c>device-not-online</c>, <c>device-no-answer</c>.</returns>
    public async Task<Parsed<MethodAnswer>> Invoke(
        string deviceId, string method, byte[] payload, TimeSpan connectTimeout, TimeSpan responseTimeout, CancellationToken cancel)
    {
        if (!registry.TryFind(deviceId, out var device)) return new Fault("device-not-found", "deviceId");
        var requestId = Interlocked.Increment(ref _requestId).ToString("x", CultureInfo.InvariantCulture);
        var answer = new TaskCompletionSource<MethodAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[(device, requestId)] = answer;
        try
        {
            if (!await Send(device, requestId, method, payload, connectTimeout, cancel).ConfigureAwait(false))
            {
                counters.Add("methods.offline");
                return new Fault("device-not-online", "deviceId");
            }

            var answered = await answer.Task.WaitAsync(responseTimeout, wall, cancel).ConfigureAwait(false);
            counters.Add("methods.answered");
            return answered;
        }
        catch (TimeoutException)
        {
            counters.Add("methods.unanswered");
            return new Fault("device-no-answer", "deviceId");
        }
        finally
        {
            _waiting.TryRemove((device, requestId), out _);
        }
    }

    /// <summary>A device answered; an answer nobody waits for is dropped, and so is one to another device's request.</summary>
    public void Answer(DeviceRecord device, string requestId, MethodAnswer answer)
    {
        if (_waiting.TryGetValue((device, requestId), out var waiting)) waiting.TrySetResult(answer);
    }

    private async Task<bool> Send(DeviceRecord device, string requestId, string method, byte[] payload, TimeSpan connectTimeout, CancellationToken cancel)
    {
        var began = wall.GetTimestamp();
        while (true)
        {
            Task reachable;
            lock (device.Gate)
            {
                if (device.Session is { } session && session.TryCallMethod(requestId, method, payload)) return true;
                reachable = device.Reachable.Task;
            }

            var left = connectTimeout - wall.GetElapsedTime(began);
            if (left <= TimeSpan.Zero) return false;
            try
            {
                await reachable.WaitAsync(left, wall, cancel).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return false;
            }
        }
    }
}
