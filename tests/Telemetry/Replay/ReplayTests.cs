using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Replay;

public sealed class ReplayTests : IDisposable
{
    private readonly Desk _desk = new();

    [Fact]
    public async Task What_a_mended_profile_accepts_goes_through_once_and_says_that_it_is_a_replay()
    {
        await _desk.IngestUsual();
        Assert.Equal(8, _desk.World.Validated.Events.Count());
        Assert.Equal(1, await _desk.Replay()); // not mended yet
        Assert.Empty(_desk.Replayed);
        Assert.Empty(_desk.Ledgers()); // nothing was intended

        _desk.MendProfile();
        Assert.Equal(0, await _desk.Replay());
        Assert.Equal(["3-11", "3-13", "3-15", "3-17", "3-3", "3-5", "3-7", "3-9"], _desk.ReplayedIds);
        var one = _desk.Replayed.Single(replayed => replayed.MessageId == "3-3");
        Assert.Equal(("d-1", "application/json"), (one.PartitionKey, one.ContentType));
        var properties = one.ApplicationProperties!;
        Assert.Equal(("3", 3L, "d-1", "1", World.Profile), (properties["source-partition"], properties["source-sequence"], properties["device-id"], properties["generation-id"], properties["profile"]));
        Assert.Equal(("2026-06-01T12:00:00.0000000Z", 0), (properties["enqueued-at"], properties["notes"]));
        Assert.Equal(("ops", "metric-range"), (properties["replayed-by"], properties["replayed-fault"]));
        Assert.True(DateTimeOffset.TryParse((string)properties["replayed-at"]!, CultureInfo.InvariantCulture, out _));
        Assert.Equal(50, JsonDocument.Parse(one.Body).RootElement.GetProperty("metrics").GetProperty("n").GetDouble());
        foreach (var device in _desk.Replayed.GroupBy(replayed => replayed.PartitionKey))
        {
            var order = device.Select(replayed => (long)replayed.ApplicationProperties!["source-sequence"]!).ToArray();
            Assert.Equal(order.Order(), order);
        }

        var ledgers = _desk.Ledgers();
        Assert.Equal(0, await _desk.Replay());
        Assert.Contains("8 selected: 0 put through, 8 went through before, 0 stay refused", _desk.Output, StringComparison.Ordinal);
        Assert.Equal(8, _desk.Replayed.Count());
        Assert.Equal(ledgers, _desk.Ledgers());
    }

    [Fact]
    public async Task A_dry_run_tells_what_the_profile_says_now_and_writes_nothing()
    {
        await _desk.IngestUsual();
        await _desk.Ingest(19, Desk.Reading("d-2", 20, 500));
        _desk.MendProfile();
        var (calls, blobs) = (_desk.World.Plan.Calls.Count, _desk.World.Rejected.Names.ToArray());
        Assert.Equal(1, await _desk.Command("--storage", Desk.Storage, "--dry-run"));
        Assert.Equal(
            ["refused for   device  profile  would be      events", "metric-range  d-1     test@1   accepted           4", "metric-range  d-2     test@1   accepted           4",
                "metric-range  d-2     test@1   metric-range       1", "9 selected: 8 would go through, 0 went through before, 1 stay refused (dry run: nothing was written)"],
            _desk.Output.Trim().Split('\n').Select(line => line.Trim()));
        Assert.DoesNotContain(_desk.World.Plan.Calls.Skip(calls), call => call is not ("rejected.List" or "rejected.Open" or "profiles.Read"));
        Assert.Equal(blobs, _desk.World.Rejected.Names);

        Assert.Equal(1, await _desk.Command("--storage", Desk.Storage, "--dry-run", "--json"));
        var report = JsonDocument.Parse(_desk.Output).RootElement;
        Assert.Equal((true, 9, 8, 0), (report.GetProperty("dryRun").GetBoolean(), report.GetProperty("selected").GetInt32(), report.GetProperty("accepted").GetInt32(), report.GetProperty("replayedBefore").GetInt32()));
        Assert.Equal(["d-1 accepted 4", "d-2 accepted 4", "d-2 metric-range 1"], report.GetProperty("groups").EnumerateArray().Select(group => $"{group.GetProperty("device")} {group.GetProperty("outcome")} {group.GetProperty("events")}"));
    }

