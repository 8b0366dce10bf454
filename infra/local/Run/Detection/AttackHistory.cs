using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run.Detection;

/// <summary>Some days in the life of a cast of devices, as the hub would hold them: a pure function of seed and end.</summary>
/// <remarks>
/// The scorer judges values after 200 messages and calls a habit formed after three days, and a default run is an hour of device time: too
/// short to turn. More device time would have the live devices send for days, so the days lie before the run instead. The hub stamps them
/// with the times at which they would have come (<see cref="EventDraft.EnqueuedAt"/>), so silence, floods and delays are those of a real week.
/// </remarks>
public sealed class AttackHistory
{
    /// <summary>Time between two messages of a device.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(3);

    /// <summary>How long the devices only behave.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromDays(3.05);

    /// <summary>How long the history is.</summary>
    public static readonly TimeSpan Length = Quiet + TimeSpan.FromHours(12);

    private AttackHistory(IReadOnlyList<AttackScript> cast, IReadOnlyList<EventDraft> drafts, IReadOnlyList<Attack> attacks, DateTimeOffset judgedFrom) =>
        (Cast, Drafts, Attacks, JudgedFrom) = (cast, drafts, attacks, judgedFrom);

    /// <summary>The devices.</summary>
    public IReadOnlyList<AttackScript> Cast { get; }

    /// <summary>Their messages in order of time, to be appended to hub <c>telemetry</c>.</summary>
    public IReadOnlyList<EventDraft> Drafts { get; }

    /// <summary>How many of them are telemetry; the others tell that a device was made, or came and went.</summary>
    public int Messages { get; private init; }

    /// <summary>The truth.</summary>
    public IReadOnlyList<Attack> Attacks { get; }

    /// <summary>When the quiet days end.</summary>
    public DateTimeOffset JudgedFrom { get; }

    /// <summary>Device time that is judged, in days.</summary>
    public double DeviceDays => Cast.Count * (Length - Quiet).TotalDays;

    /// <summary>Composes a history.</summary>
    /// <param name="cast">The devices.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="end">Device time at which it ends.</param>
    public static AttackHistory Compose(IReadOnlyList<AttackScript> cast, int seed, DateTimeOffset end)
    {
        ArgumentNullException.ThrowIfNull(cast);
        var properties = new EventProperties(ContentType: "application/json", ContentEncoding: "utf-8");
        var sent = 0;
        var attacks = new List<Attack>();
        var drafts = new List<(DateTimeOffset At, EventDraft Draft)>();
        foreach (var script in cast)
        {
            drafts.Add((end - Length, Created(script, end - Length)));
            var mine = Stamps(script.DeviceId, "Telemetry");
            var messages = script.Messages(seed, end - Length, Quiet, Length - TimeSpan.FromMinutes(5), out var attack);
            foreach (var message in messages)
            {
                // On its way for a moment, so no device is ahead of the hub.
                var at = message.DueAt.AddMilliseconds(200);
                drafts.Add((at, new EventDraft(message.Body, script.DeviceId, mine, properties) { EnqueuedAt = at }));
            }

            sent += messages.Count;
            foreach (var at in script.Connects(seed, end - Length, Length - TimeSpan.FromMinutes(5), attack))
            {
                if (at > end - Length) drafts.Add((at, Connection(script.DeviceId, at, connected: false)));
                drafts.Add((at.AddMilliseconds(1), Connection(script.DeviceId, at.AddMilliseconds(1), connected: true)));
            }

            if (attack is not null) attacks.Add(attack);
        }

        return new AttackHistory(cast, [.. drafts.OrderBy(one => one.At).Select(one => one.Draft)], attacks, end - Length + Quiet) { Messages = sent };
    }

    // As the hub tells it. The devices are stamps only, not in the hub's registry: what it told of them now would come after their history.
    private static EventDraft Created(AttackScript script, DateTimeOffset at) => new(
        Encoding.UTF8.GetBytes(new JsonObject { ["deviceId"] = script.DeviceId, ["tags"] = new JsonObject { ["profile"] = $"{script.Model}@2" } }.ToJsonString()),
        script.DeviceId,
        Stamps(script.DeviceId, "deviceLifecycleEvents"),
        new EventProperties(ContentType: "application/json", ContentEncoding: "utf-8"),
        new Dictionary<string, object?>(StringComparer.Ordinal) { ["opType"] = "createDeviceIdentity", ["deviceId"] = script.DeviceId })
    {
        EnqueuedAt = at,
    };

    private static EventDraft Connection(string device, DateTimeOffset at, bool connected) => new(
        Encoding.UTF8.GetBytes(new JsonObject { ["sequenceNumber"] = at.UtcTicks.ToString("X64", CultureInfo.InvariantCulture) }.ToJsonString()),
        device,
        Stamps(device, "deviceConnectionStateEvents"),
        new EventProperties(ContentType: "application/json", ContentEncoding: "utf-8"),
        new Dictionary<string, object?>(StringComparer.Ordinal) { ["opType"] = connected ? "deviceConnected" : "deviceDisconnected", ["deviceId"] = device })
    {
        EnqueuedAt = at,
    };

    /// <summary>What the hub stamps on an event of a device that proved itself with a certificate.</summary>
    internal static Dictionary<string, object?> Stamps(string device, string source) => new(StringComparer.Ordinal)
    {
        ["iothub-connection-device-id"] = device,
        ["iothub-connection-auth-method"] = """{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""",
        ["iothub-connection-auth-generation-id"] = "1",
        ["iothub-message-source"] = source,
    };
}
