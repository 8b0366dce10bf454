using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class RendezvousTests
{
    private const int Devices = 1_000_000;
    private static readonly HubPolicy[] Hubs = [new("hub-a", 1, false), new("hub-b", 2, false), new("hub-c", 3, false), new("hub-d", 4, false)];

    /// <summary>A million ids over four hubs; then one hub more, one less, and one with another weight.</summary>
    [Fact]
    public void A_million_devices_spread_by_weight_and_move_only_where_they_must()
    {
        HubPolicy[] more = [.. Hubs, new("hub-e", 5, false)];
        HubPolicy[] less = [.. Hubs[..3]];
        HubPolicy[] heavier = [Hubs[0] with { Weight = 6 }, .. Hubs[1..]];
        var counts = new int[Hubs.Length];
        var (joined, stray, left, orphans, grown, wrong) = (0, 0, 0, 0, 0, 0);
        Parallel.For(0, Devices, device =>
        {
            var id = $"device-{device}";
            var before = Rendezvous.Choose(id, Hubs)!;
            Interlocked.Increment(ref counts[Array.IndexOf(Hubs, before)]);
            var with = Rendezvous.Choose(id, more)!.Host;
            if (with != before.Host) Interlocked.Increment(ref with == "hub-e" ? ref joined : ref stray);
            var without = Rendezvous.Choose(id, less)!.Host;
            if (before.Host == "hub-d") Interlocked.Increment(ref orphans);
            else if (without != before.Host) Interlocked.Increment(ref left);
            var other = Rendezvous.Choose(id, heavier)!.Host;
            if (other != before.Host) Interlocked.Increment(ref other == "hub-a" ? ref grown : ref wrong);
        });
        // Six standard deviations of a binomial: wrong once in 10^9 runs of an even hash, and runs are all the same.
        for (var hub = 0; hub < Hubs.Length; hub++) Near(Hubs[hub].Weight / 10.0, counts[hub]);
        Near(5.0 / 15, joined); // a new hub takes its share
        Assert.Equal(0, stray); // and nobody moves elsewhere
        Assert.Equal(counts[3], orphans);
        Assert.Equal(0, left); // only those of the hub that left have moved
        Near(6.0 / 15 - 1.0 / 10, grown);
        Assert.Equal(0, wrong);

        static void Near(double share, int count) =>
            Assert.InRange(count, Devices * share - 6 * Math.Sqrt(Devices * share * (1 - share)), Devices * share + 6 * Math.Sqrt(Devices * share * (1 - share)));
    }

    [Fact]
    public void Order_and_case_of_hubs_do_not_matter()
    {
        var upper = Hubs.Reverse().Select(hub => hub with { Host = hub.Host.ToUpperInvariant() }).ToList();
        Assert.All(Enumerable.Range(0, 1000).Select(number => $"device-{number}"), id =>
            Assert.Equal(Rendezvous.Choose(id, Hubs)!.Host, Rendezvous.Choose(id, upper)!.Host, ignoreCase: true));
        Assert.Null(Rendezvous.Choose("device", []));
    }

    /// <summary>Fixed for good: were the choice to change with a release, the whole fleet would move.</summary>
    [Theory]
    [InlineData("device-0")]
    [InlineData("pump-7")]
    [InlineData("a.b_c:d-e")]
    public void A_choice_is_the_same_in_every_release(string id) => Assert.Equal(Golden[id], Rendezvous.Choose(id, Hubs)!.Host);

    private static readonly Dictionary<string, string> Golden = new() { ["device-0"] = "hub-b", ["pump-7"] = "hub-d", ["a.b_c:d-e"] = "hub-c" };
}
