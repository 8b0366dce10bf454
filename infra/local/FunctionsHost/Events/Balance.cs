namespace Serverless.Local.FunctionsHost.Events;

/// <summary>Which partitions an instance should take. Pure: the ledger says what is, the compare-and-swap decides who wins.</summary>
internal static class Balance
{
    /// <summary>Partitions to claim now: every free one up to a fair share, else one from whoever has too many.</summary>
    /// <param name="partitions">All partitions.</param>
    /// <param name="ownerships">As listed.</param>
    /// <param name="me">This instance.</param>
    /// <param name="now">Wall time.</param>
    /// <param name="lasts">How long an ownership counts without renewal.</param>
    public static IReadOnlyList<string> Claims(IReadOnlyList<string> partitions, IReadOnlyList<Ownership> ownerships, string me, DateTimeOffset now, TimeSpan lasts)
    {
        var live = ownerships
            .Where(item => item.Owner.Length > 0 && now - item.ModifiedAt <= lasts && partitions.Contains(item.Partition))
            .GroupBy(item => item.Owner, item => item.Partition, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        var mine = live.TryGetValue(me, out var held) ? held.Length : 0;
        var owners = live.Count + (mine == 0 ? 1 : 0);
        var (least, left) = (partitions.Count / owners, partitions.Count % owners);
        var most = least + (left > 0 ? 1 : 0);
        var free = partitions.Except(live.Values.SelectMany(item => item)).ToArray();
        if (free.Length > 0) return [.. Rotate(free, me).Take(Math.Max(0, most - mine))];

        // Nothing is free. Take one that breaks the fair share of its owner, and only if it mends ours.
        var richest = live.Where(item => item.Key != me).OrderByDescending(item => item.Value.Length).ThenBy(item => item.Key, StringComparer.Ordinal).FirstOrDefault();
        var isPoor = mine < least || (mine < most && richest.Value?.Length > most);
        return isPoor && richest.Value?.Length > least ? [Rotate(richest.Value, me).First()] : [];
    }

    /// <summary>Instances that start together should not all reach for the same partition first.</summary>
    private static IEnumerable<string> Rotate(string[] items, string me)
    {
        var start = me.Sum(character => character) % items.Length;
        return items.Skip(start).Concat(items.Take(start));
    }
}