    [Fact]
    public async Task Selections_narrow_by_device_fault_profile_time_and_blob()
    {
        await _desk.IngestUsual();
        await _desk.Ingest(19, Desk.Reading("d-1", 3601, 60), new Sent { Device = "d-1", At = Sent.Noon.AddSeconds(3602), Body = "{"u8.ToArray() });
        _desk.MendProfile();
        Assert.Equal(["2026-06-01T12/3-0000.jsonl", "2026-06-01T13/3-0000.jsonl"], _desk.World.Rejected.Names);
        Assert.Equal(4, await Selected("--device", "d-2"));
        Assert.Equal(10, await Selected("--device", "d-2", "--device", "d-1"));
        Assert.Equal(1, await Selected("--fault", "json-malformed"));
        Assert.Equal(5, await Selected("--fault", "metric-range", "--device", "d-1"));
        Assert.Equal(10, await Selected("--profile", World.Profile));
        Assert.Equal(0, await Selected("--profile", "test@2"));
        Assert.Equal(2, await Selected("--blob", "2026-06-01T13/3-0000.jsonl"));
        Assert.Equal(1, await Selected("--from", "2026-06-01T13:00:02Z"));
        Assert.Equal(2, await Selected("--from", "2026-06-01T13:00:01Z"));
        Assert.Equal(2, await Selected("--from", "2026-06-01T12:00:02Z", "--to", "2026-06-01T12:00:06Z")); // the end is not in it
        Assert.Equal(3, await _desk.Replay("--blob", "2026-06-01T14/3-0000.jsonl"));
        Assert.Contains("no such blob", _desk.Errors, StringComparison.Ordinal);

        Assert.Equal(0, await _desk.Replay("--device", "d-2"));
        Assert.All(_desk.Replayed, one => Assert.Equal("d-2", one.PartitionKey));
        Assert.Equal(4, _desk.Replayed.Count());

        async Task<int> Selected(params string[] options)
        {
            await _desk.Command(["--storage", Desk.Storage, "--dry-run", "--json", .. options]);
            return JsonDocument.Parse(_desk.Output).RootElement.GetProperty("selected").GetInt32();
        }
    }

    [Fact]
    public async Task Recorded_and_repeated_messages_find_no_way_in_through_a_replay()
    {
        await _desk.Ingest(
            1, Sent.Created("d-1", World.Profile), Desk.Reading("d-1", 1, 5),
            Desk.Reading("d-1", 1, 5, "other"), // sequence-replayed
            Desk.Reading("d-1", 2, 5, "m1"), // message-id-repeated
            Desk.Reading("d-1", 3, 50), Desk.Reading("d-1", 3, 50), // refused, and sent again
            Desk.Reading("d-1", 3, 50, "other")); // the same reading under another id
        _desk.MendProfile();
        Assert.Equal(1, await _desk.Replay());
        Assert.Equal(["3-5"], _desk.ReplayedIds);
        Assert.Equal(2, Outcomes("replay-needs-history"));
        Assert.Equal(2, Outcomes("replay-duplicate"));
        Assert.Equal(1, await _desk.Replay()); // that the first went through is known by the ledger, and it still counts as a message
        Assert.Equal(["3-5"], _desk.ReplayedIds);
        Assert.Equal(2, Outcomes("replay-duplicate"));
    }

    [Fact]
    public async Task Rules_of_step_and_rate_are_waived_by_name_only()
    {
        _desk.World.Documents.Put(World.Profile, Validation.Profiles.Document("""{"name":"n","type":"number","minimum":-10,"maximum":100}""", "perMinute=1;burst=1"));
        await _desk.Ingest(1, Sent.Created("d-1", World.Profile), Desk.Reading("d-1", 1, 5), Desk.Reading("d-1", 2, 5));
        Assert.Equal(1, await _desk.Replay());
        Assert.Equal(1, Outcomes("replay-needs-history"));
        Assert.Equal(1, await _desk.Replay("--waive", "metric-step"));
        Assert.Equal(0, await _desk.Replay("--waive", "rate-exceeded"));
        Assert.Equal(["3-3"], _desk.ReplayedIds);
    }

    [Fact]
    public async Task What_was_never_a_devices_telemetry_is_not_made_into_it()
    {
        await _desk.Ingest(
            1, Sent.Created("d-1", World.Profile), Sent.TwinChanged("d-1", "{"), Desk.Reading("d-1", 1, 5) with { Source = null }, Desk.Reading("d-1", 2, 5) with { Device = null },
            Desk.Reading("d-1", 3, 5) with { RawBody = "\"?\"" },
            Desk.Reading("d-1", 4, 5) with { Body = Sent.Message(4, "\"n\":5", device: "d-2") });
        _desk.MendProfile();
        Assert.Equal(1, await _desk.Replay());
        Assert.Empty(_desk.Replayed);
        Assert.Equal(3, Outcomes("replay-not-telemetry"));
        Assert.Equal(1, Outcomes("replay-garbled"));
        Assert.Equal(1, Outcomes("identity-spoofed"));
    }

    [Fact]
    public async Task A_device_that_had_no_profile_is_judged_by_the_one_named()
    {
        await _desk.Ingest(1, Desk.Reading("d-9", 1, 5));
        Assert.Equal(1, await _desk.Replay());
        Assert.Equal(1, Outcomes("profile-unknown"));
        Assert.Equal(1, await _desk.Replay("--as", "test@2")); // there is none
        Assert.Equal(0, await _desk.Replay("--as", World.Profile));
        Assert.Equal(World.Profile, _desk.Replayed.Single().ApplicationProperties!["profile"]);
    }

