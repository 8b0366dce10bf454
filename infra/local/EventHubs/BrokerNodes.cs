using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace Serverless.Local.EventHubs;

/// <summary>Decides about every link a client asks for: which node, by whose right, from where.</summary>
internal sealed class BrokerNodes(
    IReadOnlyDictionary<string, HubLog> hubs, AmqpFront front, TokenDesk desk, int messageBytesMax, Func<string, PublishFault> fault, TimeProvider wall) : ILinkProcessor
{
    private static readonly Symbol FilterName = new("apache.org:selector-filter:string");
    private static readonly Symbol EpochName = new("com.microsoft:epoch");

    /// <inheritdoc/>
    public void Process(AttachContext attachContext)
    {
        // This runs on the connection's reading thread: nothing here waits.
        var attach = attachContext.Attach;
        attach.MaxMessageSize = (ulong)messageBytesMax; // unset, JavaScript's createBatch takes 2^64-1
        attach.Properties ??= new Fields();
        var refusal = front.Find(attachContext.Link.Session.Connection) is { } peer
            ? Route(attachContext, attach, peer)
            : new Refusal("amqp:connection:forced", "the connection is closing");
        if (refusal is not null) attachContext.Complete(BrokerLinks.Error(refusal));
    }

    private Refusal? Route(AttachContext context, Attach attach, Peer peer)
    {
        var isReader = attach.Role; // the peer's role: true receives
        var address = isReader ? (attach.Source as Source)?.Address : (attach.Target as Target)?.Address;
        if (address is null || address.Length > 512) return new Refusal("amqp:invalid-field", "no address");
        var parts = BrokerPaths.OfAddress(address).Split('/');
        if (parts[^1] is "$cbs" or "$management") return Node(context, attach, peer, isReader, parts[^1]);
        if (!hubs.TryGetValue(parts[0], out var hub)) return new Refusal("amqp:not-found", "no such event hub");
        return isReader ? Reader(context, attach, peer, hub, parts) : Publisher(context, peer, hub, parts);
    }

    private Refusal? Node(AttachContext context, Attach attach, Peer peer, bool isReader, string node)
    {
        if (isReader)
        {
            attach.SndSettleMode = SenderSettleMode.Settled;
            peer.Reply(context.Link, attach);
            context.Complete(new ReplyEndpoint(), 0);
            return null;
        }

        if (node == "$management" && !peer.IsKnown(wall.GetUtcNow())) return new Refusal("amqp:unauthorized-access", "put a token on $cbs first");
        context.Complete(node == "$cbs" ? new RequestEndpoint(peer, request => PutToken(peer, request)) : new RequestEndpoint(peer, request => Describe(peer, request)), RequestEndpoint.Credit);
        return null;
    }

    private Refusal? Publisher(AttachContext context, Peer peer, HubLog hub, string[] parts)
    {
        var partition = parts is [_, "partitions", var id] ? hub.Partition(id) : null;
        if (parts.Length != 1 && partition is null) return new Refusal("amqp:not-found", "no such partition");
        var path = string.Join('/', parts);
        if (Authorise(peer, path, EventHubActions.Send, "eventhubs/" + hub.Name) is { } refusal) return refusal;
        peer.Watch(context.Link, path);
        context.Complete(new PublisherEndpoint(peer, hub, partition, messageBytesMax, fault), PublisherEndpoint.Credit);
        return null;
    }

    private Refusal? Reader(AttachContext context, Attach attach, Peer peer, HubLog hub, string[] parts)
    {
        if (parts is not [_, "consumergroups", var group, "partitions", var id] || hub.Partition(id) is not { } log || hub.Readers(group, log) is not { } readers)
        {
            return new Refusal("amqp:not-found", "no such consumer group or partition");
        }

        var path = string.Join('/', parts);
        if (Authorise(peer, path, EventHubActions.Receive, $"eventhubs/{hub.Name}/consumergroups/{group}") is { } refusal) return refusal;
        if (!TryFilter(attach, out var filter)) return new Refusal("amqp:invalid-field", "the start filter is not understood");
        var epoch = attach.Properties[EpochName] as long?;
        var endpoint = new ReaderEndpoint(peer.Connection, context.Link, log, readers, log.Find(filter));
        if (readers.Admit(endpoint, epoch, out var stolen) is { } refused) return refused;
        foreach (var older in stolen) older.Close(new Refusal("amqp:link:stolen", $"a receiver with epoch '{epoch}' took over"));
        attach.SndSettleMode = SenderSettleMode.Settled;
        peer.Watch(context.Link, path);
        endpoint.Start();
        context.Complete(endpoint, 0);
        return null;
    }

    private Refusal? Authorise(Peer peer, string path, string action, string scope) =>
        peer.Find(path, wall.GetUtcNow()) is not { } grant ? new Refusal("amqp:unauthorized-access", "no valid token was put for this entity")
        : grant.Allows(action, scope) ? null
        : new Refusal("amqp:unauthorized-access", $"the caller lacks {action} on {scope}");

    // Clients disagree about the descriptor of the filter's value, so it is not looked at.
    private static bool TryFilter(Attach attach, out StartFilter filter)
    {
        filter = new StartFilter(StartKind.Latest, 0);
        if ((attach.Source as Source)?.FilterSet is not { Count: > 0 } filters) return true;
        return filters[FilterName] is DescribedValue { Value: string text } && StartFilter.TryParse(text, out filter);
    }

    private async Task<(int Status, string Description, Map? Body)> PutToken(Peer peer, NodeRequest request)
    {
        if (request.Text("operation") != "put-token") return (400, "operation", null);
        if (request.Text("name") is not { } name || BrokerPaths.Of(name) is not { } path || request.Body is not string token) return (400, "name or token missing", null);
        var grant = await desk.Verify(token, path, CancellationToken.None).ConfigureAwait(false);
        return grant is null ? (401, "the token is invalid, expired or for another audience", null)
            : peer.Hold(path, grant) ? (202, "Accepted", null)
            : (403, "too many audiences on one connection", null);
    }

    private Task<(int Status, string Description, Map? Body)> Describe(Peer peer, NodeRequest request)
    {
        if (request.Text("operation") != "READ" || request.Text("name") is not { } name) return Answer(400, "operation or name");
        if (!hubs.TryGetValue(name, out var hub)) return Answer(404, "no such event hub");
        var grant = peer.Find(hub.Name, wall.GetUtcNow()) ?? peer.Find(hub.Name + "/$management", wall.GetUtcNow());
        var scope = "eventhubs/" + hub.Name;
        if (grant is null || !(grant.Allows(EventHubActions.Send, scope) || grant.Allows(EventHubActions.Receive, scope))) return Answer(401, "unauthorized");
        if (request.Text("type") == "com.microsoft:eventhub") return Answer(200, "OK", Hub(hub));
        return request.Text("type") == "com.microsoft:partition" && hub.Partition(request.Text("partition") ?? "") is { } log
            ? Answer(200, "OK", Partition(log.Head))
            : Answer(404, "no such partition");

        static Task<(int Status, string Description, Map? Body)> Answer(int status, string description, Map? body = null) => Task.FromResult((status, description, body));
    }

    private static Map Hub(HubLog hub) => new()
    {
        ["name"] = hub.Name,
        ["type"] = "com.microsoft:eventhub",
        ["created_at"] = hub.CreatedAt.UtcDateTime,
        ["partition_count"] = hub.Partitions.Length,
        ["partition_ids"] = hub.Partitions.Select(log => log.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)).ToArray(),
        ["georeplication_factor"] = 1,
    };

    private static Map Partition(PartitionHead head) => new()
    {
        ["name"] = head.Hub,
        ["type"] = "com.microsoft:partition",
        ["partition"] = head.Partition.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["begin_sequence_number"] = head.BeginSequenceNumber,
        ["last_enqueued_sequence_number"] = head.NextSequenceNumber - 1,
        ["last_enqueued_offset"] = head.LastOffset.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["last_enqueued_time_utc"] = head.LastEnqueued.UtcDateTime,
        ["is_partition_empty"] = head.NextSequenceNumber == head.BeginSequenceNumber,
    };
}
