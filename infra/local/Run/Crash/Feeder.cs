using Serverless.Local.EventHubs;

namespace Serverless.Local.Run.Crash;

/// <summary>Lets events flow into hub <c>telemetry</c>: a steady stream, in portions, so that each life of the handler has some.</summary>
/// <param name="hubs">The broker.</param>
/// <param name="drafts">All events.</param>
/// <param name="portion">Events of one life.</param>
/// <param name="wall">Wall clock.</param>
internal sealed class Feeder(IEventRoute hubs, IReadOnlyList<EventDraft> drafts, int portion, TimeProvider wall)
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(50);

    // As long as a life takes, so that the stream never pauses for long.
    private static readonly TimeSpan PortionLasts = TimeSpan.FromSeconds(2.5);
    private const int RestFactor = 5;
    private int _allowed;
    private int _fed;

    /// <summary>Events appended so far.</summary>
    public int Fed => Volatile.Read(ref _fed);

    /// <summary>Events of one life.</summary>
    public int Portion => portion;

    /// <summary>Allows one more portion.</summary>
    public void Next() => Interlocked.Add(ref _allowed, portion);

    /// <summary>Allows all.</summary>
    public void Rest() => Volatile.Write(ref _allowed, drafts.Count);

    /// <summary>Feeds until all is in.</summary>
    /// <param name="cancel">Ends it early.</param>
    public async Task Run(CancellationToken cancel)
    {
        var each = Math.Max(1, (int)(portion * (Turn / PortionLasts)));
        while (_fed < drafts.Count)
        {
            var allowed = Volatile.Read(ref _allowed);
            // Nobody waits to be killed any more, so the rest may come faster.
            var until = Math.Min(drafts.Count, Math.Min(_fed + (allowed == drafts.Count ? RestFactor * each : each), allowed));
            while (_fed < until)
            {
                hubs.Append("telemetry", drafts[_fed]);
                Interlocked.Increment(ref _fed);
            }

            await Task.Delay(Turn, wall, cancel).ConfigureAwait(false);
        }
    }
}
