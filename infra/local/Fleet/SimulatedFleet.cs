using System.Collections.Concurrent;

namespace Serverless.Local.Fleet;

/// <summary>What one device has had acknowledged by the hub.</summary>
/// <param name="honest">Honest messages so far.</param>
/// <param name="wrong">Wrong ones so far.</param>
public sealed class Sent(int honest = 0, int wrong = 0)
{
    private int _honest = honest;
    private int _wrong = wrong;

    /// <summary>Messages that the pipeline must accept.</summary>
    public int Honest => _honest;

    /// <summary>Messages that are wrong by script.</summary>
    public int Wrong => _wrong;

    /// <summary>Both.</summary>
    public int Total => _honest + _wrong;

    internal void Count(Misbehaviour kind)
    {
        if (kind == Misbehaviour.None) Interlocked.Increment(ref _honest);
        else Interlocked.Increment(ref _wrong);
    }
}

/// <summary>The simulated devices of one run, connecting a few at a time and then each living by its own script.</summary>
/// <remarks>Thread-safe to observe while it runs.</remarks>
/// <param name="devices">The devices, not yet connected; owned by the fleet from here on.</param>
/// <param name="clock">Device time.</param>
/// <param name="wall">Wall time, for waiting.</param>
public sealed class SimulatedFleet(IReadOnlyList<SimulatedDevice> devices, CloudClock clock, TimeProvider wall) : IAsyncDisposable
{
    // The TLS handshake costs about 10 ms of CPU on both sides together: more at a time only queue up.
    private const int ConnectsAtATime = 8;
    private int _connected;
    private long _sent;

    /// <summary>Devices connected so far.</summary>
    public int Connected => _connected;

    /// <summary>Messages acknowledged by the hub so far.</summary>
    public long SentTotal => Interlocked.Read(ref _sent);

    /// <summary>By device id, what was acknowledged.</summary>
    public ConcurrentDictionary<string, Sent> SentBy { get; } = new(StringComparer.Ordinal);

    /// <summary>Connects all devices.</summary>
    /// <param name="cancel">Cancels.</param>
    public Task Connect(CancellationToken cancel) =>
        Parallel.ForEachAsync(
            devices,
            new ParallelOptions { MaxDegreeOfParallelism = ConnectsAtATime, CancellationToken = cancel },
            async (device, stop) =>
            {
                await device.Connect(stop).ConfigureAwait(false);
                Interlocked.Increment(ref _connected);
            });

    /// <summary>Lets every device send its script from <paramref name="start"/> on; returns when the last has finished.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Device time of the first possible message.</param>
    /// <param name="length">How long, device time.</param>
    /// <param name="cancel">Cancels.</param>
    public Task Live(int seed, DateTimeOffset start, TimeSpan length, CancellationToken cancel) =>
        Task.WhenAll(devices.Select(device => Task.Run(() => Live(device, seed, start, length, cancel), cancel)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var device in devices) await device.DisposeAsync().ConfigureAwait(false);
    }

    private async Task Live(SimulatedDevice device, int seed, DateTimeOffset start, TimeSpan length, CancellationToken cancel)
    {
        var sent = SentBy.GetOrAdd(device.Script.DeviceId, _ => new Sent());
        foreach (var message in device.Script.Messages(seed, start, length))
        {
            var wait = clock.ToWall(message.DueAt - clock.GetUtcNow());
            if (wait > TimeSpan.Zero) await Task.Delay(wait, wall, cancel).ConfigureAwait(false);
            await device.Send(message.Body, cancel).ConfigureAwait(false);
            sent.Count(message.Wrong);
            Interlocked.Increment(ref _sent);
        }
    }
}
