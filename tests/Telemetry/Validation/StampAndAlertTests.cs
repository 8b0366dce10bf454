using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>What the hub's stamps and the posture say, and when an alert is due.</summary>
public class StampAndAlertTests
{
    private readonly Bench _bench = new();
    private long _sequence;

    [Theory]
    [InlineData(Bench.Quiet, VerdictNotes.None)]
    [InlineData("""{"scope":"module","type":"sas"}""", VerdictNotes.None)]
    [InlineData("""{"type":"sas","scope":"hub","issuer":"iothub"}""", VerdictNotes.HubScopeKey)]
    [InlineData("""{"version":1,"nothing":null,"scope":"device"}""", VerdictNotes.None)]
    [InlineData("""["scope","device"]""", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("""{"scope":"fleet"}""", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("""{"scope":"device","scope":"hub"}""", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("""{"inner":{"scope":"device"}}""", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("""{"scope":1}""", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("{\"scope\":\"device\"", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("{\"s\\udc00cope\":\"hub\"}", VerdictNotes.AuthMethodUnreadable)] // found by fuzzing: threw
    [InlineData("{\"scope\":\"\\ud800\"}", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("device", VerdictNotes.AuthMethodUnreadable)]
    [InlineData("", VerdictNotes.AuthMethodUnreadable)]
    public void The_stamp_of_how_a_device_authenticated_is_an_alert_unless_it_is_the_devices_own(string stamp, VerdictNotes expected)
    {
        _bench.AuthMethod = stamp;
        var verdict = Next();
        Assert.True(verdict.Accepted);
        Assert.Equal(expected, verdict.Notes & VerdictNotes.Alerting);
        Assert.Equal(expected, verdict.AlertNotes);
        // The answer comes from memory the second time, and is the same.
        Assert.Equal(expected, Next().Notes & VerdictNotes.Alerting);
    }

    [Theory]
    [InlineData(512, VerdictNotes.None)]
    [InlineData(513, VerdictNotes.AuthMethodUnreadable)]
    public void A_stamp_has_at_most_512_bytes(int length, VerdictNotes expected)
    {
        _bench.AuthMethod = """{"scope":"device"}""".PadRight(length);
        Assert.Equal(expected, Next().AlertNotes);
    }

    [Fact]
    public void A_refusal_does_not_hide_a_hub_scope_key()
    {
        _bench.AuthMethod = """{"scope":"hub","type":"sas"}""";
        var verdict = _bench.Judged("{");
        Assert.Equal("json-malformed", verdict.Fault?.Code);
        Assert.Equal(VerdictNotes.HubScopeKey, verdict.AlertNotes);
    }

    [Fact]
    public void A_device_created_again_is_an_alert_once_and_begins_anew()
    {
        _sequence = 50;
        Assert.True(Next().Notes.HasFlag(VerdictNotes.FirstSeen));
        _bench.Generation = "2";
        _sequence = 3;
        var verdict = Next();
        Assert.True(verdict.Accepted);
        Assert.Equal(VerdictNotes.GenerationChanged | VerdictNotes.FirstSeen, verdict.Notes);
        Assert.Equal(VerdictNotes.GenerationChanged, verdict.AlertNotes);
        Assert.Equal(VerdictNotes.None, Next().Notes);
    }

    [Fact]
    public void Spoofing_is_refused_and_alerted_at_once()
    {
        var body = Bench.Message(1).Replace("\"sequence\"", "\"deviceId\":\"victim\",\"sequence\"", StringComparison.Ordinal);
        var verdict = _bench.Judged(body);
        Assert.Equal("identity-spoofed at deviceId", Bench.Outcome(verdict));
        Assert.Equal(VerdictNotes.Spoofed, verdict.Notes);
        Assert.True(verdict.FaultAlertDue);
        Assert.Equal(VerdictNotes.None, verdict.AlertNotes);
    }

    [Fact]
    public void Refusals_of_one_kind_alert_first_at_once_then_with_doubling_pauses()
    {
        var due = new List<int>();
        for (var second = 0; second < 4000; second++)
        {
            _bench.Now = Bench.Noon.AddSeconds(second);
            var verdict = _bench.Judged("{");
            if (verdict.FaultAlertDue) due.Add(second);
            if (second == 60) Assert.Equal(60, verdict.Unreported);
        }

        Assert.Equal([0, 60, 180, 420, 900, 1860, 3780], due);
    }

    [Fact]
    public void After_two_quiet_days_a_fault_is_news_again()
    {
        Assert.True(_bench.Judged("{").FaultAlertDue);
        _bench.Now = Bench.Noon.AddDays(2);
        Assert.True(_bench.Judged("{").FaultAlertDue); // long after the first pause
        _bench.Now = Bench.Noon.AddDays(2).AddSeconds(90);
        Assert.False(_bench.Judged("{").FaultAlertDue); // the second pause is two minutes
        _bench.Now = Bench.Noon.AddDays(4).AddSeconds(1);
        Assert.True(_bench.Judged("{").FaultAlertDue);
        _bench.Now = Bench.Noon.AddDays(4).AddSeconds(61);
        Assert.True(_bench.Judged("{").FaultAlertDue); // one minute again: begun anew
    }

    [Fact]
    public void A_device_with_many_faults_has_four_alerts_and_spoofing_still_gets_through()
    {
        string[] bodies = ["{", "[]", "\"", "{}", "[1", "1e400", "{\"a\":1}", "\uFEFF{}", "[] []", "[[[[[[[[[[", "{\"a\":1,\"a\":1}"];
        var alerts = bodies.Count(body => _bench.Judged(body).FaultAlertDue);
        Assert.Equal(4, alerts);
        var spoof = Bench.Message(1).Replace("\"sequence\"", "\"deviceId\":\"victim\",\"sequence\"", StringComparison.Ordinal);
        Assert.True(_bench.Judged(spoof).FaultAlertDue);
        Assert.False(_bench.Judged(spoof).FaultAlertDue);
        _bench.AuthMethod = """{"scope":"hub"}""";
        Assert.Equal(VerdictNotes.HubScopeKey, _bench.Judged("{").AlertNotes);
    }

    [Fact]
    public void Kinds_that_were_quiet_for_two_days_make_room_for_new_ones()
    {
        foreach (var body in (string[])["{", "[]", "{}"]) Assert.True(_bench.Judged(body).FaultAlertDue);
        _bench.Now = Bench.Noon.AddDays(2).AddSeconds(1);
        // In the place all further kinds share, the second would be held back for the first.
        Assert.True(_bench.Judged("{\"a\":1}").FaultAlertDue);
        Assert.True(_bench.Judged("{\"a\":1,\"a\":1}").FaultAlertDue);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_kind_that_must_be_heard_at_once_takes_the_place_of_the_longest_quiet_kind_that_need_not(int spoofedAt)
    {
        var spoof = Bench.Message(1).Replace("\"sequence\"", "\"deviceId\":\"victim\",\"sequence\"", StringComparison.Ordinal);
        List<string> bodies = ["{", "[]"];
        bodies.Insert(spoofedAt, spoof);
        for (var second = 0; second < bodies.Count; second++)
        {
            _bench.Now = Bench.Noon.AddSeconds(second);
            Assert.True(_bench.Judged(bodies[second]).FaultAlertDue);
        }

        _bench.AuthMethod = """{"scope":"hub"}""";
        var verdict = _bench.Judged("[]");
        Assert.Equal((VerdictNotes.HubScopeKey, false), (verdict.AlertNotes, verdict.FaultAlertDue));
        _bench.AuthMethod = Bench.Quiet;
        Assert.False(_bench.Judged(spoof).FaultAlertDue); // kept its place, though it may be the oldest
        Assert.False(_bench.Judged("[]").FaultAlertDue);  // kept its place: it is the newer of the two others
        Assert.True(_bench.Judged("{").FaultAlertDue);    // lost it
    }

    [Theory]
    [InlineData("\"boot\":\"secure\"", VerdictNotes.None)]
    [InlineData("\"boot\":\"open\"", VerdictNotes.PostureBootState)]
    [InlineData("\"debug\":false", VerdictNotes.None)]
    [InlineData("\"debug\":true", VerdictNotes.PostureDebugPort)]
    [InlineData("\"ports\":\"\"", VerdictNotes.None)]
    [InlineData("\"ports\":\"22,8883\"", VerdictNotes.None)]
    [InlineData("\"ports\":\"22,23\"", VerdictNotes.PostureOpenPorts)]
    [InlineData("\"ports\":\"8883,\"", VerdictNotes.PostureOpenPorts)]
    [InlineData("\"ports\":\"8883, 22\"", VerdictNotes.PostureOpenPorts)]
    [InlineData("\"ports\":\"88830\"", VerdictNotes.PostureOpenPorts)]
    [InlineData("\"ports\":\"none\"", VerdictNotes.PostureOpenPorts)]
    [InlineData("\"firmware\":\"1.2.0\"", VerdictNotes.None)]
    [InlineData("\"firmware\":\"1.2\"", VerdictNotes.None)]
    [InlineData("\"firmware\":\"1.10\"", VerdictNotes.None)]
    [InlineData("\"firmware\":\"1.1.65535.65535\"", VerdictNotes.PostureFirmware)]
    [InlineData("\"firmware\":\"1.2.0-rc1\"", VerdictNotes.PostureFirmware)]
    [InlineData("\"firmware\":\"2.65536\"", VerdictNotes.PostureFirmware)]
    [InlineData("\"firmware\":\"1.2.3.4.5\"", VerdictNotes.PostureFirmware)]
    [InlineData("", VerdictNotes.None)]
    public void Posture_is_noted_never_refused(string metrics, VerdictNotes expected)
    {
        _bench.Profile = Profiles.Of(
            """{"name":"boot","type":"enumeration","members":["open","secure"]},{"name":"debug","type":"boolean"},{"name":"ports","type":"string","bytesMax":50},{"name":"firmware","type":"string","bytesMax":50}""",
            posture: """{"bootState":{"metric":"boot","trusted":["secure"]},"debugPort":{"metric":"debug"},"openPorts":{"metric":"ports","allowed":[8883,22]},"firmwareVersion":{"metric":"firmware","atLeast":"1.2"}}""");
        var verdict = _bench.Sent(1, metrics);
        Assert.Equal("accepted", Bench.Outcome(verdict));
        Assert.Equal(expected, verdict.Notes & VerdictNotes.Alerting);
        Assert.Equal(expected, verdict.AlertNotes);
    }

    private Verdict Next()
    {
        _sequence++;
        _bench.Now = _bench.Now.AddSeconds(1);
        return _bench.Sent(_sequence, "");
    }
}
