using System.Text;
using System.Text.Json;
using Serverless.Local.Fleet;
using Serverless.Local.Run;
using Serverless.Local.Run.Detection;

namespace Serverless.Local.Tests.Run;

public class DetectionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);
    private static readonly Attack Drift = new("a", AttackKind.Drift, Start.AddHours(10), Start.AddHours(14));
    private static readonly Attack Silence = new("b", AttackKind.Silence, Start.AddHours(12), Start.AddHours(13));

    private static AlertSeen Alert(string device, double hours, string kind = "anomaly-drift") => new($"{device}{hours}", $"serverless.telemetry.{kind}", device, kind, Start.AddHours(hours));

    private static DetectionScore Score(params AlertSeen[] alerts) => DetectionScore.Of([Drift, Silence], alerts, Start.AddHours(1), deviceDays: 2);

    [Fact]
    public void An_alert_within_an_attack_finds_it_and_the_first_one_sets_the_delay()
    {
        var score = Score(Alert("a", 13), Alert("a", 11, "anomaly-correlation"));
        Assert.Equal((1, 1, TimeSpan.FromHours(1)), (score.Kinds[0].Found, score.Kinds[0].Named, score.Kinds[0].Delay));
        Assert.Equal((0, 0.5, 1.0, 0), (score.Kinds[1].Found, score.Recall, score.Precision, score.FalseIncidents));
    }

    [Theory]
    [InlineData(9.99, 0, 1)] // before it began
    [InlineData(10, 1, 0)]
    [InlineData(14.25, 1, 0)] // the grace
    [InlineData(14.26, 0, 1)]
    [InlineData(0.99, 0, 0)] // while the devices were learned
    public void An_alert_counts_from_the_start_of_an_attack_to_its_end_and_a_grace(double hours, int found, int incidents)
    {
        var score = Score(Alert("a", hours));
        Assert.Equal((found, incidents), (score.Found, score.FalseIncidents));
    }

    [Fact]
    public void False_alerts_of_a_device_within_an_hour_are_one_incident_and_of_two_devices_two()
    {
        var score = Score(Alert("a", 2), Alert("a", 2.9), Alert("a", 3), Alert("b", 2));
        Assert.Equal((3, 1.5, 0.0), (score.FalseIncidents, score.FalsePerDeviceDay, score.Precision));
    }

    [Fact]
    public void No_attacks_and_no_alerts_make_no_division_by_zero() =>
        Assert.Equal((0.0, 0.0, 0.0), (DetectionScore.Of([], [], Start, 0).Recall, Score().Precision, DetectionScore.Of([], [Alert("a", 2)], Start, 0).FalsePerDeviceDay));

    [Fact]
    public void Every_kind_is_in_the_cast_and_a_history_is_in_order_and_the_same_for_the_same_seed()
    {
        var cast = AttackScript.Plan(1, TimeSpan.FromMinutes(30), "x-");
        Assert.Equal(Enum.GetValues<AttackKind>(), cast.Select(device => device.Kind).Distinct().Order());
        string Body() => string.Join('\n', Compose(cast).Drafts.Select(draft => $"{draft.EnqueuedAt:O} {draft.PartitionKey} {Encoding.UTF8.GetString(draft.Body.Span)}"));
        Assert.Equal(Body(), Body());
        var history = Compose(cast);
        Assert.Equal(history.Drafts.Select(draft => draft.EnqueuedAt).Order(), history.Drafts.Select(draft => draft.EnqueuedAt));
        Assert.Equal(11, history.Attacks.Count);
        Assert.All(history.Attacks, attack => Assert.InRange(attack.Start, history.JudgedFrom, attack.End));
        Assert.All(history.Attacks, attack => Assert.True(attack.End <= Start));
    }

    [Fact]
    public void Each_attack_does_what_its_kind_says()
    {
        foreach (var script in AttackScript.Plan(1, TimeSpan.FromMinutes(2), "x-").Where(script => script.Kind != AttackKind.None))
        {
            var messages = script.Messages(5, Start, TimeSpan.FromDays(1), TimeSpan.FromDays(2), out var attack);
            var within = messages.Where(message => message.DueAt >= attack!.Start && message.DueAt <= attack.End).Select(Read).ToList();
            var usual = (attack!.End - attack.Start) / script.Interval;
            var connects = script.Connects(5, Start, TimeSpan.FromDays(2), attack).Count(at => at >= attack!.Start && at <= attack.End);
            Assert.True(script.Kind == AttackKind.Reconnects ? connects > 10 : connects < 10, $"{script.Kind}: {connects}");
            switch (script.Kind)
            {
                case AttackKind.Reconnects: Assert.InRange(within.Count, 0.9 * usual, 1.1 * usual + 1); break;
                case AttackKind.Spike: Assert.InRange(within.Count, 1, 3); break;
                case AttackKind.Drift: Assert.True(within[^1].GetProperty("humidity").GetDouble() > within[0].GetProperty("humidity").GetDouble() + 10); break;
                case AttackKind.Stuck: Assert.Single(within.Select(one => one.GetProperty("bearingTemperature").GetDouble()).Distinct()); break;
                case AttackKind.Flatline: Assert.All(within, one => Assert.Equal(0, one.GetProperty("flow").GetDouble())); break;
                case AttackKind.Replay: Assert.InRange(within.Select(one => one.GetRawText()).Distinct().Count(), 1, 48); break;
                case AttackKind.Flood: Assert.True(within.Count > 8 * usual); break;
                case AttackKind.Silence: Assert.InRange(within.Count, 0, 1); break;
                case AttackKind.Clone: Assert.True(within.Count > 1.8 * usual); break;
                case AttackKind.Fuzz: Assert.All(within, one => Assert.True(one.GetProperty("light").GetDouble() > 60_000)); break;
                default: Assert.All(within, one => Assert.InRange(one.GetProperty("motorCurrent").GetDouble(), 5, 20)); break;
            }
        }
    }

    private static JsonElement Read(PlannedMessage message) => JsonDocument.Parse(message.Body).RootElement.GetProperty("metrics");

    private static AttackHistory Compose(IReadOnlyList<AttackScript> cast) => AttackHistory.Compose(cast, 3, Start);
}
