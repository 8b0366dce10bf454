using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Serverless.Local.Fleet;

/// <summary>A device that behaves for a while and is then attacked once: a pure function of seed, index and start.</summary>
/// <param name="Index">0-based number; chooses the device's own random stream.</param>
/// <param name="DeviceId">Hub id.</param>
/// <param name="Model">One of <see cref="Signals.Models"/>.</param>
/// <param name="Kind">What befalls it.</param>
/// <param name="Interval">Time between messages, device time.</param>
public sealed record AttackScript(int Index, string DeviceId, string Model, AttackKind Kind, TimeSpan Interval)
{
    private const int RecordingLength = 48, FloodFactor = 10;

    /// <summary>Plans a cast: so many devices for each kind of attack, and as many honest ones as a third of them.</summary>
    /// <param name="eachKind">Devices a kind, at least 1.</param>
    /// <param name="interval">Time between messages.</param>
    /// <param name="prefix">Beginning of every device id.</param>
    public static IReadOnlyList<AttackScript> Plan(int eachKind, TimeSpan interval, string prefix)
    {
        var kinds = Enum.GetValues<AttackKind>().Where(kind => kind != AttackKind.None).SelectMany(kind => Enumerable.Repeat(kind, eachKind)).ToList();
        kinds.AddRange(Enumerable.Repeat(AttackKind.None, (kinds.Count / 3) + 1));
        // Models that have a metric for it: a relation to break, a reading that is never zero, a range to put garbage into.
        return [.. kinds.Select((kind, index) => new AttackScript(index, $"{prefix}{index:D3}", kind switch
        {
            AttackKind.Drift or AttackKind.Fuzz => "env-sensor",
            AttackKind.Spike or AttackKind.Stuck or AttackKind.Flatline or AttackKind.Correlation => "pump",
            _ => Signals.Models[index % Signals.Models.Count],
        }, kind, interval))];
    }

    /// <summary>All messages in order of time, and the truth about the attack.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Device time of the first message.</param>
    /// <param name="quiet">How long the device behaves, whatever befalls it later.</param>
    /// <param name="length">How long it sends; the attack ends before.</param>
    /// <param name="attack">What befell it; <see langword="null"/> for an honest device.</param>
    public IReadOnlyList<PlannedMessage> Messages(int seed, DateTimeOffset start, TimeSpan quiet, TimeSpan length, out Attack? attack)
    {
        var random = SplitMix.Stream(seed, 1_000_000 + Index);
        var (own, other) = (Signals.Of(Model, SplitMix.Stream(seed, 2_000_000 + Index)), Signals.Of(Model, SplitMix.Stream(seed, (Kind == AttackKind.Clone ? 3_000_000 : 2_000_000) + Index)));
        var from = start + quiet + ((length - quiet) * random.Between(0.02, 0.3));
        var until = Kind switch
        {
            AttackKind.Spike => from + Interval * random.Between(1, 3),
            AttackKind.Fuzz => from + Interval * random.Between(5, 40),
            AttackKind.Flood => from + TimeSpan.FromMinutes(random.Between(10, 30)),
            AttackKind.Reconnects => from + TimeSpan.FromMinutes(random.Between(30, 90)),
            AttackKind.Silence => from + Interval * random.Between(20, 90),
            _ => from + (length - quiet) * random.Between(0.4, 0.6),
        };
        // The device is heard again before the end, so that a silence has one.
        if (start + length - (3 * Interval) is var latest && until > latest) until = latest;
        var work = new Work(this, random, own, other, from, until);
        for (var at = start + Interval * random.Uniform(); at < start + length;) at = work.Send(at);
        attack = Kind == AttackKind.None ? null : new Attack(DeviceId, Kind, work.First, Kind == AttackKind.Silence ? work.Back : work.Last);
        return [.. work.Messages.OrderBy(message => message.DueAt)];
    }

