using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;

namespace Serverless.Firmware.Desk;

/// <summary>Writes how far a worker is, which also keeps other workers off, and notices when one of them took over.</summary>
/// <param name="stored">The release as read.</param>
/// <param name="releases">The table.</param>
/// <param name="settings">How often, and for how long.</param>
/// <param name="clock">Wall time.</param>
internal sealed class Progress(StoredRelease stored, IReleases releases, DeskSettings settings, TimeProvider clock)
{
    private long _writtenAt = clock.GetTimestamp();

    /// <summary>The release as last written.</summary>
    public StoredRelease Stored { get; private set; } = stored;

    /// <summary>Tells how far the work is.</summary>
    /// <exception cref="TakenOverException">Another worker has written the release meanwhile.</exception>
    public async Task Report(long doneBytes, CancellationToken cancel)
    {
        if (clock.GetElapsedTime(_writtenAt) < settings.ProgressEvery) return;
        _writtenAt = clock.GetTimestamp();
        await Write(doneBytes, cancel).ConfigureAwait(false);
    }

    /// <summary>Takes the release for this worker before it begins.</summary>
    /// <exception cref="TakenOverException">Another worker was faster.</exception>
    public Task Take(CancellationToken cancel) => Write(0, cancel);

    private async Task Write(long doneBytes, CancellationToken cancel)
    {
        var next = Stored.Record.After(ReleaseEvent.Progressed) with { DoneBytes = doneBytes, HeldUntil = clock.GetUtcNow() + settings.Hold };
        Stored = await releases.Replace(Stored, next, cancel).ConfigureAwait(false) ?? throw new TakenOverException();
    }
}

/// <summary>Another worker goes on with the release. Not a failure: this one stops.</summary>
internal sealed class TakenOverException() : Exception("another worker has taken the release over")
{
}
