using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>A device beside the others of its model, by value.</summary>
public class PeerValuesTests
{
    [Theory]
    [InlineData("even", 0.06)]
    [InlineData("normal", 0.2)]
    [InlineData("skewed", 0.2)]
    public void The_quartiles_are_near_those_of_all_readings_sorted(string shape, double within)
    {
        var (peers, random, all) = (default(PeerValues), new Random(1), new List<double>());
        for (var i = 0; i < 20_000; i++)
        {
            var value = shape switch { "even" => random.NextDouble(), "normal" => Streams.Normal(random), _ => Math.Exp(Streams.Normal(random)) };
            all.Add((float)value);
            peers.Learn(3, value);
        }

        all.Sort();
        Assert.True(peers.TryQuartiles(3, out var low, out var middle, out var high));
        Assert.Equal(all[all.Count / 4], low, within);
        Assert.Equal(all[all.Count / 2], middle, within);
        Assert.Equal(all[all.Count * 3 / 4], high, within);
        Assert.False(peers.TryQuartiles(2, out _, out _, out _)); // another metric has learned nothing
    }

    [Theory]
    [InlineData(1024, 0)]
    [InlineData(1.0 / 4096, 0)]
    [InlineData(1, 65_536)]
    public void Units_do_not_matter(double scale, double offset)
    {
        var (plain, changed, random) = (default(PeerValues), default(PeerValues), new Random(2));
        for (var i = 0; i < 3000; i++)
        {
            var value = Streams.Normal(random);
            plain.Learn(0, value);
            changed.Learn(0, (value * scale) + offset);
        }

        plain.TryQuartiles(0, out var low, out var middle, out var high);
        changed.TryQuartiles(0, out var lowChanged, out var middleChanged, out var highChanged);
        Assert.Equal([(low * scale) + offset, (middle * scale) + offset, (high * scale) + offset], [lowChanged, middleChanged, highChanged], (a, b) => Math.Abs(a - b) < 0.02 * scale);
    }

    [Fact]
    public void Nothing_read_makes_a_quartile_that_lies_outside_of_what_was_read_or_is_not_a_number()
    {
        double[] hostile = [0, -0.0, 1e300, -1e300, double.Epsilon, double.NaN, double.PositiveInfinity, double.MaxValue, 7];
        var (peers, random) = (default(PeerValues), new Random(3));
        for (var i = 0; i < 20_000; i++) peers.Learn(i % Relation.MetricsMax, hostile[random.Next(hostile.Length)]);
        for (var metric = 0; metric < Relation.MetricsMax; metric++)
        {
            Assert.True(peers.TryQuartiles(metric, out var low, out var middle, out var high));
            Assert.True(double.IsFinite(low) && low <= middle && middle <= high && double.IsFinite(high), $"{low} {middle} {high}");
        }

        var constant = default(PeerValues);
        for (var i = 0; i < 2000; i++) constant.Learn(0, 5.25);
        Assert.True(constant.TryQuartiles(0, out var least, out _, out var greatest));
        Assert.Equal((5.25, 5.25), (least, greatest));
    }

    [Fact]
    public void A_copy_of_its_bytes_at_any_point_goes_on_alike_and_it_never_grows()
    {
        var (whole, split, random) = (new PeerValues[1], new PeerValues[1], new Random(4));
        for (var i = 0; i < 2000; i++)
        {
            split[0] = MemoryMarshal.Read<PeerValues>([.. MemoryMarshal.AsBytes<PeerValues>(split)]);
            var value = Streams.Normal(random);
            whole[0].Learn(i % 3, value);
            split[0].Learn(i % 3, value);
        }

        Assert.Equal(MemoryMarshal.AsBytes<PeerValues>(whole), MemoryMarshal.AsBytes<PeerValues>(split));
        Assert.Equal(Relation.MetricsMax * 18, Unsafe.SizeOf<PeerValues>());
    }

    [Fact]
    public void A_device_unlike_its_peers_from_its_first_day_is_told_once_and_they_are_not()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var told = Fleet(seed, devices: 12, strange: 7, by: 300);
            var (device, finding) = Assert.Single(told);
            Assert.Equal((7, FindingKind.Stranger, 1), (device, finding.Kind, finding.Metric));
            Assert.InRange(finding.Seen, 300, 400);
            Assert.InRange(finding.High, 40, 70);
            Assert.True(finding.Measure > finding.Limit);
        }
    }

    [Fact]
    public void Devices_that_differ_as_much_as_their_peers_do_are_no_strangers() =>
        Assert.All(Enumerable.Range(10, 10), seed => Assert.Empty(Fleet(seed, devices: 12, strange: 7, by: 8)));

    [Fact]
    public void Among_a_few_devices_nobody_is_a_stranger() => Assert.Empty(Fleet(1, devices: 7, strange: 3, by: 300));

    /// <summary>Devices of one model, each at a level of its own; one is off in its second metric.</summary>
    private static List<(int Device, Finding Finding)> Fleet(int seed, int devices, int strange, double by)
    {
        var (random, peers, told) = (new Random(seed), default(PeerValues), new List<(int, Finding)>());
        var fleet = Enumerable.Range(0, devices).Select(_ => (Device: new OneDevice(2), Level: 5 * random.NextDouble())).ToArray();
        var room = new Finding[DeviceScorer.FindingsMax];
        for (var i = 0; i < 600; i++)
        {
            for (var d = 0; d < devices; d++)
            {
                var (first, at) = (20 + fleet[d].Level + Streams.Normal(random), Streams.Start + (i * Streams.Minute));
                double[] values = [Math.Round(first, 2), Math.Round((2 * first) + Streams.Normal(random) + (d == strange ? by : 0), 2)];
                if (fleet[d].Device.Observe(at, i + 10, values, room) > 0) continue;
                if (fleet[d].Device.Scorer.Compare(ref peers, devices, at, values, out var finding)) told.Add((d, finding));
            }
        }

        return told;
    }
}
