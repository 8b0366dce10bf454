using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Anomalies;

/// <summary>Which device's silence is due next.</summary>
/// <remarks>
/// What is due is in the devices' states; this is only an index over them, rebuilt when a partition is read back, so it must not matter
/// how it came about: entries that are out of date are skipped, and devices due in the same millisecond come in the order of their ids,
/// not of slots. 24 bytes a device. Not thread-safe.
/// </remarks>
/// <param name="devices">For the order of ids.</param>
internal sealed class SilenceWatch(DeviceIds devices)
{
    private readonly PriorityQueue<int, (long DueMs, int Slot)> _queue = new(new ByDueThenId(devices));
    private long[] _queued = [];

    /// <summary>When the next one is due, at the earliest.</summary>
    public long NextMs => _queue.TryPeek(out _, out var entry) ? entry.DueMs : long.MaxValue;

    /// <summary>Notes when a device is due. A later time than before needs no entry: the earlier one will come up and be put off.</summary>
    public void Expect(int slot, long dueMs)
    {
        if (slot >= _queued.Length)
        {
            var length = _queued.Length;
            Array.Resize(ref _queued, Math.Max(slot + 1, Math.Max(16, length * 2)));
            _queued.AsSpan(length).Fill(long.MaxValue);
        }

        if (dueMs >= _queued[slot]) return;
        _queued[slot] = dueMs;
        _queue.Enqueue(slot, (dueMs, slot));
    }

    /// <summary>Takes the next device out whose entry lies before a time.</summary>
    public bool TryTake(long nowMs, out int slot)
    {
        while (_queue.TryPeek(out slot, out var entry) && entry.DueMs <= nowMs)
        {
            _queue.Dequeue();
            if (_queued[slot] != entry.DueMs) continue;
            _queued[slot] = long.MaxValue;
            return true;
        }

        return false;
    }

    private sealed class ByDueThenId(DeviceIds devices) : IComparer<(long DueMs, int Slot)>
    {
        public int Compare((long DueMs, int Slot) left, (long DueMs, int Slot) right) =>
            left.DueMs != right.DueMs ? left.DueMs.CompareTo(right.DueMs) : devices.Id(left.Slot).SequenceCompareTo(devices.Id(right.Slot));
    }
}
