using System.Text;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>One event that is wrong in every way, put right from the front: each step uncovers the next fault.</summary>
public class OrderOfChecksTests
{
    [Fact]
    public void The_first_fault_in_the_documented_order_is_the_verdict()
    {
        const string tracked = """{"name":"n","type":"number","maximum":100,"step":5,"intervalSeconds":60},{"name":"r","type":"number","required":true}""";
        var bench = new Bench { Profile = Profiles.Of(tracked, "bytesMax=300;perMinute=1;burst=1"), DeviceId = "" };
        var other = new Bench { Profile = bench.Profile };
        Assert.Equal("accepted", Bench.Outcome(other.Sent(5, "\"n\":1,\"r\":1", id: "same")));
        bench.State = other.State;
        bench.ContentType = "";
        bench.ContentEncoding = "br";

        string Next(string body) => bench.Judged(Encoding.UTF8.GetBytes(body)).Fault?.Code ?? "accepted";
        string Message(string metrics, int sequence = 5, int ahead = 0, string device = "other", string extra = "") =>
            $$$"""{"messageId":"same","sentAt":"{{{Bench.Noon.AddSeconds(ahead):yyyy-MM-dd'T'HH:mm:ss'Z'}}}","sequence":{{{sequence}}},"deviceId":"{{{device}}}","metrics":{ {{{metrics}}} }{{{extra}}}}""";
        var bad = Message("\"n\":999,\"x\":1", ahead: 3600, extra: ",\"y\":1") + ",";

        bench.IsEnded = true;
        Assert.Equal("identity-ended", Next(""));
        bench.IsEnded = false;
        Assert.Equal("event-too-large", Next(bad.PadRight(301)));
        Assert.Equal("content-type-missing", Next(bad));
        bench.ContentType = "application/json";
        Assert.Equal("content-encoding-unsupported", Next(bad));
        bench.ContentEncoding = "";
        Assert.Equal("json-trailing-data", Next(bad));
        Assert.Equal("member-unknown", Next(Message("\"n\":999,\"x\":1", ahead: 3600, extra: ",\"y\":1")));
        Assert.Equal("identity-missing", Next(Message("\"n\":999,\"x\":1", ahead: 3600)));
        bench.DeviceId = Bench.Device;
        Assert.Equal("identity-spoofed", Next(Message("\"n\":999,\"x\":1", ahead: 3600)));
        var profile = bench.Profile;
        bench.Profile = null;
        Assert.Equal("profile-unknown", Next(Message("\"n\":999,\"x\":1", ahead: 3600, device: Bench.Device)));
        bench.Profile = profile;
        Assert.Equal("metric-unknown", Next(Message("\"n\":999,\"x\":1", ahead: 3600, device: Bench.Device)));
        Assert.Equal("metric-missing", Next(Message("\"n\":999", ahead: 3600, device: Bench.Device)));
        Assert.Equal("metric-type", Next(Message("\"n\":999,\"r\":\"\"", ahead: 3600, device: Bench.Device)));
        Assert.Equal("metric-range", Next(Message("\"n\":999,\"r\":1", ahead: 3600, device: Bench.Device)));
        Assert.Equal("metric-step", Next(Message("\"n\":99,\"r\":1", ahead: 61, device: Bench.Device)));
        Assert.Equal("clock-ahead", Next(Message("\"n\":1,\"r\":1", ahead: 61, device: Bench.Device)));
        Assert.Equal("sequence-replayed", Next(Message("\"n\":1,\"r\":1", device: Bench.Device)));
        Assert.Equal("message-id-repeated", Next(Message("\"n\":1,\"r\":1", sequence: 6, device: Bench.Device)));
        Assert.Equal("rate-exceeded", Next(Message("\"n\":1,\"r\":1", sequence: 6, device: Bench.Device).Replace("same", "new", StringComparison.Ordinal)));
        bench.Now = bench.Now.AddMinutes(1);
        Assert.Equal("accepted", Next(Message("\"n\":1,\"r\":1", sequence: 6, device: Bench.Device).Replace("same", "new", StringComparison.Ordinal)));
    }
}
