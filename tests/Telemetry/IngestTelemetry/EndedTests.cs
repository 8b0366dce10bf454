using System.Text;
using System.Text.Json;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Tests.Anomalies;
using Serverless.Telemetry.Tests.Replay;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>What a device sends after the back end has ended it is evidence, not data.</summary>
public sealed class EndedTests : IDisposable
{
    private const string End = """{"tags":{"ring":null,"lifecycle":"ended"},"version":9}""";
    private readonly World _world = ScoredTraffic.World();
    private long _sequence;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task From_its_end_on_a_devices_events_are_kept_as_refused_told_at_once_and_cost_its_neighbour_nothing()
    {
        await Deliver(Born("d-1"), Born("d-2"), Reading("d-1", 1), Reading("d-2", 1), Sent.TwinChanged("d-1", End), Reading("d-1", 2), Reading("d-2", 2), Reading("d-1", 3));
        Assert.Equal(["d-1", "d-2", "d-2"], _world.Validated.Events.Select(one => one.PartitionKey).Order(StringComparer.Ordinal));
        Assert.Equal(["identity-ended", "identity-ended"], _world.Refusals().Values);
        Assert.Contains("\"sequence\":2", Encoding.UTF8.GetString(_world.RejectedLines()[0].GetProperty("body").GetBytesFromBase64()), StringComparison.Ordinal);
        var alert = JsonDocument.Parse(Assert.Single(_world.Alerts.Events).Body).RootElement;
        Assert.Equal("serverless.telemetry.activity-after-end", alert.GetProperty("type").GetString());
        Assert.Equal("d-1", alert.GetProperty("subject").GetString());
        Assert.Equal("identity-ended", alert.GetProperty("data").GetProperty("fault").GetString());
    }

    [Fact] // the document a hub sends of a whole twin, a later patch, a revoked profile: none brings it back; only the tag does, or a new identity
    public async Task It_stays_ended_whatever_else_its_twin_says_and_whoever_takes_the_partition_over()
    {
        await Deliver(Born("d-1"), Sent.TwinChanged("d-1", End));
        foreach (var patch in (string[])["""{"tags":{"ring":"early"}}""", """{"tags":{"profile":"test@1"}}""", """{"properties":{"reported":{"lifecycle":"alive","tags":{"lifecycle":null}}}}"""])
        {
            await Deliver(Sent.TwinChanged("d-1", patch), Reading("d-1", 1));
        }

        Assert.Equal(3, _world.Refusals().Values.Count(fault => fault == "identity-ended"));
        await Deliver(Sent.TwinChanged("d-1", """{"tags":{"lifecycle":null}}"""), Reading("d-1", 5));
        Assert.Equal("5", Assert.Single(_world.Validated.Events) is var one ? JsonDocument.Parse(one.Body).RootElement.GetProperty("sequence").GetRawText() : "");
    }

    [Fact]
    public async Task Its_id_lives_again_only_with_an_identity_made_anew()
    {
        await Deliver(Born("d-1"), Sent.TwinChanged("d-1", End), Sent.TwinChanged("d-1", "{}", "deleteDeviceIdentity") with { Source = "deviceLifecycleEvents" }, Reading("d-1", 1));
        Assert.Equal(["identity-ended"], _world.Refusals().Values);
        await Deliver(Born("d-1"), Reading("d-1", 2) with { Generation = "2" });
        Assert.Single(_world.Validated.Events);
    }

    [Theory]
    [InlineData("\"living\"")]
    [InlineData("7")]
    [InlineData("{\"ended\":true}")]
    public async Task Only_the_word_ends_a_device(string value)
    {
        await Deliver(Born("d-1"), Sent.TwinChanged("d-1", $$$"""{"tags":{"lifecycle":{{{value}}}}}"""), Reading("d-1", 1));
        Assert.Single(_world.Validated.Events);
    }

    [Fact]
    public async Task Nobody_waits_for_a_device_that_was_ended()
    {
        var stream = ScoredTraffic.Of(seed: 6).ToList();
        var last = stream.FindLastIndex(one => one.Device == "d-silent");
        stream.Insert(last + 1, Sent.TwinChanged("d-silent", End) with { At = stream[last].At });
        stream.Insert(last + 2, Reading("d-silent", 5000) with { At = stream[last].At.AddSeconds(1) });
        await Deliver([.. stream]);
        var told = _world.Alerts.Events.Select(one => JsonDocument.Parse(one.Body).RootElement).Where(one => one.GetProperty("subject").GetString() == "d-silent").Select(one => one.GetProperty("data").GetProperty("kind").GetString());
        Assert.Equal(["activity-after-end"], told);
    }

    [Fact]
    public async Task A_replay_does_not_make_data_of_it()
    {
        using var desk = new Desk();
        await desk.Ingest(1, Born("d-1"), Sent.TwinChanged("d-1", End), Desk.Reading("d-1", 1, 5));
        desk.MendProfile();
        Assert.Equal(1, await desk.Replay());
        Assert.Empty(desk.Replayed);
        Assert.Contains("identity-ended", desk.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_binding_of_another_version_is_not_read()
    {
        var column = new BindingColumn { [70] = 3 };
        column.End(70, ended: true);
        var section = new byte[column.BytesMax(70)];
        Assert.Equal(3, column.Write(70, section));
        var copy = new BindingColumn();
        copy.Read(5, section);
        Assert.Equal((3, true, false), (copy[5], copy.HasEnded(5), copy.HasEnded(70)));
        copy.Read(5, section.AsSpan(0, 2));
        Assert.False(copy.HasEnded(5));
        section[2] = 2;
        Assert.Contains("deploy the version", Assert.Throws<InvalidDataException>(() => copy.Read(5, section)).Message, StringComparison.Ordinal);
        column.Clear(70);
        Assert.Equal(0, column.Write(70, section));
    }

    private static Sent Born(string device) => Sent.Created(device, World.Profile);

    private static Sent Reading(string device, long sequence) => new() { Device = device, Body = Sent.Message(sequence, "\"speed\":1") };

    private async Task Deliver(params Sent[] events) => await World.Deliver(_world.Process(), [.. events.Select(one => one with { Sequence = ++_sequence })]);
}
