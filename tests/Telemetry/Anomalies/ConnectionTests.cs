using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Anomalies;

/// <summary>Connection events of the hub: counted, each once, and told when a device's connection begins anew too often.</summary>
public class ConnectionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_that_fight_for_one_connection_are_told_once_with_figures_and_their_neighbour_is_not()
    {
        using var world = ScoredTraffic.World();
        await Deliver(world.Process(), [.. Days("d-1", 3), .. Days("d-2", 3), .. Fight("d-1", 72, 40)]);
        var alert = JsonDocument.Parse(Assert.Single(world.Alerts.Events).Body).RootElement;
        Assert.Equal("serverless.telemetry.anomaly-reconnects", alert.GetProperty("type").GetString());
        Assert.Equal("d-1", alert.GetProperty("subject").GetString());
        var anomaly = alert.GetProperty("data").GetProperty("anomaly");
        Assert.Equal("reconnects", anomaly.GetProperty("kind").GetString());
        Assert.Equal(6, anomaly.GetProperty("limit").GetDouble());
        Assert.Equal(Sent.Noon.AddHours(72), anomaly.GetProperty("since").GetDateTimeOffset());
        Assert.False(anomaly.TryGetProperty("metric", out _));
    }

    [Theory]
    [InlineData("deviceDisconnected", null)]
    [InlineData("deviceConnected", "a module")]
    [InlineData("moduleConnected", null)]
    public async Task Only_connects_of_the_device_itself_count(string operation, string? module)
    {
        using var world = ScoredTraffic.World();
        await Deliver(world.Process(), [.. Days("d-1", 3), .. Fight("d-1", 72, 40).Select(one => one with { Application = With(one.Application, operation, module) })]);
        Assert.Empty(world.Alerts.Events);
        Assert.Empty(world.Refusals());
    }

    [Fact]
    public async Task A_connect_that_the_hub_tells_five_times_counts_once()
    {
        using var world = ScoredTraffic.World();
        await Deliver(world.Process(), [.. Days("d-1", 3), .. Fight("d-1", 72, 4).SelectMany(one => Enumerable.Repeat(one, 5))]);
        Assert.Empty(world.Alerts.Events);
    }

    [Fact]
    public async Task Who_gets_the_id_of_a_deleted_device_has_habits_of_his_own()
    {
        using var world = ScoredTraffic.World();
        var deleted = Sent.TwinChanged("d-1", "{}", "deleteDeviceIdentity") with { Source = "deviceLifecycleEvents", At = Sent.Noon.AddHours(71) };
        await Deliver(world.Process(), [.. Days("d-1", 3), deleted, .. Fight("d-1", 72, 40)]);
        Assert.Empty(world.Alerts.Events);
    }

    [Fact]
    public async Task A_fleet_that_a_network_throws_off_is_told_once_as_a_fleet()
    {
        using var world = ScoredTraffic.World();
        var names = Enumerable.Range(0, 40).Select(i => $"d-{i:D2}").ToList();
        var stream = names.Select(name => Sent.Created(name, World.Profile)).Concat(names.SelectMany(name => Days(name, 3))).Concat(names.SelectMany(name => Fight(name, 72, 12)));
        await Deliver(world.Process(), [.. stream.OrderBy(one => one.At)]);
        var kinds = world.Alerts.Events.Select(one => JsonDocument.Parse(one.Body).RootElement.GetProperty("data").GetProperty("kind").GetString()).ToList();
        Assert.Single(kinds, "anomaly-fleet");
        Assert.InRange(kinds.Count(kind => kind == "anomaly-reconnects"), 1, 6);
    }

    [Fact]
    public async Task However_the_events_are_cut_and_whoever_reads_them_the_same_comes_out_and_the_same_is_stored()
    {
        IReadOnlyList<Sent> stream = [.. Days("d-1", 4).Concat(Days("d-2", 4)).Concat(Fight("d-1", 50, 30)).Concat(Fight("d-2", 60, 30)).OrderBy(one => one.At).Select((one, index) => one with { Sequence = index })];
        using var whole = ScoredTraffic.World();
        await Deliver(whole.Process(), stream);
        Assert.Equal(2, whole.Alerts.Events.Count());
        for (var seed = 0; seed < 5; seed++)
        {
            var random = new Random(seed);
            using var world = ScoredTraffic.World();
            var process = world.Process();
            for (var at = 0; at < stream.Count;)
            {
                var size = random.Next(1, 30);
                await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
                at += random.Next(3) == 0 ? Math.Min(size, random.Next(size + 1)) : size; // some are delivered again
                if (random.Next(2) == 0) process = world.Process();
            }

            Assert.Equal(whole.Outcome(), world.Outcome());
            Assert.Equal(await whole.StoredState(), await world.StoredState());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"sequenceNumber":7}""")]
    [InlineData("""{"sequenceNumber":""}""")]
    [InlineData("""{"sequenceNumber":"0"}""")]
    [InlineData("""{"sequenceNumber":"0g"}""")]
    [InlineData("""{"sequenceNumber":"00","sequenceNumber":"01"}""")]
    [InlineData("""{"sequenceNumber":"00"} {}""")]
    [InlineData("""{"sequenceNumber":"00""")]
    [InlineData("""{"x":[[[[[[0]]]]]],"sequenceNumber":"00"}""")]
    [InlineData("""{"sequenceNumber":"00000000000000000000000000000000000000000000000000000000000000000000"}""")]
    public void A_number_that_cannot_be_read_is_a_fault(string body)
    {
        Assert.False(ConnectionNumber.Parse(Encoding.UTF8.GetBytes(body)).TryGet(out _, out var fault));
        Assert.Equal("connection-number", fault!.Code);
    }

    [Fact]
    public void Numbers_compare_as_the_hub_says_they_do()
    {
        string[] inOrder =
        [
            "000000000000000001D4132452F67CE200000002000000000000000000000001", // from the schema's example
            "000000000000000001D4132452F67CE200000002000000000000000000000002",
            "000000000000000001D4132452F67CE300000002000000000000000000000001",
        ];
        var numbers = inOrder.Select(text => ConnectionNumber.Parse(Encoding.UTF8.GetBytes($$"""{"sequenceNumber":"{{text}}"}""")).TryGet(out var number, out _) ? ((ReadOnlySpan<byte>)number).ToArray() : []).ToList();
        Assert.Equal(inOrder, numbers.Select(Convert.ToHexString));
        Assert.True(numbers[0].AsSpan().SequenceCompareTo(numbers[1]) < 0 && numbers[1].AsSpan().SequenceCompareTo(numbers[2]) < 0);
    }

    [Fact]
    public void Connects_of_another_version_stop_the_partition_and_are_never_reset()
    {
        var column = new ConnectsColumn();
        Assert.Equal(0, column.BytesMax(700));
        Assert.True(ConnectionNumber.Parse("""{"sequenceNumber":"01"}"""u8).TryGet(out var number, out _));
        column[700].Observe(number, Sent.Noon.ToUnixTimeMilliseconds(), new(), out _);
        var section = new byte[column.BytesMax(700)];
        Assert.Equal(section.Length, column.Write(700, section));
        Assert.InRange(section.Length, 1, 128);
        var copy = new ConnectsColumn();
        copy.Read(3, section);
        Assert.Equal(1, copy[3].Recent);
        copy.Clear(3);
        Assert.Equal(0, copy.BytesMax(3));
        Assert.Throws<InvalidDataException>(() => copy.Read(3, section.AsSpan(1)));
        section[0]++;
        Assert.Contains("deploy the version", Assert.Throws<InvalidDataException>(() => copy.Read(3, section)).Message, StringComparison.Ordinal);
    }

    /// <summary>A connect a day, at noon.</summary>
    private static IEnumerable<Sent> Days(string device, int days) => Enumerable.Range(0, days).Select(day => Connected(device, Sent.Noon.AddDays(day)));

    /// <summary>A connect a minute.</summary>
    private static IEnumerable<Sent> Fight(string device, int hours, int turns) => Enumerable.Range(0, turns).Select(turn => Connected(device, Sent.Noon.AddHours(hours).AddMinutes(turn)));

    private static Sent Connected(string device, DateTimeOffset at) => new()
    {
        Device = device,
        At = at,
        Source = "deviceConnectionStateEvents",
        Application = With([], "deviceConnected", null),
        Body = Encoding.UTF8.GetBytes($$"""{"sequenceNumber":"{{at.UtcTicks.ToString("X64", CultureInfo.InvariantCulture)}}"}"""),
    };

    private static Dictionary<string, object> With(Dictionary<string, object> properties, string operation, string? module)
    {
        var changed = new Dictionary<string, object>(properties) { ["opType"] = operation };
        if (module is not null) changed["moduleId"] = module;
        return changed;
    }

    private static async Task Deliver(Serverless.Telemetry.IngestTelemetry.Ingest process, IReadOnlyList<Sent> stream) =>
        await World.Deliver(process, [.. stream.Select((one, index) => one with { Sequence = index })]);
}
