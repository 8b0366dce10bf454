using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>One event of a batch: a view into the batch's buffer, valid until the batch is disposed.</summary>
/// <remarks>Only the broker's and the hub's stamps are here beside the body; who sent it is
/// <see cref="SystemProperty.DeviceId"/> in <see cref="System"/> and nothing else.</remarks>
public readonly struct HubEvent
{
    private readonly EventBatch _batch;

    internal HubEvent(EventBatch batch, int index)
    {
        _batch = batch;
        Index = index;
    }

    /// <summary>Place in the batch, from 0.</summary>
    public int Index { get; }

    /// <summary>What is wrong with this event alone; <see langword="null"/> for nearly every one. <c>event-body</c> (not text),
    /// <c>event-base64</c>, <c>event-sequence-number</c>, <c>event-offset</c>, <c>event-enqueued-time</c>,
    /// <c>event-partition-key</c>, <c>event-system-properties</c>, <c>event-properties</c>. The first found is kept; parts that are
    /// not at fault can still be read, so that the refusal can be filed under its sequence number. An undecodable body reads as empty:
    /// the event itself is still in the hub.</summary>
    public Fault? Fault => _batch.FaultOf(Index);

    /// <summary>What the device or service sent, base64 undone. 0 to 1 MiB.</summary>
    public ReadOnlyMemory<byte> Body => _batch.Text.AsMemory(_batch.Slot(Index).BodyStart, _batch.Slot(Index).BodyLength);

    /// <summary>Number in the partition, rising by one; −1 with the fault <c>event-sequence-number</c>.</summary>
    public long SequenceNumber => _batch.Slot(Index).SequenceNumber;

    /// <summary>Offset in the partition as UTF-8 text. Opaque: a replicated namespace's offsets are not numbers.</summary>
    public ReadOnlySpan<byte> Offset => _batch.Text.AsSpan(_batch.Slot(Index).OffsetStart, _batch.Slot(Index).OffsetLength);

    /// <summary>When the partition took the event, UTC, in the broker's milliseconds; <see cref="DateTimeOffset.MinValue"/> with the
    /// fault <c>event-enqueued-time</c>.</summary>
    public DateTimeOffset EnqueuedAt => new(_batch.Slot(Index).EnqueuedTicks, TimeSpan.Zero);

    /// <summary>Whether the sender gave a partition key.</summary>
    public bool HasPartitionKey => _batch.Slot(Index).KeyLength >= 0;

    /// <summary>The partition key as UTF-8, up to 128 characters; empty without one.</summary>
    public ReadOnlySpan<byte> PartitionKey => _batch.Text.AsSpan(_batch.Slot(Index).KeyStart, Math.Max(0, _batch.Slot(Index).KeyLength));

    /// <summary>Stamps of the broker and of IoT Hub, and the AMQP properties section (message-id, content-type …), which the
    /// sender chose.</summary>
    public EventProperties System => new(_batch, _batch.Slot(Index).SystemFirst, _batch.Slot(Index).SystemCount);

    /// <summary>Application properties: the sender's own words, whatever they are called.</summary>
    public EventProperties Application => new(_batch, _batch.Slot(Index).ApplicationFirst, _batch.Slot(Index).ApplicationCount);
}
