using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.State;

/// <summary>All that ingestion knows of one partition after the events up to <see cref="LastSequence"/>: a function of those
/// events and of the profile revisions pinned on the way, never of a clock or of how the events were cut into batches.</summary>
/// <remarks>It is changed in place while a batch is decided; if the batch then fails it is thrown away whole and read back from
/// the log, so a half-applied batch is never seen. Not thread-safe.</remarks>
internal sealed class PartitionState
{
    private readonly List<int> _changed = [];
    private readonly HashSet<string> _changedPins = new(StringComparer.Ordinal);
    private ulong[] _changedBits = []; // one bit a slot

    /// <summary>An empty state.</summary>
    /// <param name="subjects">Further columns, such as scores; tags are unique.</param>
    public PartitionState(params ReadOnlySpan<IStateColumn> subjects)
    {
        Columns = [Bindings, Judged, .. subjects];
        if (Columns.Select(column => column.Tag).Distinct().Count() != Columns.Count) throw new InvalidOperationException("two state columns have one tag");
    }

    /// <summary>The partition's devices.</summary>
    public DeviceIds Devices { get; } = new();

    /// <summary>Words by number.</summary>
    public NameTable Names { get; } = new();

    /// <summary>Which profile each device has.</summary>
    public BindingColumn Bindings { get; } = new();

    /// <summary>What the verdicts remember of each device.</summary>
    public JudgedColumn Judged { get; } = new();

    /// <summary>Back-off of alerts about events without a device to blame.</summary>
    public Strays Strays { get; } = new();

    /// <summary>Every column, in the order of their tags in the format.</summary>
    public IReadOnlyList<IStateColumn> Columns { get; }

    /// <summary>The profile revisions this partition judges by, by profile name.</summary>
    public Dictionary<string, ProfilePin> Pins { get; } = new(StringComparer.Ordinal);

    /// <summary>Sequence number of the last event that is accounted for; -1 before the first.</summary>
    public long LastSequence { get; set; } = -1;

    /// <summary>When the hub took in the newest event accounted for, in milliseconds since 1970 UTC; 0 before the first.</summary>
    public long LastEnqueuedMs { get; set; }

    /// <summary>The hour, in hours since 1970 UTC, whose blob refusals go to; never goes back.</summary>
    public long RejectedHour { get; set; }

    /// <summary>Where unfinished work would lie.</summary>
    public Anchor Anchor { get; set; } = Anchor.Start;

    /// <summary>Words that are in the log already.</summary>
    public int NamesCommitted { get; private set; } = 1;

    /// <summary>Slots changed since the last commit, in order of first change.</summary>
    public IReadOnlyList<int> Changed => _changed;

    /// <summary>Profile names pinned anew since the last commit.</summary>
    public IReadOnlyCollection<string> ChangedPins => _changedPins;

    /// <summary>Notes that a slot must be in the next commit.</summary>
    public void MarkChanged(int slot)
    {
        if (slot >> 6 >= _changedBits.Length) Array.Resize(ref _changedBits, Math.Max((slot >> 6) + 1, Math.Max(16, _changedBits.Length * 2)));
        ref var bits = ref _changedBits[slot >> 6];
        if ((bits >> (slot & 63) & 1) != 0) return;
        bits |= 1UL << (slot & 63);
        _changed.Add(slot);
    }

    /// <summary>Judges by another revision of a profile from here on.</summary>
    public void Pin(string profile, ProfilePin pin)
    {
        Pins[profile] = pin;
        _changedPins.Add(profile);
    }

    /// <summary>Everything is in the log.</summary>
    public void MarkCommitted()
    {
        foreach (var slot in _changed) _changedBits[slot >> 6] &= ~(1UL << (slot & 63));
        _changed.Clear();
        _changedPins.Clear();
        NamesCommitted = Names.Count;
    }

    /// <summary>The pins are in the log; the rest is not.</summary>
    public void MarkPinsCommitted() => _changedPins.Clear();
}