    [Fact]
    public async Task An_event_that_grew_too_large_as_JSON_stays_refused()
    {
        _desk.World.Documents.Put(World.Profile, Validation.Profiles.Document(string.Join(',', Enumerable.Range(0, 60).Select(i => $$"""{"name":"s{{i}}","type":"string","bytesMax":4000}"""))));
        var text = Encoding.ASCII.GetString(Enumerable.Repeat((byte)1, 3900).ToArray());
        var body = new System.Formats.Cbor.CborWriter();
        body.WriteStartMap(4);
        (string Name, Action Value)[] members =
        [
            ("messageId", () => body.WriteTextString("m")), ("sentAt", () => body.WriteTextString("2026-06-01T12:00:00Z")), ("sequence", () => body.WriteInt32(1)),
            ("metrics", () =>
            {
                body.WriteStartMap(60);
                for (var i = 0; i < 60; i++)
                {
                    body.WriteTextString($"s{i}");
                    body.WriteTextString(text);
                }

                body.WriteEndMap();
            }),
        ];
        foreach (var (name, value) in members)
        {
            body.WriteTextString(name);
            value();
        }

        body.WriteEndMap();
        await _desk.Ingest(1, Sent.Created("d-1", World.Profile), new Sent { At = Sent.Noon, Body = body.Encode(), System = new() { ["content-type"] = "application/cbor" } });
        Assert.Equal("normalised-too-large", _desk.World.Refusals()[2]);
        Assert.Equal(1, await _desk.Replay());
        Assert.Equal(1, Outcomes("normalised-too-large"));
    }

    [Fact]
    public async Task A_broken_profile_a_strange_line_and_a_strange_ledger_stop_it_with_their_names()
    {
        await _desk.IngestUsual();
        _desk.World.Documents.Put(World.Profile, "{}");
        Assert.Equal(3, await _desk.Replay());
        Assert.Contains("profile test@1: profile-member-missing", _desk.Errors, StringComparison.Ordinal);

        _desk.World.Documents.Put(World.Profile, Desk.Wide.Replace("\"test\"", "\"other\"", StringComparison.Ordinal));
        Assert.Equal(3, await _desk.Replay());
        Assert.Contains("profile-name", _desk.Errors, StringComparison.Ordinal);

        _desk.MendProfile();
        var blob = _desk.World.Rejected.Names.Single();
        await _desk.World.Rejected.Create("replayed/" + blob, TestContext.Current.CancellationToken);
        foreach (var strange in (string[])["{}\n", "no\n", "{\"done\":[1]}\n", "{\"intent\":[1]"])
        {
            _desk.World.Rejected["replayed/" + blob] = Encoding.UTF8.GetBytes(strange);
            Assert.Equal(3, await _desk.Replay());
            Assert.Contains("replayed/" + blob, _desk.Errors, StringComparison.Ordinal);
        }

        _desk.World.Rejected[blob] = "{\"partition\":\"3\"}\n"u8.ToArray();
        Assert.Equal(3, await _desk.Replay());
        Assert.Contains("not one of ingestion's", _desk.Errors, StringComparison.Ordinal);
        Assert.Empty(_desk.Replayed);
    }

    [Fact]
    public async Task Arguments_are_checked_before_anything_is_read()
    {
        Assert.Equal(2, await _desk.Command());
        Assert.Contains("--storage is required", _desk.Errors, StringComparison.Ordinal);
        Assert.Equal(2, await _desk.Command("--storage", Desk.Storage));
        Assert.Contains("--event-hubs is required", _desk.Errors, StringComparison.Ordinal);
        string[][] wrong =
        [
            ["--storage", "http://plain"], ["--storage", "text"], ["--event-hubs", "a/b"], ["--event-hubs", ""], ["--waive", "sequence-replayed"], ["--as", "Test"], ["--by", ""],
            ["--from", "noon"], ["--to", "x"], ["--wait", "121"], ["--wait", "-1"], ["--group", ""], ["--what", "x"], ["--device"], ["stray"],
        ];
        foreach (var args in wrong)
        {
            Assert.Equal(2, await _desk.Replay(args));
            Assert.StartsWith(args[0], _desk.Errors, StringComparison.Ordinal);
        }

        Assert.Equal(0, await _desk.Command("--help"));
        Assert.StartsWith("usage: telemetry replay", _desk.Output, StringComparison.Ordinal);
        Assert.Empty(_desk.World.Plan.Calls);
    }

    public void Dispose() => _desk.Dispose();

    private int Outcomes(string outcome) =>
        _desk.Output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(cells => cells.Length >= 3 && cells[^2] == outcome).Sum(cells => int.Parse(cells[^1], CultureInfo.InvariantCulture));
}
