using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Azure.Storage.Blobs;
using Serverless.EventHubs;

namespace Serverless.Local.Run;

/// <summary>Watches everything that comes out of the pipeline while it runs, with the rights of ops and nothing else.</summary>
public sealed class Observer : IAsyncDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly ConcurrentQueue<HubEvent> _telemetry = new();
    private readonly ConcurrentQueue<ValidatedEvent> _validated = new();
    private readonly ConcurrentQueue<AlertSeen> _alerts = new();
    private readonly RejectedObserver _rejected;
    private readonly TimeProvider _wall;
    private readonly List<HubObserver> _hubs = [];

    private Observer(BlobContainerClient rejected, TimeProvider wall) => (_rejected, _wall) = (new RejectedObserver(rejected), wall);

    /// <summary>Events in hub <c>validated</c> so far.</summary>
    public long Accepted => _validated.Count;

    /// <summary>Events in hub <c>alerts</c> so far.</summary>
    public long Alerts => _alerts.Count;

    /// <summary>Refused events by fault so far.</summary>
    public IReadOnlyDictionary<string, long> RefusedByFault => _rejected.ByFault;

    /// <summary>Device telemetry without an outcome yet.</summary>
    public long Waiting => Math.Max(0, _telemetry.Count - _validated.Count - _rejected.ByFault.Values.Sum());

    /// <summary>Begins to watch.</summary>
    /// <param name="client">Event Hubs, as ops.</param>
    /// <param name="rejected">Container <c>rejected</c>, as ops.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Cancels the start.</param>
    public static async Task<Observer> Start(EventHubsClient client, BlobContainerClient rejected, TimeProvider wall, CancellationToken cancel)
    {
        var observer = new Observer(rejected, wall);
        await observer._rejected.Skip(cancel).ConfigureAwait(false);
        observer._hubs.Add(await HubObserver.Start(client, "telemetry", observer.SeeTelemetry, cancel).ConfigureAwait(false));
        observer._hubs.Add(await HubObserver.Start(client, "validated", observer.SeeValidated, cancel).ConfigureAwait(false));
        observer._hubs.Add(await HubObserver.Start(client, "alerts", observer.SeeAlert, cancel).ConfigureAwait(false));
        return observer;
    }

    /// <summary>Follows the container of refused events until cancelled, and fails when a hub's reader fails.</summary>
    /// <param name="cancel">Ends it.</param>
    public async Task Follow(CancellationToken cancel)
    {
        var failures = _hubs.Select(hub => hub.Failure).ToList();
        while (!cancel.IsCancellationRequested)
        {
            if (failures.Find(failure => failure.IsCompleted) is { } failed) await failed.ConfigureAwait(false);
            await _rejected.Look(cancel).ConfigureAwait(false);
            await Task.Delay(LookEvery, _wall, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until every event has an outcome and nothing more comes for two looks, or nothing has moved for
    /// <paramref name="patience"/>; the checks say what is missing then.</summary>
    /// <param name="expected">Telemetry events that must have arrived.</param>
    /// <param name="patience">Wall time without any movement after which to stop waiting.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task Settle(long expected, TimeSpan patience, CancellationToken cancel)
    {
        var (last, quiet, moved) = (Counts(), 0, _wall.GetTimestamp());
        while (_wall.GetElapsedTime(moved) < patience)
        {
            await Task.Delay(LookEvery, _wall, cancel).ConfigureAwait(false);
            var now = Counts();
            if (now != last) (quiet, moved, last) = (0, _wall.GetTimestamp(), now);
            else if (_telemetry.Count >= expected && Waiting == 0 && ++quiet == 2) return;
        }
    }

    /// <summary>Drops what was seen so far; call after <see cref="Settle"/>: what comes from here on is another story.</summary>
    public void Forget()
    {
        _telemetry.Clear();
        _validated.Clear();
        _alerts.Clear();
        _rejected.Forget();
    }

    /// <summary>Everything seen; call after <see cref="Settle"/> and after <see cref="Follow"/> has ended.</summary>
    /// <param name="cancel">Cancels.</param>
    public async Task<Observation> Read(CancellationToken cancel)
    {
        await _rejected.Look(cancel).ConfigureAwait(false);
        return new Observation([.. _telemetry], [.. _validated], [.. _rejected.Seen], [.. _alerts]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var hub in _hubs) await hub.DisposeAsync().ConfigureAwait(false);
    }

    private (int, int, long, int) Counts() => (_telemetry.Count, _validated.Count, _rejected.ByFault.Values.Sum(), _alerts.Count);

    private void SeeTelemetry(string partition, ReceivedEvent one)
    {
        // The hub's own events (lifecycle, twins, connections) share the stream and have no outcome to account for. An event without
        // a source is none of them: it must be refused, so it counts.
        if (one.Annotations.GetValueOrDefault("iothub-message-source") is string source && source != "Telemetry") return;
        _telemetry.Enqueue(new HubEvent(
            new EventPosition(partition, one.SequenceNumber),
            one.Annotations.GetValueOrDefault("iothub-connection-device-id") as string ?? "",
            Convert.ToHexString(SHA256.HashData(one.Body.Span))));
    }

    private void SeeValidated(string partition, ReceivedEvent one) => _validated.Enqueue(new ValidatedEvent(
        new EventPosition(Text(one, "source-partition"), one.ApplicationProperties.GetValueOrDefault("source-sequence") as long? ?? -1),
        Text(one, "device-id"),
        new EventPosition(partition, one.SequenceNumber)));

    private void SeeAlert(string partition, ReceivedEvent one)
    {
        using var json = JsonDocument.Parse(one.Body);
        var root = json.RootElement;
        var data = root.GetProperty("data");
        _alerts.Enqueue(new AlertSeen(
            root.GetProperty("id").GetString()!,
            root.GetProperty("type").GetString()!,
            root.TryGetProperty("subject", out var subject) ? subject.GetString()! : "",
            data.TryGetProperty("fault", out var fault) ? fault.GetString()! : data.GetProperty("kind").GetString()!,
            root.GetProperty("time").GetDateTimeOffset()));
    }

    private static string Text(ReceivedEvent one, string property) =>
        Convert.ToString(one.ApplicationProperties.GetValueOrDefault(property), CultureInfo.InvariantCulture) ?? "";
}
