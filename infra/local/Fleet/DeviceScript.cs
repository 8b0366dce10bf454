using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Serverless.Local.Fleet;

/// <summary>What one device will send and when: a pure function of seed, index and start.</summary>
/// <param name="Index">0-based number in the fleet; chooses the device's own random stream.</param>
/// <param name="DeviceId">Registration and hub id.</param>
/// <param name="Model">One of <see cref="Signals.Models"/>.</param>
/// <param name="Wrong">What the device does wrong once it has behaved for a while.</param>
/// <param name="Interval">Time between honest messages, device time.</param>
public sealed record DeviceScript(int Index, string DeviceId, string Model, Misbehaviour Wrong, TimeSpan Interval)
{
    // A device behaves for a fifth of the run first: what it does then is normal for it, and its last good messages can be replayed.
    private const double HonestShare = 0.2;
    // Every third message is wrong; the ones between must still be accepted.
    private const int WrongEvery = 3;
    private const int FloodFactor = 30;

    /// <summary>All messages, in order of <see cref="PlannedMessage.DueAt"/>.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Device time of the run's start.</param>
    /// <param name="length">How long to send, device time.</param>
    public IEnumerable<PlannedMessage> Messages(int seed, DateTimeOffset start, TimeSpan length)
    {
        var random = SplitMix.Stream(seed, Index);
        var signals = Signals.Of(Model, random);
        var history = new List<byte[]>();
        var sequence = 0UL;
        var turn = 0;
        for (var at = start + Interval * random.Uniform(); at < start + length; at += Interval * random.Between(0.97, 1.03), turn++)
        {
            var misbehaves = Wrong != Misbehaviour.None && at - start > length * HonestShare && turn % WrongEvery == 0;
            foreach (var message in misbehaves ? Misbehave(at) : [Honest(at)]) yield return message;
        }

        PlannedMessage Honest(DateTimeOffset at)
        {
            var body = Compose(at, at, DeviceId, json => signals.Write(json, at));
            if (history.Count < 8) history.Add(body);
            return new PlannedMessage(at, body, Misbehaviour.None);
        }

        IEnumerable<PlannedMessage> Misbehave(DateTimeOffset at)
        {
            PlannedMessage Bad(byte[] body, TimeSpan later = default) => new(at + later, body, Wrong);
            switch (Wrong)
            {
                case Misbehaviour.MalformedJson:
                    return [Bad("{\"messageId\":\"broken\",\"metrics\":{\"temperature\":21.5,,}"u8.ToArray())];
                case Misbehaviour.WrongType:
                    return [Bad(Quote(Compose(at, at, DeviceId, json => signals.Write(json, at))))];
                case Misbehaviour.Oversize:
                    return [Bad(Compose(at, at, DeviceId, json => json.WriteString("note", new string('x', 20_000))))];
                case Misbehaviour.ForeignIdentity:
                    return [Bad(Compose(at, at, "victim-000", json => signals.Write(json, at)))];
                case Misbehaviour.ClockSkew:
                    return [Bad(Compose(at, at.AddHours(1), DeviceId, json => signals.Write(json, at)))];
                case Misbehaviour.Duplicate:
                    var honest = Honest(at);
                    return [honest, Bad(honest.Body.ToArray(), Interval / 10)];
                case Misbehaviour.Replay:
                    return [Bad(history[turn % history.Count])];
                case Misbehaviour.Flood:
                    return Enumerable.Range(0, FloodFactor).Select(burst =>
                    {
                        var instant = at + Interval / FloodFactor * burst;
                        return new PlannedMessage(instant, Compose(instant, instant, DeviceId, json => signals.Write(json, instant)), Wrong);
                    });
                default:
                    throw new InvalidOperationException($"{Wrong} has no script");
            }
        }

        byte[] Compose(DateTimeOffset at, DateTimeOffset sentAt, string deviceId, Action<Utf8JsonWriter> metrics)
        {
            var buffer = new ArrayBufferWriter<byte>(256);
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                json.WriteString("messageId", random.Next().ToString("x16", CultureInfo.InvariantCulture));
                json.WriteString("sentAt", sentAt.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
                json.WriteNumber("sequence", ++sequence);
                json.WriteString("deviceId", deviceId);
                json.WriteStartObject("metrics");
                metrics(json);
                json.WriteEndObject();
                json.WriteEndObject();
            }

            return buffer.WrittenSpan.ToArray();
        }
    }

    /// <summary>Puts the first metric's number into quotes, and changes nothing else.</summary>
    private static byte[] Quote(byte[] body)
    {
        var text = body.AsSpan();
        var metrics = text.IndexOf("\"metrics\":{"u8);
        var from = metrics + text[metrics..].IndexOf("\":"u8) + 2; // the colon after "metrics"
        from += text[from..].IndexOf("\":"u8) + 2;                // and after the first metric's name
        var length = text[from..].IndexOf((byte)',');
        return [.. text[..from], (byte)'"', .. text.Slice(from, length), (byte)'"', .. text[(from + length)..]];
    }

    /// <summary>Plans a fleet: models in turn, and about a sixth of the devices misbehaving, each kind at least once when there are
    /// enough devices.</summary>
    /// <param name="devices">How many, 1 to 100 000.</param>
    /// <param name="interval">Time between messages, device time.</param>
    /// <param name="suffix">End of every device id, for a fleet beside an earlier one.</param>
    public static IReadOnlyList<DeviceScript> Plan(int devices, TimeSpan interval, string suffix = "")
    {
        var kinds = Enum.GetValues<Misbehaviour>().Where(kind => kind != Misbehaviour.None).ToArray();
        var wrong = Math.Min(devices / 2, Math.Max(kinds.Length, devices / 6));
        return [.. Enumerable.Range(0, devices).Select(index =>
        {
            // Spread the wrong ones over the fleet, so that they share partitions and batches with honest devices.
            var slot = wrong == 0 ? -1 : index % (devices / wrong) == 0 ? index / (devices / wrong) : -1;
            var kind = slot >= 0 && slot < wrong ? kinds[slot % kinds.Length] : Misbehaviour.None;
            // Not in step with the wrong ones, so that they are of every model; only the flood is tied to the model of the least rate.
            var model = kind == Misbehaviour.Flood ? "env-sensor" : Signals.Models[(index + index / Signals.Models.Count) % Signals.Models.Count];
            return new DeviceScript(index, $"{model}-{index:D5}{suffix}", model, kind, interval);
        })];
    }
}
