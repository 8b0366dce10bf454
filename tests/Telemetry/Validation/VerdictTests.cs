using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

public class VerdictTests
{
    private readonly Bench _bench = new();

    [Fact]
    public void A_whole_message_is_accepted_and_normalised_with_the_digits_the_device_wrote()
    {
        var body = Bench.Message(7, """ "v" : [ 0.10 , -1, 1e0 ], "n":1.50,"i":-0,"b":true,"e":"off","s":"\u00e9t","any":1E+2""");
        var verdict = _bench.Judged(body);
        Assert.Equal("accepted", Bench.Outcome(verdict));
        Assert.Equal(
            """{"deviceId":"sensor-1","messageId":"m7","sentAt":"2026-06-01T12:00:00.0000000Z","sequence":7,"metrics":{"n":1.50,"i":-0,"b":true,"e":"off","s":"\u00e9t","v":[0.10,-1,1e0],"any":1E+2}}""",
            _bench.Normalised(body));
        Assert.Equal([0.1, -1, 1], _bench.Readings.Vector(5).ToArray());
        Assert.Equal("ét", Encoding.UTF8.GetString(_bench.Readings.Text(_bench.Event(Encoding.UTF8.GetBytes(body)), 4)));
        Assert.Equal(7, _bench.Readings.Sequence);
        Assert.Equal(Bench.Noon, _bench.Readings.SentAt);
        Assert.Equal(VerdictNotes.FirstSeen, verdict.Notes);
    }

    [Fact]
    public void A_verdict_nobody_gave_is_a_refusal()
    {
        Assert.False(default(Verdict).Accepted);
        Assert.Equal("not-judged", default(Verdict).Fault?.Code);
    }
}
