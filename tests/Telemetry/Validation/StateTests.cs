using System.Runtime.CompilerServices;
using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

public class StateTests
{
    [Fact]
    public void A_state_is_224_bytes_and_survives_storage()
    {
        Assert.Equal(DeviceState.Bytes, Unsafe.SizeOf<DeviceState>());
        var bench = new Bench { Profile = Profiles.Of("""{"name":"n","type":"number","ratePerSecond":1}""") };
        for (var i = 1; i <= 20; i++)
        {
            bench.Now = Bench.Noon.AddSeconds(i);
            Assert.True(bench.Sent(i, $"\"n\":{i}").Accepted);
        }

        Assert.False(bench.Judged("{").Accepted);
        Span<byte> stored = stackalloc byte[DeviceState.WireBytes];
        bench.State.Write(stored);
        Assert.True(DeviceState.TryRead(stored, out bench.State));

        // A restart forgets nothing: windows, last values, rate and alerts go on.
        Assert.True(bench.State.IsSeen);
        Assert.Equal(20, bench.State.HighestSequence);
        Assert.Equal(bench.Now, bench.State.LastSeenAt);
        Assert.Equal("sequence-replayed at sequence", Bench.Outcome(bench.Sent(20, "\"n\":20", id: "other")));
        Assert.Equal("message-id-repeated at messageId", Bench.Outcome(bench.Sent(21, "\"n\":20", id: "m13")));
        Assert.Equal("metric-rate at metrics.n", Bench.Outcome(bench.Sent(21, "\"n\":25")));
        Assert.False(bench.Judged("{").FaultAlertDue);
    }

    [Fact]
    public void What_is_no_state_is_not_read()
    {
        var stored = new byte[DeviceState.WireBytes];
        default(DeviceState).Write(stored);
        Assert.True(DeviceState.TryRead(stored, out _));
        Assert.False(DeviceState.TryRead(stored.AsSpan(1), out _));
        Assert.False(DeviceState.TryRead([.. stored, 0], out _));
        stored[0] = 2;
        Assert.False(DeviceState.TryRead(stored, out _));
    }

    [Fact]
    public void Whatever_a_stored_state_says_judging_stays_within_bounds()
    {
        var random = new Random(1);
        var read = 0;
        var bench = new Bench { Profile = Profiles.Of("""{"name":"v","type":"vector","step":1,"ratePerSecond":1,"intervalSeconds":1}""") };
        var body = Encoding.UTF8.GetBytes(Bench.Message(5, "\"v\":[1,2,3]"));
        for (var i = 0; i < 20_000; i++)
        {
            var stored = new byte[DeviceState.WireBytes];
            default(DeviceState).Write(stored);
            for (var times = random.Next(1, 12); times > 0; times--) stored[random.Next(1, stored.Length)] = (byte)random.Next(256);
            if (!DeviceState.TryRead(stored, out bench.State)) continue;
            read++;
            bench.Judged(body);
            bench.Judged("{");
        }

        Assert.InRange(read, 2_000, 20_000);
    }
}
