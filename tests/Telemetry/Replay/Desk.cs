using System.Globalization;
using System.Text;
using Serverless.EventHubs;
using Serverless.Telemetry.CommandLine.Replay;
using Serverless.Telemetry.Tests.IngestTelemetry;

namespace Serverless.Telemetry.Tests.Replay;

/// <summary>A world in which ingestion has refused events, and an operator who replays them.</summary>
internal sealed class Desk : IDisposable
{
    public const string Storage = "https://localhost:1/account", Hubs = "localhost:2";
    public static readonly string Narrow = Metrics(10), Wide = Metrics(100);
    private readonly StringWriter _output = new(CultureInfo.InvariantCulture);
    private readonly StringWriter _errors = new(CultureInfo.InvariantCulture);

    public Desk() => World.Documents.Put(World.Profile, Narrow);

    public World World { get; } = new();

    public string Output => _output.ToString();

    public string Errors => _errors.ToString();

    /// <summary>Events that ingestion published, then those replayed, as <c>partition-sequence</c>.</summary>
    public IEnumerable<OutgoingEvent> Replayed => World.Validated.Events.Where(one => one.ApplicationProperties!.ContainsKey("replayed-at"));

    public string[] ReplayedIds => [.. Replayed.Select(one => one.MessageId!).Order(StringComparer.Ordinal)];

    /// <summary>Ingestion takes events in; sequence numbers of the hub are given from <paramref name="first"/> on.</summary>
    public async Task Ingest(long first, params Sent[] events)
    {
        using var process = World.Process();
        await World.Deliver(process, [.. events.Select((one, at) => one with { Sequence = first + at })]);
    }

    /// <summary>Two devices made, then a reading out of the narrow range on each even number, four of each device.</summary>
    public Task IngestUsual() => Ingest(
        1,
        [
            Sent.Created("d-1", World.Profile), Sent.Created("d-2", World.Profile),
            .. Enumerable.Range(0, 16).Select(i => Reading(i % 4 < 2 ? "d-1" : "d-2", i, i % 2 == 0 ? 50 : 5)),
        ]);

    public static Sent Reading(string device, long sequence, double value, string? id = null) => new()
    {
        Device = device,
        At = Sent.Noon.AddSeconds(sequence),
        Body = Sent.Message(sequence, string.Create(CultureInfo.InvariantCulture, $"\"n\":{value}"), Sent.Noon.AddSeconds(sequence), id),
    };

    public void MendProfile() => World.Documents.Put(World.Profile, Wide);

    public Task<int> Replay(params string[] args) => Command(["--storage", Storage, "--event-hubs", Hubs, "--by", "ops", "--wait", "0", .. args]);

    public Task<int> Command(params string[] args)
    {
        _output.GetStringBuilder().Clear();
        _errors.GetStringBuilder().Clear();
        return ReplayCommand.Run(
            args, _output, _errors, (options, _) => new ReplayStores(World.Rejected, World.Documents, options.DryRun ? null : World.Validated), World.Clock,
            TestContext.Current.CancellationToken);
    }

    /// <summary>What is written of replays, without when and by which run.</summary>
    public string Ledgers() => string.Join('\n', World.Rejected.Names.Where(name => name.StartsWith("replayed/", StringComparison.Ordinal)).Select(name => $"{name}\n{Encoding.UTF8.GetString(World.Rejected[name])}"));

    public void Dispose()
    {
        World.Dispose();
        _output.Dispose();
        _errors.Dispose();
    }

    private static string Metrics(int most) => Validation.Profiles.Document($$"""{"name":"n","type":"number","minimum":-10,"maximum":{{most}}}""");
}
