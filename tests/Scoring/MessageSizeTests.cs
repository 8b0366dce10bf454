using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>The size of a message is a metric like any other.</summary>
public class MessageSizeTests
{
    private static List<Finding> Observe(Func<int, int> bytes, int seed = 1, int count = 1000)
    {
        var (device, room, all, i) = (new OneDevice(3), new Finding[DeviceScorer.FindingsMax], new List<Finding>(), 0);
        foreach (var (at, sequence, values) in Streams.Device(seed, count))
        {
            var scorer = device.Scorer;
            var found = scorer.Observe(new(at, at, sequence, bytes(i++)), values, room);
            all.AddRange(room[..found]);
        }

        return all;
    }

    [Fact]
    public void A_message_much_larger_or_smaller_than_all_before_is_found_and_told_in_bytes()
    {
        foreach (var odd in (int[])[2000, 40])
        {
            var finding = Assert.Single(Observe(i => i == 900 ? odd : 300 + (i % 7)), finding => finding.Metric == Finding.MessageSize);
            Assert.Equal((FindingKind.Spike, odd, 300.0, 306.0), (finding.Kind, finding.Seen, Math.Round(finding.Low), Math.Round(finding.High)));
            Assert.Contains("message size at " + odd, Explanation.Of(finding, "message size").Seen, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Digits_that_come_and_go_and_members_left_out_are_not()
    {
        var random = new Random(2);
        Assert.DoesNotContain(Observe(i => (i % 50 == 0 ? 340 : 300) + random.Next(12), count: 5000), finding => finding.Metric == Finding.MessageSize);
    }

    [Fact]
    public void Where_no_size_is_known_none_is_judged() =>
        Assert.DoesNotContain(Observe(i => i == 900 ? 5000 : i > 500 ? 0 : 300), finding => finding.Metric == Finding.MessageSize && finding.Seen == 0);

    [Fact]
    public void During_warm_up_the_answer_is_not_yet() => Assert.Empty(Observe(i => i == 150 ? 5000 : 300, count: 190));
}
