using Serverless.Hosting;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>A batch in ascending order of sequence numbers, which is how the hub keeps it and the host hands it over.</summary>
/// <remarks>Fencing rests on this order, so it is made certain here. An event whose number the host garbled gets the one after its
/// predecessor: a partition counts without gaps, and the event must not be lost.</remarks>
internal sealed class OrderedBatch
{
    private readonly EventBatch _batch;
    private readonly long[] _sequences;
    private readonly int[]? _order;

    /// <summary>Puts a batch in order.</summary>
    public OrderedBatch(EventBatch batch)
    {
        _batch = batch;
        _sequences = new long[batch.Count];
        var ascending = true;
        for (var i = 0; i < _sequences.Length; i++)
        {
            var number = batch[i].SequenceNumber;
            _sequences[i] = number >= 0 ? number : Neighbour(i);
            ascending &= i == 0 || _sequences[i] > _sequences[i - 1];
        }

        if (ascending) return;
        _order = new int[_sequences.Length];
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        Array.Sort(_sequences, _order);
    }

    /// <summary>Events in the batch.</summary>
    public int Count => _batch.Count;

    /// <summary>The event at a place in the order.</summary>
    public HubEvent this[int at] => _batch[_order is null ? at : _order[at]];

    /// <summary>Its sequence number.</summary>
    public long Sequence(int at) => _sequences[at];

    private long Neighbour(int index)
    {
        if (index > 0) return _sequences[index - 1] + 1;
        for (var next = 1; next < _batch.Count; next++)
        {
            if (_batch[next].SequenceNumber is var number and >= 0) return Math.Max(0, number - next);
        }

        throw new InvalidDataException("no event of the batch has a sequence number");
    }
}
