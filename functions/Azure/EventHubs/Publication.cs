using Amqp;
using Amqp.Framing;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>One call of <see cref="EventHubsClient.Publish"/>: groups by key, sends keys side by side and each key's batches one
/// after the other, so that a retried batch cannot overtake the next of its key.</summary>
internal sealed class Publication(
    string hub, IReadOnlyList<OutgoingEvent> events, Func<CancellationToken, Task<HubSender>> sender, EventHubsClientOptions options, TimeProvider clock)
{
    private readonly int[] _next = new int[events.Count];
    private bool _landed; // some batch is in the hub, or may be

    /// <summary>Sends everything.</summary>
    /// <param name="cancel">Cancels; what is in the air may land.</param>
    public async Task Run(CancellationToken cancel)
    {
        CheckKeys();
        var backoff = new Backoff(options, clock);
        var first = await Sender(backoff, cancel).ConfigureAwait(false);
        CheckSizes(first.MessageBytesMax);
        var heads = Group();
        if (heads.Count == 1)
        {
            await Chain(heads[0], cancel).ConfigureAwait(false);
            return;
        }

        // The gate bounds what is in the air; AMQPNetLite's own queue is bounded by nothing.
        var gate = new SemaphoreSlim(options.BatchesInFlightMax);
        var chains = new Task[heads.Count];
        for (var i = 0; i < chains.Length; i++)
        {
            await gate.WaitAsync(cancel).ConfigureAwait(false);
            chains[i] = Gated(heads[i], gate, cancel);
        }

        try
        {
            await Task.WhenAll(chains).ConfigureAwait(false);
        }
        catch (EventHubsOutageException outage)
        {
            outage.MayHaveLanded |= Volatile.Read(ref _landed); // a neighbour's batch counts
            throw;
        }
    }

    private async Task Gated(int head, SemaphoreSlim gate, CancellationToken cancel)
    {
        try
        {
            await Chain(head, cancel).ConfigureAwait(false);
        }
        finally
        {
            gate.Release();
        }
    }

    // Events of one key, linked by _next, cut into batches as they fit.
    private async Task Chain(int head, CancellationToken cancel)
    {
        var backoff = new Backoff(options, clock);
        while (head >= 0)
        {
            var link = await Sender(backoff, cancel).ConfigureAwait(false);
            var (pending, next) = Start(link, head, cancel);
            var outcome = await pending.ConfigureAwait(false);
            if (outcome.Accepted || outcome.Unknown) Volatile.Write(ref _landed, true);
            if (outcome.Accepted)
            {
                head = next;
                continue;
            }

            if (!Conditions.IsTransient(outcome.Condition) || !await backoff.Wait(outcome.Condition, cancel).ConfigureAwait(false)) throw Outage(outcome.Condition, null);
        }
    }

    private (Task<SendOutcome> Pending, int Next) Start(HubSender link, int head, CancellationToken cancel)
    {
        using var writer = new AmqpWriter();
        BatchEncoder.Envelope(writer, events[head].PartitionKey);
        var envelope = writer.Length;
        var ends = new List<int>();
        var next = head;
        for (var size = envelope; next >= 0; next = _next[next])
        {
            var start = writer.Length;
            size += BatchEncoder.Append(writer, events[next]) + BatchEncoder.SectionBytesMax;
            if (ends.Count > 0 && size > link.MessageBytesMax)
            {
                writer.Rewind(start);
                break;
            }

            ends.Add(writer.Length);
        }

        var body = new DataList();
        var at = envelope;
        foreach (var end in ends)
        {
            body.Add(new Data { Buffer = new ByteBuffer(writer.Buffer, at, end - at, end - at) });
            at = end;
        }

        var key = events[head].PartitionKey;
        var batch = new Message { Format = BatchEncoder.Format, BodySection = body };
        if (key is not null) batch.MessageAnnotations = new MessageAnnotations { [new Amqp.Types.Symbol("x-opt-partition-key")] = key };
        return (link.Send(batch, clock, options.TryTimeout, cancel), next);
    }

    private async Task<HubSender> Sender(Backoff backoff, CancellationToken cancel)
    {
        while (true)
        {
            string condition;
            Exception cause;
            try
            {
                return await sender(cancel).ConfigureAwait(false);
            }
            catch (Exception failure) when (Outages.IsOutage(failure, cancel))
            {
                (condition, cause) = (Outages.Condition(failure), failure);
            }

            if (!Conditions.IsTransient(condition) || !await backoff.Wait(condition, cancel).ConfigureAwait(false)) throw Outage(condition, cause);
        }
    }

    private EventHubsOutageException Outage(string condition, Exception? cause) =>
        new($"publishing to hub '{hub}' failed: {(condition.Length > 0 ? condition : cause?.Message ?? "connection lost")}", condition, Volatile.Read(ref _landed), cause);

    private void CheckKeys()
    {
        for (var i = 0; i < events.Count; i++)
        {
            if (events[i].PartitionKey?.Length is 0 or > OutgoingEvent.PartitionKeyLengthMax) throw new EventRefusedException(new Faults.Fault("partition-key-length", "partitionKey"), i);
        }
    }

    private void CheckSizes(int messageBytesMax)
    {
        for (var i = 0; i < events.Count; i++)
        {
            // Encoded in full only where a generous estimate leaves it in doubt: 4 B a UTF-16 unit, 1 KiB for all headers and the key.
            var text = 4L * ((events[i].MessageId?.Length ?? 0) + (events[i].ContentType?.Length ?? 0));
            if (events[i].Body.Length + text + 1024 < messageBytesMax && events[i].ApplicationProperties is null or { Count: 0 }) continue;
            if (events[i].Check(messageBytesMax) is { } fault) throw new EventRefusedException(fault, i);
        }
    }

    private List<int> Group()
    {
        var heads = new List<int>();
        var tails = new Dictionary<string, int>(StringComparer.Ordinal);
        var keyless = -1;
        for (var i = 0; i < events.Count; i++)
        {
            _next[i] = -1;
            if (events[i].PartitionKey is not { } key)
            {
                if (keyless < 0) heads.Add(i);
                else _next[keyless] = i;
                keyless = i;
                continue;
            }

            if (tails.TryGetValue(key, out var tail)) _next[tail] = i;
            else heads.Add(i);
            tails[key] = i;
        }

        return heads;
    }
}