    /// <summary>When its connection begins anew: at the start, about once a day for reasons nobody knows, and at each turn in a fight for it.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Device time of the first message.</param>
    /// <param name="length">How long it lives.</param>
    /// <param name="attack">What befell it, as <see cref="Messages"/> says.</param>
    public IReadOnlyList<DateTimeOffset> Connects(int seed, DateTimeOffset start, TimeSpan length, Attack? attack)
    {
        var random = SplitMix.Stream(seed, 4_000_000 + Index);
        var connects = new List<DateTimeOffset> { start };
        for (var at = start + TimeSpan.FromDays(-Math.Log(1 - random.Uniform())); at < start + length; at += TimeSpan.FromDays(-Math.Log(1 - random.Uniform()))) connects.Add(at);
        if (attack?.Kind == AttackKind.Reconnects)
        {
            // The hub looks about once a minute and tells of no more turns than that.
            for (var at = attack.Start; at < attack.End; at += TimeSpan.FromSeconds(random.Between(60, 120))) connects.Add(at);
        }

        return [.. connects.Order()];
    }

    private sealed class Work(AttackScript script, SplitMix random, Signals own, Signals other, DateTimeOffset from, DateTimeOffset until)
    {
        private readonly List<JsonObject> _recent = [];
        private JsonNode? _held;
        private ulong _sequence = 100, _cloned;
        private int _replayed;

        public List<PlannedMessage> Messages { get; } = [];

        public DateTimeOffset First { get; private set; }

        public DateTimeOffset Last { get; private set; }

        public DateTimeOffset Back { get; private set; }

        public DateTimeOffset Send(DateTimeOffset at)
        {
            var wrong = script.Kind != AttackKind.None && at >= from && at < until;
            if (!wrong && at >= until && Back == default) Back = at;
            var next = at + (script.Interval * random.Between(0.95, 1.05));
            if (wrong && First == default) First = at;
            if (wrong) Last = at;
            if (wrong && script.Kind == AttackKind.Silence) return next;
            var metrics = Read(own, at);
            if (wrong) metrics = Tamper(metrics, at);
            else if (script.Kind == AttackKind.Replay) Remember(metrics);
            Add(at, ++_sequence, metrics);
            if (wrong && script.Kind == AttackKind.Clone) Add(at + (script.Interval * random.Between(0.3, 0.7)), ++_cloned, Read(other, at));
            return wrong && script.Kind == AttackKind.Flood ? at + (script.Interval / FloodFactor) : next;
        }

        private void Remember(JsonObject metrics)
        {
            _recent.Add(metrics);
            if (_recent.Count > RecordingLength) _recent.RemoveAt(0);
        }

        private JsonObject Tamper(JsonObject metrics, DateTimeOffset at)
        {
            switch (script.Kind)
            {
                case AttackKind.Spike:
                    metrics["motorCurrent"] = Math.Round((double)metrics["motorCurrent"]! * 2.5, 2);
                    break;
                case AttackKind.Drift:
                    metrics["humidity"] = Math.Round(Math.Min(99, (double)metrics["humidity"]! + (25 * Math.Min(1, (at - from) / (0.7 * (until - from))))), 1);
                    break;
                case AttackKind.Stuck:
                    _held ??= metrics["bearingTemperature"]!.DeepClone();
                    metrics["bearingTemperature"] = _held.DeepClone();
                    break;
                case AttackKind.Flatline:
                    metrics["flow"] = 0;
                    break;
                case AttackKind.Replay:
                    return (JsonObject)_recent[_replayed++ % _recent.Count].DeepClone();
                case AttackKind.Correlation:
                    metrics["motorCurrent"] = Read(other, at.AddHours(11))["motorCurrent"]!.DeepClone();
                    break;
                case AttackKind.Fuzz:
                    metrics["light"] = random.Uniform() < 0.5 ? 65_535 : 196_608;
                    break;
            }

            return metrics;
        }

        private void Add(DateTimeOffset at, ulong sequence, JsonObject metrics)
        {
            var body = new JsonObject
            {
                ["messageId"] = random.Next().ToString("x16", CultureInfo.InvariantCulture),
                ["sentAt"] = at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
                ["sequence"] = sequence,
                ["metrics"] = metrics.Parent is null ? metrics : metrics.DeepClone(),
            };
            var buffer = new ArrayBufferWriter<byte>(512);
            using (var json = new Utf8JsonWriter(buffer)) body.WriteTo(json);
            Messages.Add(new PlannedMessage(at, buffer.WrittenSpan.ToArray(), Misbehaviour.None));
        }

        private static JsonObject Read(Signals signals, DateTimeOffset at)
        {
            var buffer = new ArrayBufferWriter<byte>(512);
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                signals.Write(json, at);
                json.WriteEndObject();
            }

            return JsonNode.Parse(buffer.WrittenSpan)!.AsObject();
        }
    }
}
