using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The verdict equals that of a naive judge, on random profiles and whole lives of random devices.</summary>
public class OracleTests
{
    private const int Devices = 600, EventsEach = 60;

    // What the naive judge calls malformed: bytes, not meaning.
    private static readonly string[] Malformed =
    [
        "event-empty", "json-malformed", "json-bom", "json-invalid-utf8", "json-lone-surrogate", "json-duplicate-member", "json-trailing-data",
        "cbor-malformed", "cbor-truncated", "cbor-invalid-utf8", "cbor-key-type", "cbor-duplicate-key", "cbor-tag", "cbor-trailing-data",
        "depth-too-great", "number-not-finite", "text-too-long",
    ];

    [Theory]
    [InlineData("application/json", 1)]
    [InlineData("application/cbor", 2)]
    public void Verdicts_equal_the_naive_judges_and_every_kind_is_reached(string contentType, int seed)
    {
        var reached = new Dictionary<string, int>();
        for (var device = 0; device < Devices; device++)
        {
            var fleet = new RandomFleet((1000 * seed) + device);
            var bench = new Bench { Profile = fleet.NewProfile(), ContentType = contentType };
            var naive = new NaiveJudge(bench.Profile);
            for (var i = 0; i < EventsEach; i++)
            {
                var message = fleet.NewMessage(bench.Profile);
                var json = contentType == "application/json";
                var body = json ? RandomWire.Json(fleet, message) : RandomWire.Cbor(fleet, message);
                bench.Now = fleet.Now;
                var before = bench.State;
                var verdict = bench.Judged(body);
                var expected = naive.Decide(json ? Node.FromJson(body) : Node.FromCbor(body), Bench.Device, fleet.Now);

                var actual = verdict.Accepted ? $"accepted {verdict.Notes} {verdict.Missing}"
                    : Malformed.Contains(verdict.Fault!.Code) ? "malformed" : verdict.Fault.ToString();
                if (verdict.Fault?.Code == "identity-spoofed") Assert.Equal(VerdictNotes.Spoofed, verdict.Notes);
                Assert.True(expected == actual, $"seed {(1000 * seed) + device}, event {i}: {expected}, not {actual} ({verdict.Fault}): {Convert.ToHexString(body)}");

                // Deterministic: the same again from the same state, by another judge with readings of another history.
                var other = new Judge().Decide(bench.Event(body), bench.Profile, ref before, new Readings());
                Assert.Equal((verdict.Accepted, verdict.Fault, verdict.Notes, verdict.Missing), (other.Accepted, other.Fault, other.Notes, other.Missing));
                Assert.Equal(Bytes(before), Bytes(bench.State));
                var kind = verdict.Fault?.Code ?? "accepted";
                reached[kind] = reached.GetValueOrDefault(kind) + 1;
            }
        }

        // A generator that only ever made refused events would prove nothing.
        Assert.InRange(reached["accepted"], Devices * EventsEach / 4, Devices * EventsEach);
        string[] all =
        [
            "metric-missing", "metric-type", "metric-not-integer", "metric-member", "metric-length", "metric-range", "metric-step", "metric-rate",
            "metric-unknown", "member-unknown", "message-id-missing", "message-id-type", "message-id-length", "sent-at-missing", "sent-at-type", "sent-at-format",
            "sequence-missing", "sequence-type", "sequence-range", "device-id-type", "identity-spoofed", "clock-ahead", "sent-too-late", "sent-at-backwards",
            "sequence-replayed", "sequence-stale", "message-id-repeated", "rate-exceeded",
        ];
        Assert.Equal([], [.. all.Except(reached.Keys)]);
    }

    private static string Bytes(in DeviceState state)
    {
        var bytes = new byte[DeviceState.WireBytes];
        state.Write(bytes);
        return Convert.ToHexString(bytes);
    }
}
