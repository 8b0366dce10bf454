using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Anomalies;

public class ScoredStreamTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_device_that_turns_is_named_and_the_calm_one_is_not()
    {
        using var world = ScoredTraffic.World();
        await Deliver(world, ScoredTraffic.Of(seed: 1), 50);
        var kinds = Alerts(world).Select(alert => (alert.Subject, alert.Kind)).ToHashSet();
        Assert.Contains(("d-silent", "anomaly-silence"), kinds);
        Assert.Contains(("d-stuck", "anomaly-stuck"), kinds);
        Assert.Contains(("d-clone", "anomaly-clone"), kinds);
        Assert.Contains(("d-flood", "anomaly-flood"), kinds);
        Assert.Contains(("d-replay", "anomaly-replay"), kinds);
        Assert.Contains(kinds, one => one.Subject == "d-spike" && one.Kind is "anomaly-spike" or "anomaly-fuzz");
        Assert.DoesNotContain(kinds, one => one.Subject == "d-calm");
    }

    [Fact] // the promise of state beside the stream: it does not matter who reads which part of it
    public async Task Any_split_of_a_stream_over_processes_and_crashes_gives_the_same_alerts_byte_for_byte()
    {
        var stream = ScoredTraffic.Of(seed: 2);
        string outcome, state;
        using (var whole = ScoredTraffic.World())
        {
            await Deliver(whole, stream, stream.Count);
            (outcome, state) = (whole.Outcome(), await whole.StoredState());
            Assert.Contains("anomaly-silence", outcome, StringComparison.Ordinal);
        }

        for (var seed = 0; seed < 8; seed++)
        {
            var random = new Random(seed);
            using var world = ScoredTraffic.World();
            world.Plan.Decide = (_, _) => seed > 1 && random.Next(40) == 0 ? (FaultMode)random.Next(3) : null;
            var process = world.Process();
            for (var at = 0; at < stream.Count;)
            {
                var size = random.Next(1, 400);
                try
                {
                    await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
                    at += size;
                    if (random.Next(3) == 0) process = world.Process(); // moves to another instance
                }
                catch (Exception outage) when (outage is InjectedOutageException or Blobs.StaleWriterException)
                {
                    if (random.Next(2) == 0) process = world.Process();
                    at = Math.Max(0, at - random.Next(30));
                }
            }

            world.Plan.Decide = (_, _) => null;
            Assert.True(outcome == world.Outcome(), $"seed {seed}: other events or alerts came out");
            Assert.True(state == await world.StoredState(), $"seed {seed}: other state is stored");
        }
    }

    [Fact]
    public async Task Silence_is_noticed_within_two_intervals_though_nothing_comes_of_that_device_and_once()
    {
        using var world = ScoredTraffic.World();
        await Deliver(world, ScoredTraffic.Of(seed: 3), 100);
        var silence = Assert.Single(Alerts(world), alert => alert.Kind == "anomaly-silence");
        Assert.Equal("d-silent", silence.Subject);
        var due = Sent.Noon.AddMinutes(ScoredTraffic.Honest);
        Assert.InRange(silence.At, due, due.AddMinutes(2.5)); // its jitter and the wait for the next event of another device included
    }

    [Fact]
    public async Task An_alert_says_what_was_seen_what_was_expected_since_when_how_much_it_weighed_and_what_would_have_kept_it_silent()
    {
        using var world = ScoredTraffic.World();
        await Deliver(world, ScoredTraffic.Of(seed: 4), 100);
        var data = Alerts(world).First(alert => alert.Subject == "d-stuck").Data;
        Assert.Equal("anomaly-stuck", data.GetProperty("kind").GetString());
        Assert.Equal("test@1", data.GetProperty("profile").GetString());
        var anomaly = data.GetProperty("anomaly");
        Assert.Equal("axis", anomaly.GetProperty("metric").GetString());
        Assert.StartsWith("axis stayed at 5 for ", anomaly.GetProperty("seen").GetString(), StringComparison.Ordinal);
        foreach (var member in (string[])["expected", "weight", "silentWith"]) Assert.Matches("[0-9]", anomaly.GetProperty(member).GetString());
        Assert.InRange(anomaly.GetProperty("since").GetDateTimeOffset(), Sent.Noon, Sent.Noon.AddDays(1));
        Assert.InRange(anomaly.GetProperty("score").GetDouble(), 0.5, 1);
        Assert.Equal(7, anomaly.GetProperty("peers").GetInt32());
        var peers = anomaly.GetProperty("peersMeasure"); // the axis of healthy devices is even between 5 and 6
        Assert.InRange(peers.GetProperty("lowerQuartile").GetDouble(), 5.1, 5.4);
        Assert.InRange(peers.GetProperty("median").GetDouble(), 5.3, 5.7);
        Assert.InRange(peers.GetProperty("upperQuartile").GetDouble(), 5.6, 5.9);
    }

    [Fact]
    public async Task During_warm_up_nothing_is_said_about_values()
    {
        using var world = ScoredTraffic.World();
        var early = ScoredTraffic.Of(seed: 5, minutes: 150)
            .Select(one => one.Device == "d-spike" ? one with { Body = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(one.Body).Replace("\"speed\":1", "\"speed\":9", StringComparison.Ordinal)) } : one);
        await Deliver(world, [.. early], 100);
        Assert.Empty(Alerts(world));
    }

    [Fact]
    public async Task A_shift_of_the_whole_fleet_is_one_alert_about_the_model_and_few_about_devices()
    {
        using var world = ScoredTraffic.World();
        var stream = new List<Sent>();
        for (var device = 0; device < 60; device++) stream.Add(Sent.Created($"d-{device:D2}", World.Profile));
        for (var i = 0; i < 240; i++)
        {
            for (var device = 0; device < 60; device++)
            {
                var random = new Random((i * 61) + device);
                var shift = i >= 230 ? 50 : 0;
                var at = Sent.Noon.AddMinutes(i).AddMilliseconds(device * 900);
                var body = string.Create(CultureInfo.InvariantCulture, $"\"speed\":{100 + shift + random.NextDouble():F2},\"current\":{50 + random.NextDouble():F2}");
                stream.Add(new Sent { Device = $"d-{device:D2}", At = at, Body = Sent.Message(i + 1, body, at) });
            }
        }

        await Deliver(world, [.. stream.Select((one, index) => one with { Sequence = index })], 500);
        var alerts = Alerts(world);
        var fleet = alerts.Where(alert => alert.Kind == "anomaly-fleet").ToList();
        Assert.InRange(fleet.Count, 1, 2); // one a kind of trouble and metric
        Assert.All(fleet, alert => Assert.Equal(World.Profile, alert.Subject));
        Assert.InRange(alerts.Count(alert => alert.Subject.StartsWith("d-", StringComparison.Ordinal)), 1, 15);
    }

    [Fact]
    public async Task A_message_that_swells_though_its_values_are_as_ever_is_told_in_bytes()
    {
        using var world = ScoredTraffic.World();
        var stream = ScoredTraffic.Of(seed: 9).ToList();
        var odd = stream.FindLastIndex(one => one.Device == "d-calm" && one.Body.Length > 0);
        stream[odd] = stream[odd] with { Body = [.. stream[odd].Body, .. Enumerable.Repeat((byte)' ', 3000)] };
        await Deliver(world, stream, 100);
        var told = Assert.Single(Alerts(world), alert => alert.Subject == "d-calm");
        Assert.Equal("anomaly-spike", told.Kind);
        Assert.Equal("message size", told.Data.GetProperty("anomaly").GetProperty("metric").GetString());
    }

    [Fact]
    public async Task A_device_unlike_the_others_of_its_model_from_its_first_day_is_told_once()
    {
        using var world = ScoredTraffic.World();
        var stream = new List<Sent>();
        for (var device = 0; device < 9; device++) stream.Add(Sent.Created($"d-{device}", World.Profile));
        for (var i = 0; i < 700; i++)
        {
            for (var device = 0; device < 9; device++)
            {
                var (random, at) = (new Random((i * 61) + device), Sent.Noon.AddMinutes(i).AddMilliseconds(device * 900));
                var body = string.Create(CultureInfo.InvariantCulture, $"\"speed\":{100 + (device == 4 ? 5000 : device) + random.NextDouble():F2},\"current\":{50 + random.NextDouble():F2}");
                stream.Add(new Sent { Device = $"d-{device}", At = at, Body = Sent.Message(i + 1, body, at) });
            }
        }

        await Deliver(world, [.. stream.Select((one, index) => one with { Sequence = index })], 500);
        var stranger = Assert.Single(Alerts(world), alert => alert.Kind == "anomaly-stranger");
        Assert.Equal("d-4", stranger.Subject);
        Assert.Contains("half of all readings of its model between", stranger.Data.GetProperty("anomaly").GetProperty("expected").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_partition_knows_of_its_models_fits_into_the_shared_part_however_many_there_are()
    {
        var column = new ScoresColumn(new DeviceLimits());
        var groups = Enumerable.Range(1, 1000).Count(profile => column.TryGroup((ushort)profile, out _));
        Assert.InRange(groups, 32, 1000);
        Assert.InRange(column.SharedBytesMax, 1, ISharedState.BytesMost);
    }

    [Fact]
    public async Task A_device_that_was_deleted_is_not_missed()
    {
        using var world = ScoredTraffic.World();
        var stream = ScoredTraffic.Of(seed: 6).ToList();
        var last = stream.FindLastIndex(one => one.Device == "d-silent");
        stream.Insert(last + 1, Sent.TwinChanged("d-silent", "{}", "deleteDeviceIdentity") with { Source = "deviceLifecycleEvents", At = stream[last].At });
        await Deliver(world, [.. stream.Select((one, index) => one with { Sequence = index })], 100);
        Assert.DoesNotContain(Alerts(world), alert => alert.Kind == "anomaly-silence");
    }

    [Fact]
    public async Task Scores_of_another_version_stop_the_partition_and_are_never_reset()
    {
        using var world = ScoredTraffic.World();
        var stream = ScoredTraffic.Of(seed: 7, minutes: 40);
        await Deliver(world, stream.Take(200).ToList(), 50);
        var (_, state) = await StateLog.Open(world.State, "telemetry/3/", World.Empty, Cancel);
        var column = state.Columns.OfType<ScoresColumn>().Single();
        var section = column[0].ToArray();
        section[0]++;
        Assert.Contains("deploy the version", Assert.Throws<InvalidDataException>(() => column.Read(0, section)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => column.Read(0, column[0][..^1]));
        var shared = new byte[column.SharedBytesMax];
        Assert.Equal(shared.Length, column.WriteShared(shared));
        shared[0]++;
        Assert.Contains("deploy the version", Assert.Throws<InvalidDataException>(() => column.ReadShared(shared)).Message, StringComparison.Ordinal);
        shared[0]--;
        Assert.Throws<InvalidDataException>(() => column.ReadShared(shared.AsSpan(0, shared.Length - 1)));

        // What every device of the partition has taught comes back whole.
        Assert.True(column.Punctuality.Days > 0);
        var copy = new ScoresColumn(new DeviceLimits());
        copy.ReadShared(shared);
        var again = new byte[copy.SharedBytesMax];
        copy.WriteShared(again);
        Assert.Equal(shared, again);

        // An app without the column does not know the section, and says so instead of dropping it.
        await Assert.ThrowsAsync<InvalidDataException>(() => StateLog.Open(world.State, "telemetry/3/", () => new PartitionState(), Cancel));
    }

    [Fact]
    public void A_device_of_any_size_finds_room_again_after_it_was_cleared()
    {
        var column = new ScoresColumn(new DeviceLimits());
        var random = new Random(8);
        var sizes = new int[300];
        for (var turn = 0; turn < 5000; turn++)
        {
            var slot = random.Next(sizes.Length);
            if (random.Next(3) == 0)
            {
                column.Clear(slot);
                sizes[slot] = 0;
                continue;
            }

            sizes[slot] = random.Next(1, Relation.MetricsMax + 1);
            column.Begin(slot, sizes[slot], (ulong)slot)[^1] = (byte)(slot & 255);
        }

        for (var slot = 0; slot < sizes.Length; slot++)
        {
            Assert.Equal(sizes[slot] == 0 ? 0 : DeviceMemory.BytesOf(sizes[slot]), column[slot].Length);
            if (sizes[slot] == 0) continue;
            Assert.Equal((ulong)slot, DeviceMemory.ShapeOf(column[slot]));
            Assert.Equal((byte)(slot & 255), column[slot][^1]);
        }
    }

    private static async Task Deliver(World world, IReadOnlyList<Sent> stream, int size)
    {
        var process = world.Process();
        for (var at = 0; at < stream.Count; at += size) await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
    }

    private static List<AlertTold> Alerts(World world) => [.. world.Alerts.Events.Select(alert => JsonDocument.Parse(alert.Body).RootElement)
        .Where(alert => alert.GetProperty("type").GetString()!.Contains(".anomaly-", StringComparison.Ordinal))
        .Select(alert => new AlertTold(
            alert.GetProperty("subject").GetString()!,
            alert.GetProperty("data").GetProperty("kind").GetString()!,
            alert.GetProperty("time").GetDateTimeOffset(),
            alert.GetProperty("data")))];

    private sealed record AlertTold(string Subject, string Kind, DateTimeOffset At, JsonElement Data);
}
