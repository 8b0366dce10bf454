using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Serverless.EventHubs.Wire;

namespace Serverless.Local.EventHubs;

/// <summary>One connected client: the tokens it put, and the links that live by them. Thread-safe.</summary>
/// <param name="connection">Its connection.</param>
/// <param name="transport">What carries it.</param>
/// <param name="connectedAt">When it came, wall time.</param>
internal sealed class Peer(Connection connection, FramedTransport transport, DateTimeOffset connectedAt)
{
    // A client that puts no valid token is gone after this; Event Hubs allows links about 20 s, tools need a little to begin.
    private static readonly TimeSpan TokenDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan CloseDeadline = TimeSpan.FromSeconds(5);
    private const int GrantsMax = 1024;
    private readonly ConcurrentDictionary<string, Grant> _grants = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<ListenerLink, string> _links = new();
    private readonly ConcurrentDictionary<string, ListenerLink> _replies = new(StringComparer.Ordinal);

    private DateTimeOffset? _closedAt;

    /// <summary>Its connection.</summary>
    public Connection Connection => connection;

    /// <summary>Drops the connection without a word, as a failing network does.</summary>
    public void Abort() => transport.Close();

    /// <summary>Keeps what a token allows.</summary>
    /// <param name="path">The entity it was put for.</param>
    /// <param name="grant">What it allows.</param>
    public bool Hold(string path, Grant grant)
    {
        if (_grants.Count >= GrantsMax && !_grants.ContainsKey(path)) return false;
        _grants[path] = grant;
        return true;
    }

    /// <summary>The latest-ending grant that covers a path.</summary>
    /// <param name="path">Lower case.</param>
    /// <param name="now">Wall time.</param>
    public Grant? Find(string path, DateTimeOffset now)
    {
        Grant? found = null;
        foreach (var (held, grant) in _grants)
        {
            if (grant.ExpiresAt > now && (found is null || grant.ExpiresAt > found.ExpiresAt) && BrokerPaths.Covers(held, path)) found = grant;
        }

        return found;
    }

    /// <summary>Whether any valid token was put.</summary>
    /// <param name="now">Wall time.</param>
    public bool IsKnown(DateTimeOffset now) => _grants.Any(held => held.Value.ExpiresAt > now);

    /// <summary>Remembers a link that needs a token.</summary>
    /// <param name="link">The link.</param>
    /// <param name="path">The entity it uses.</param>
    public void Watch(ListenerLink link, string path)
    {
        _links[link] = path;
        link.AddClosedCallback((_, _) => _links.TryRemove(link, out _));
    }

    /// <summary>Remembers a link for answers, by its name and by its target address: clients use either as reply-to.</summary>
    /// <param name="link">The link.</param>
    /// <param name="attach">Its attach.</param>
    public void Reply(ListenerLink link, Attach attach)
    {
        string[] keys = (attach.Target as Target)?.Address is { Length: > 0 } address ? [attach.LinkName, address] : [attach.LinkName];
        foreach (var key in keys) _replies[key] = link;
        link.AddClosedCallback((_, _) =>
        {
            foreach (var key in keys) _replies.TryRemove(new KeyValuePair<string, ListenerLink>(key, link));
        });
    }

    /// <summary>The link for answers to a reply-to.</summary>
    /// <param name="replyTo">From the request.</param>
    public ListenerLink? ReplyLink(string? replyTo) => replyTo is not null && _replies.TryGetValue(replyTo, out var link) ? link : null;

    /// <summary>Detaches links whose token ended, and closes a connection that never showed one.</summary>
    /// <param name="now">Wall time.</param>
    public void Sweep(DateTimeOffset now)
    {
        if (connection.IsClosed)
        {
            // We said close, and a peer that does not answer would keep the socket.
            _closedAt ??= now;
            if (now - _closedAt >= CloseDeadline) Abort();
            return;
        }

        foreach (var (path, grant) in _grants)
        {
            if (grant.ExpiresAt <= now) _grants.TryRemove(new KeyValuePair<string, Grant>(path, grant));
        }

        foreach (var (link, path) in _links)
        {
            if (Find(path, now) is null) BrokerLinks.Close(link, new Refusal("amqp:unauthorized-access", "the token expired"));
        }

        if (!_grants.IsEmpty || !_links.IsEmpty || now - connectedAt < TokenDeadline) return;
        try
        {
            connection.Close(TimeSpan.Zero, new Error(new Amqp.Types.Symbol("amqp:connection:forced")) { Description = "no valid token" });
        }
        catch (Exception gone) when (gone is AmqpException or ObjectDisposedException)
        {
            // It is closing already.
        }
    }
}
