using Serverless.Faults;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Profiles;

/// <summary>The profiles in use, as their documents stand now: read on first use, then again whenever they are used and the
/// last look is older than the poll interval.</summary>
/// <remarks>A document that is refused is reported once a revision and otherwise ignored: the last good one stays. So does one
/// whose document was deleted, because a device is retired by its twin, not by pulling the rules from under it. Thread-safe.</remarks>
/// <param name="documents">Where the documents are.</param>
/// <param name="reports">Told of each refused revision.</param>
/// <param name="pollInterval">How old a look may be.</param>
/// <param name="clock">Measures the poll interval; no verdict depends on it.</param>
internal sealed class ProfileShelf(IProfileDocuments documents, IProfileReports reports, TimeSpan pollInterval, TimeProvider clock) : IDisposable
{
    /// <summary>Most profiles kept; the one looked at longest ago makes room.</summary>
    public const int CountMax = 1024;

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>The newest good revision known of a profile.</summary>
    /// <param name="name">A valid <see cref="ProfileName"/>.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <exception cref="Exception">The storage's, when the profile was never read before. One that was keeps its revision
    /// through an outage.</exception>
    public async ValueTask<ProfilePin> Get(string name, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (_entries.TryGetValue(name, out var entry) && clock.GetElapsedTime(entry.LookedAt) < pollInterval) return entry.Good;
            if (entry is null) MakeRoom();
            entry ??= new Entry();
            await Look(name, entry, cancel).ConfigureAwait(false);
            _entries[name] = entry;
            return entry.Good;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async Task Look(string name, Entry entry, CancellationToken cancel)
    {
        ProfileDocument found;
        try
        {
            found = await documents.Read(name, entry.ETag, cancel).ConfigureAwait(false);
        }
        catch (Exception outage) when (entry.IsKnown && !cancel.IsCancellationRequested)
        {
            // Judging goes on by the last good revision; the outage shows in the log, and the next look is one interval away.
            entry.LookedAt = clock.GetTimestamp();
            reports.Unreachable(name, outage);
            return;
        }

        if (found.Kind == ProfileDocumentKind.Found && found.ETag != entry.ETag)
        {
            if (Compile(name, found.Bytes!).TryGet(out var pin, out var fault)) entry.Good = pin;
            else await reports.Refused(name, found.ETag, fault, cancel).ConfigureAwait(false);
            entry.ETag = found.ETag; // only now: a report that did not get out is tried again
        }

        entry.LookedAt = clock.GetTimestamp();
        entry.IsKnown = true;
    }

    /// <summary>Accepts a document under a name.</summary>
    /// <returns>The pin; the fault of <see cref="Profile.Parse"/>, or <c>profile-name</c>: the document is of another model or
    /// version than its blob's name says.</returns>
    internal static Parsed<ProfilePin> Compile(string name, byte[] document) =>
        Profile.Parse(document).Then<ProfilePin>(profile =>
            profile.Name == name ? ProfilePin.From(document) : new Fault("profile-name", "model"));

    private void MakeRoom()
    {
        if (_entries.Count >= CountMax) _entries.Remove(_entries.MinBy(entry => entry.Value.LookedAt).Key);
    }

    private sealed class Entry
    {
        public ProfilePin Good { get; set; } = ProfilePin.Absent;

        public string? ETag { get; set; }

        // Looked at once with success, be it that there is none.
        public bool IsKnown { get; set; }

        public long LookedAt { get; set; }
    }
}

/// <summary>Who hears of profiles that cannot be used.</summary>
internal interface IProfileReports
{
    /// <summary>A revision was refused; the one before stays in use. An exception means that nobody heard.</summary>
    Task Refused(string name, string eTag, Fault fault, CancellationToken cancel);

    /// <summary>The storage did not answer; the revision known stays in use.</summary>
    void Unreachable(string name, Exception outage);
}
