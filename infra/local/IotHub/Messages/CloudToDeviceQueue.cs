namespace Serverless.Local.IotHub.Messages;

/// <summary>A message to a device.</summary>
/// <param name="Body">The payload.</param>
/// <param name="Properties">Topic properties in order: system ones as <c>$.mid</c>, then the application's.</param>
/// <param name="ExpiresAt">When it is dropped, device time.</param>
internal sealed record CloudToDeviceMessage(byte[] Body, IReadOnlyList<KeyValuePair<string, string>> Properties, DateTimeOffset ExpiresAt);

/// <summary>What waits for one device, oldest first; at most <see cref="HubLimits.CloudToDeviceQueueMax"/>, those in flight included.
/// Guarded by the device's gate.</summary>
/// <remarks>States as documented: enqueued, invisible (in flight), completed (gone) or dead (gone).</remarks>
internal sealed class CloudToDeviceQueue
{
    private readonly List<Slot> _slots = [];

    public int Count => _slots.Count;

    public bool TryEnqueue(CloudToDeviceMessage message)
    {
        if (_slots.Count >= HubLimits.CloudToDeviceQueueMax) return false;
        _slots.Add(new Slot(message));
        return true;
    }

    /// <summary>Takes every waiting message for delivery, dropping what expired.</summary>
    /// <param name="now">Device time.</param>
    /// <param name="acknowledged">Whether the device will acknowledge; if not, taking is completing.</param>
    /// <param name="nextPacketId">A packet id for each, when acknowledged.</param>
    public IReadOnlyList<(CloudToDeviceMessage Message, ushort PacketId)> Take(DateTimeOffset now, bool acknowledged, Func<ushort> nextPacketId)
    {
        _slots.RemoveAll(slot => slot.PacketId is null && slot.Message.ExpiresAt <= now);
        var taken = new List<(CloudToDeviceMessage, ushort)>();
        foreach (var slot in _slots.Where(slot => slot.PacketId is null))
        {
            slot.PacketId = acknowledged ? nextPacketId() : (ushort)0;
            taken.Add((slot.Message, slot.PacketId.Value));
        }

        if (!acknowledged) _slots.RemoveAll(slot => slot.PacketId == 0);
        return taken;
    }

    /// <summary>The device acknowledged a packet.</summary>
    /// <returns>Whether it was one of ours.</returns>
    public bool Complete(ushort packetId) => _slots.RemoveAll(slot => slot.PacketId == packetId) > 0;

    /// <summary>The connection ended: what was in flight waits again, unless it has been tried too often.</summary>
    /// <returns>How many are dead.</returns>
    public int Return()
    {
        foreach (var slot in _slots.Where(slot => slot.PacketId is not null))
        {
            slot.PacketId = null;
            slot.Deliveries++;
        }

        return _slots.RemoveAll(slot => slot.Deliveries >= HubLimits.CloudToDeviceDeliveriesMax);
    }

    /// <summary>Drops everything.</summary>
    /// <returns>How many.</returns>
    public int Purge()
    {
        var count = _slots.Count;
        _slots.Clear();
        return count;
    }

    private sealed class Slot(CloudToDeviceMessage message)
    {
        public CloudToDeviceMessage Message { get; } = message;

        public ushort? PacketId { get; set; }

        public int Deliveries { get; set; }
    }
}
