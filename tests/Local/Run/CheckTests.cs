using Serverless.Local.Fleet;
using Serverless.Local.Run;

namespace Serverless.Local.Tests.Run;

/// <summary>Each promise is broken once, alone, and the check that guards it must say so.</summary>
public class CheckTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);
    private static readonly DeviceScript Honest = new(0, "honest", "pump", Misbehaviour.None, TimeSpan.FromSeconds(30));
    private static readonly DeviceScript Broken = new(1, "broken", "pump", Misbehaviour.MalformedJson, TimeSpan.FromSeconds(30));

    private static readonly Observation Good = new(
        [Stored(0, "honest"), Stored(1, "broken"), Stored(2, "honest"), Stored(3, "broken")],
        [Validated(0, "honest", 0), Validated(2, "honest", 1), Validated(3, "broken", 2)],
        [Rejected(1, "broken")],
        [new AlertSeen("a1", "refused", "broken", "json-malformed")]);

    [Fact]
    public void A_good_run_keeps_every_promise() => Assert.All(Judge(Good), check => Assert.True(check.Kept, check.Evidence));

    public static TheoryData<string, Observation> Defects() => new()
    {
        { "every message a device had acknowledged", Good with { Telemetry = [.. Good.Telemetry.Take(3)], Validated = [.. Good.Validated.Take(2)] } },
        { "accounted for exactly once", Good with { Validated = [.. Good.Validated, Validated(1, "broken", 3)] } },
        { "accounted for exactly once", Good with { Rejected = [] } },
        { "accounted for exactly once", Good with { Rejected = [.. Good.Rejected, Rejected(99, "broken")] } },
        { "byte for byte", Good with { Rejected = [Rejected(1, "broken") with { BodyHash = "other" }] } },
        { "byte for byte", Good with { Validated = [Validated(0, "honest", 0), Validated(2, "honest", 1), Validated(3, "honest", 2)] } },
        { "keep their order", Good with { Validated = [Validated(2, "honest", 0), Validated(0, "honest", 1), Validated(3, "broken", 2)] } },
        { "every honest message is accepted", Good with { Validated = [.. Good.Validated.Skip(1)], Rejected = [.. Good.Rejected, Rejected(0, "honest")] } },
        { "every wrong message is refused", Good with { Validated = [.. Good.Validated, Validated(1, "broken", 3)], Rejected = [] } },
        { "was noticed", Good with { Alerts = [] } },
        { "no honest device was accused", Good with { Alerts = [.. Good.Alerts, new AlertSeen("a2", "refused", "honest", "x")] } },
        { "raised once", Good with { Alerts = [.. Good.Alerts, .. Good.Alerts] } },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public void A_broken_promise_is_told(string promise, Observation seen)
    {
        var check = Assert.Single(Judge(seen), check => check.Promise.Contains(promise, StringComparison.Ordinal));
        Assert.False(check.Kept);
        Assert.Contains("exceptions", check.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_sends_the_same_bytes_whenever_the_seed_is_the_same()
    {
        var one = Broken.Messages(7, Start, TimeSpan.FromHours(1)).Select(message => Convert.ToHexString(message.Body.Span)).ToList();
        var two = Broken.Messages(7, Start, TimeSpan.FromHours(1)).Select(message => Convert.ToHexString(message.Body.Span)).ToList();
        var other = Broken.Messages(8, Start, TimeSpan.FromHours(1)).Select(message => Convert.ToHexString(message.Body.Span)).ToList();
        Assert.Equal(one, two);
        Assert.NotEqual(one, other);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(24)]
    [InlineData(16)]
    public void A_fleet_has_every_misbehaviour_and_mostly_honest_devices(int devices)
    {
        var plan = DeviceScript.Plan(devices, TimeSpan.FromSeconds(30));
        Assert.Equal(devices, plan.Select(device => device.DeviceId).Distinct().Count());
        Assert.Equal(Enum.GetValues<Misbehaviour>().Order(), plan.Select(device => device.Wrong).Distinct().Order());
        Assert.True(plan.Count(device => device.Wrong == Misbehaviour.None) >= devices / 2);
    }

    [Theory]
    [InlineData(Misbehaviour.MalformedJson)]
    [InlineData(Misbehaviour.WrongType)]
    [InlineData(Misbehaviour.Oversize)]
    [InlineData(Misbehaviour.ForeignIdentity)]
    [InlineData(Misbehaviour.ClockSkew)]
    [InlineData(Misbehaviour.Duplicate)]
    [InlineData(Misbehaviour.Replay)]
    [InlineData(Misbehaviour.Flood)]
    public void A_misbehaving_device_starts_honest_and_then_mixes_wrong_with_honest_messages(Misbehaviour wrong)
    {
        var messages = (Broken with { Wrong = wrong }).Messages(1, Start, TimeSpan.FromMinutes(20)).ToList();
        Assert.All(messages.Where(message => message.DueAt < Start.AddMinutes(4)), message => Assert.Equal(Misbehaviour.None, message.Wrong));
        Assert.Contains(messages, message => message.Wrong == wrong);
        Assert.Contains(messages.Where(message => message.DueAt > Start.AddMinutes(10)), message => message.Wrong == Misbehaviour.None);
    }

    private static IReadOnlyList<Check> Judge(Observation seen) =>
        Checks.Of(
            [Honest, Broken],
            new Dictionary<string, Sent> { ["honest"] = new Sent(honest: 2, wrong: 0), ["broken"] = new Sent(honest: 1, wrong: 1) },
            seen);

    private static HubEvent Stored(long sequence, string device) => new(new EventPosition("0", sequence), device, $"hash-{sequence}");

    private static ValidatedEvent Validated(long sequence, string device, long at) =>
        new(new EventPosition("0", sequence), device, new EventPosition("0", at));

    private static RejectedEvent Rejected(long sequence, string device) => new(new EventPosition("0", sequence), device, "json-malformed", $"hash-{sequence}");
}
