using System.Text;
using Serverless.Local.EventHubs;
using Serverless.Local.Fleet;

namespace Serverless.Local.Run.Crash;

/// <summary>The events of a crash run, as IoT Hub would stamp them: a pure function of options, devices and start.</summary>
/// <remarks>Of each 100 events one is poison, of each 1,000 one is a device's message sent again; where in them is random.</remarks>
public sealed class CrashStream
{
    private const int PoisonEvery = 100;
    private const int RepeatEvery = 1_000;

    // IoT Hub's limit of a message: nothing larger can reach the hub.
    private const int LargestBytes = 256 * 1024;

    // Deeper than any parser's limit, and short enough to reach the parser.
    private const int DeepLevels = 900;
    private static readonly EventProperties Json = new(ContentType: "application/json", ContentEncoding: "utf-8");

    private CrashStream(IReadOnlyList<EventDraft> drafts, IReadOnlyList<DeviceScript> cast, IReadOnlyDictionary<string, Sent> sent) =>
        (Drafts, Cast, Sent) = (drafts, cast, sent);

    /// <summary>The events, in the order to append them.</summary>
    public IReadOnlyList<EventDraft> Drafts { get; }

    /// <summary>Who sends, those with poison or repeats marked as misbehaving. Device <c>""</c> stands for events without a stamp.</summary>
    public IReadOnlyList<DeviceScript> Cast { get; }

    /// <summary>What each sends, honest and wrong.</summary>
    public IReadOnlyDictionary<string, Sent> Sent { get; }

    /// <summary>Composes the events.</summary>
    /// <param name="options">How many, and the seed.</param>
    /// <param name="plan">Honest devices.</param>
    /// <param name="generationId">The generation that the hub stamps for a device.</param>
    /// <param name="end">Device time that the scripts end at.</param>
    public static CrashStream Compose(CrashOptions options, IReadOnlyList<DeviceScript> plan, Func<string, string> generationId, DateTimeOffset end)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(plan);
        var random = SplitMix.Stream(options.Seed, -2);
        var each = options.Events / plan.Count + 1;
        var length = RunOptions.Interval * each * 1.1;
        var honest = plan.SelectMany(script => script.Messages(options.Seed, end - length, length).Take(each).Select(message => (script.DeviceId, message)))
            .OrderBy(one => one.message.DueAt).Select(one => (one.DeviceId, one.message.Body)).GetEnumerator();

        var stamps = plan.ToDictionary(script => script.DeviceId, script => Stamps(script.DeviceId, generationId(script.DeviceId)), StringComparer.Ordinal);
        var sent = plan.Select(script => script.DeviceId).Append("").ToDictionary(device => device, _ => new Sent(), StringComparer.Ordinal);
        var wrongs = new Dictionary<string, Misbehaviour>(StringComparer.Ordinal);
        var drafts = new List<EventDraft>(options.Events);
        (string Device, ReadOnlyMemory<byte> Body) last = default;
        for (int poison = 0, repeat = 0, kind = 0; drafts.Count < options.Events;)
        {
            var at = drafts.Count;
            if (at % PoisonEvery == 0) poison = at + (int)random.Between(0, PoisonEvery);
            // Never first, for then nothing was sent that could be sent again; never where poison is.
            if (at % RepeatEvery == 0) repeat = at + 1 + (int)random.Between(0, RepeatEvery - PoisonEvery);
            if (at == poison && at == repeat) repeat++;

            if (at == poison)
            {
                Add(Poison(kind++, plan[(int)random.Between(0, plan.Count)].DeviceId, stamps));
            }
            else if (at == repeat && last.Device is not null)
            {
                Add((last.Device, last.Device, last.Body, stamps[last.Device], Misbehaviour.Duplicate));
            }
            else
            {
                if (!honest.MoveNext()) throw new InvalidOperationException("the scripts are too short for the run");
                last = honest.Current;
                Add((last.Device, last.Device, last.Body, stamps[last.Device], Misbehaviour.None));
            }
        }

        return new CrashStream(drafts, [.. plan.Append(plan[0] with { Index = -1, DeviceId = "" }).Select(script => script with { Wrong = wrongs.GetValueOrDefault(script.DeviceId) })], sent);

        void Add((string Device, string Key, ReadOnlyMemory<byte> Body, Dictionary<string, object?> Stamps, Misbehaviour Wrong) one)
        {
            drafts.Add(new EventDraft(one.Body, one.Key, one.Stamps, Json));
            sent[one.Device].Count(one.Wrong);
            if (one.Wrong != Misbehaviour.None) wrongs[one.Device] = one.Wrong;
        }
    }

    private static (string Device, string Key, ReadOnlyMemory<byte> Body, Dictionary<string, object?> Stamps, Misbehaviour Wrong) Poison(
        int kind, string device, Dictionary<string, Dictionary<string, object?>> stamps)
    {
        var mine = stamps[device];
        return (kind % 8) switch
        {
            0 => Bad("{\"messageId\":\"broken\",\"metrics\":{\"temperature\":21.5,,}"u8.ToArray()),
            1 => Bad([.. "{\"messageId\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8]),
            2 => Bad([]),
            3 => Bad(Encoding.ASCII.GetBytes("{\"messageId\":\"large\",\"note\":\"".PadRight(LargestBytes - 2, 'x') + "\"}")),
            4 => Bad(Encoding.ASCII.GetBytes(new string('[', DeepLevels) + new string(']', DeepLevels))),
            5 => Bad("\0\0\0\0"u8.ToArray()),
            6 => ("", device, "{}"u8.ToArray(), new(mine.Where(stamp => stamp.Key != "iothub-connection-device-id")), Misbehaviour.MalformedJson),
            _ => ("", device, "{}"u8.ToArray(), [], Misbehaviour.MalformedJson),
        };

        (string, string, ReadOnlyMemory<byte>, Dictionary<string, object?>, Misbehaviour) Bad(byte[] body) => (device, device, body, mine, Misbehaviour.MalformedJson);
    }

    private static Dictionary<string, object?> Stamps(string device, string generation) => new(StringComparer.Ordinal)
    {
        ["iothub-connection-device-id"] = device,
        ["iothub-connection-auth-method"] = """{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""",
        ["iothub-connection-auth-generation-id"] = generation,
        ["iothub-message-source"] = "Telemetry",
    };
}
