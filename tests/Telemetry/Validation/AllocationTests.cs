using System.Buffers;
using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>In the steady state nothing is allocated, whatever the verdict.</summary>
public class AllocationTests
{
    [Theory]
    [InlineData("application/json", "", """ "n":1.50,"i":5,"b":true,"e":"on","s":"abc","v":[0.1,0.2,0.3],"any":12345678901234567890.5 """)]
    [InlineData("application/json", "", """ "s":"\u00e9","\u006e":1 """)]
    [InlineData("application/json", "gzip", """ "n":1.50 """)]
    [InlineData("application/json", "", """ "n":99 """)]
    [InlineData("application/json", "", """ "n":"x","other":{"a":[1,{"b":2}]} """)]
    [InlineData("application/json", "", """ "n":1e400 """)]
    [InlineData("application/json", "", """ "n":1,"n":1 """)]
    public void Judging_allocates_nothing(string type, string encoding, string metrics)
    {
        var bench = new Bench { ContentType = type, ContentEncoding = encoding };
        var body = Encoding.UTF8.GetBytes(Bench.Message(1, metrics));
        Measure(bench, encoding == "gzip" ? BoundaryTests.Gzipped(body) : body);
    }

    [Fact]
    public void Judging_CBOR_allocates_nothing()
    {
        var fleet = new RandomFleet(3);
        var bench = new Bench { ContentType = "application/cbor" };
        for (var i = 0; i < 20; i++) Measure(bench, RandomWire.Cbor(fleet, fleet.NewMessage(bench.Profile!)));
    }

    private static void Measure(Bench bench, byte[] body)
    {
        var (type, encoding) = (Encoding.UTF8.GetBytes(bench.ContentType), Encoding.UTF8.GetBytes(bench.ContentEncoding));
        var into = new ArrayBufferWriter<byte>(1 << 16);
        var accepted = false;
        long before = 0;
        for (var i = 0; i < 300; i++)
        {
            if (i == 200) before = GC.GetAllocatedBytesForCurrentThread();
            bench.State = default;
            into.ResetWrittenCount();
            var e = new TelemetryEvent
            {
                Body = body,
                ContentType = type,
                ContentEncoding = encoding,
                DeviceId = "sensor-1"u8,
                GenerationId = "1"u8,
                AuthMethod = """{"scope":"device"}"""u8,
                EnqueuedAt = bench.Now,
            };
            accepted = bench.Judge.Decide(e, bench.Profile, ref bench.State, bench.Readings).Accepted;
            if (accepted) bench.Readings.Normalise(e, bench.Profile!, into);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(accepted, into.WrittenCount > 0);
    }
}
