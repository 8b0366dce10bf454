using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.EventHubs;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>Stores that outlive processes, and processes that take events in.</summary>
internal sealed class World : IDisposable
{
    public const string Profile = "test@1";
    private readonly List<IDisposable> _made = [];
    private int _processes;

    public World(TimeSpan takeoverWait = default)
    {
        Rejected = new FakeBlobs("rejected", Plan);
        State = new FakeBlobs("state", Plan);
        Validated = new FakeHub("validated", Plan);
        Alerts = new FakeHub("alerts", Plan);
        Documents = new FakeProfiles(Plan);
        Documents.Put(Profile, Validation.Profiles.Document("""{"name":"n","type":"number","minimum":-10,"maximum":10}"""));
        Settings = new IngestSettings
        {
            ProfilePollInterval = TimeSpan.FromMinutes(1),
            TakeoverWait = takeoverWait,
            PositionInterval = TimeSpan.FromSeconds(1),
            ReadBackGroup = "$Default",
        };
    }

    public FaultPlan Plan { get; } = new();

    public FakeTimeProvider Clock { get; } = new(Sent.Noon) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(300) };

    public FakeBlobs Rejected { get; }

    public FakeBlobs State { get; }

    public FakeHub Validated { get; }

    public FakeHub Alerts { get; }

    public FakeProfiles Documents { get; }

    public IngestSettings Settings { get; }

    /// <summary>Starts a process: nothing in memory, everything in the stores.</summary>
    public Ingest Process(ILogger<Ingest>? log = null)
    {
        var shelf = new ProfileShelf(Documents, Documents, Settings.ProfilePollInterval, Clock);
        var stores = new PartitionStores(new FakeSource(this), Validated, Alerts, Rejected, State, shelf);
        var process = new Ingest($"p{_processes++}", stores, Empty, Settings, Clock, log ?? NullLogger<Ingest>.Instance);
        _made.Add(shelf);
        _made.Add(process);
        return process;
    }

    /// <summary>The state of a partition never seen, as the app makes it.</summary>
    public static PartitionState Empty() => new(new ScoresColumn(new DeviceLimits()), new ConnectsColumn());

    /// <summary>Sequence number of the newest event in hub <c>telemetry</c>.</summary>
    public long LastSent { get; set; } = 1_000_000;

    /// <summary>Hands a batch to a process as the host would.</summary>
    public static async Task<BatchSummary> Deliver(Ingest process, params IReadOnlyList<Sent> events)
    {
        using var batch = Sent.Batch(events);
        return await process.Take(batch, TestContext.Current.CancellationToken);
    }

    /// <summary>All refused events, in order.</summary>
    public List<JsonElement> RejectedLines() =>
        [.. Rejected.Names.SelectMany(name => Encoding.UTF8.GetString(Rejected[name]).Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Fault code of each refused event by sequence number; two lines of one event fail the test.</summary>
    public Dictionary<long, string> Refusals() =>
        RejectedLines().ToDictionary(line => line.GetProperty("sequence").GetInt64(), line => line.GetProperty("fault").GetString()!);

    /// <summary>Everything that came out, as text: each device's validated events in order, refused lines by sequence, alerts by id.</summary>
    public string Outcome()
    {
        var text = new StringBuilder();
        foreach (var device in Validated.Events.GroupBy(one => one.PartitionKey).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            foreach (var one in device) text.AppendLine($"validated {device.Key} {Describe(one)}");
        }

        foreach (var line in RejectedLines().OrderBy(line => line.GetProperty("sequence").GetInt64())) text.AppendLine($"rejected {line}");
        foreach (var alert in Alerts.Events.OrderBy(alert => alert.MessageId, StringComparer.Ordinal)) text.AppendLine($"alert {Describe(alert)}");
        return text.ToString();
    }

    /// <summary>What is stored of a partition, without the places that say where to look for unfinished work.</summary>
    public async Task<string> StoredState(string partition = "3")
    {
        var (_, state) = await StateLog.Open(State, $"telemetry/{partition}/", Empty, TestContext.Current.CancellationToken);
        state.Anchor = Anchor.Start;
        return string.Join('\n', StateSections.Everything(state, new StateWriter()).Select(record => Convert.ToHexString(record.Span)));
    }

    public void Dispose()
    {
        foreach (var made in _made) made.Dispose();
    }

    private static string Describe(OutgoingEvent one) =>
        $"{one.MessageId} {one.ContentType} {Encoding.UTF8.GetString(one.Body.Span)} {string.Join(' ', one.ApplicationProperties!.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"))}";

    private sealed class FakeSource(World world) : ISourceHub
    {
        public async Task<long> LastSequence(string partition, CancellationToken cancel)
        {
            await world.Plan.Call("telemetry.Partition", _ => { });
            return world.LastSent;
        }
    }
}
