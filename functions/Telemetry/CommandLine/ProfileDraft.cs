using System.Text.Json;

namespace Serverless.Telemetry.CommandLine;

/// <summary>Drafts a profile from recorded JSON traffic of one model: what was seen, with margins. A draft is for a person to read.</summary>
/// <remarks>Margins: a range is widened by half its width each way, a step and a rate are doubled, sizes and message rates are
/// doubled. Traffic recorded while a device was compromised drafts a profile that allows it: record from devices you trust.</remarks>
public static class ProfileDraft
{
    private const int MembersMax = 8, TextMargin = 2;

    /// <summary>Drafts a profile that accepts the traffic it was drafted from.</summary>
    /// <param name="model">Name of the model.</param>
    /// <param name="version">Version of the profile.</param>
    /// <param name="lines">Recorded traffic, in the order it was received.</param>
    /// <returns>The profile, and what in the traffic it does not cover.</returns>
    /// <exception cref="FormatException">A line of recorded traffic is not in the format.</exception>
    public static MadeProfile From(string model, int version, IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        var (lost, chosen) = (new List<string>(), new List<string>());
        var metrics = new SortedDictionary<string, Seen>(StringComparer.Ordinal);
        var arrivals = new Dictionary<string, List<DateTimeOffset>>(StringComparer.Ordinal);
        var (events, bytes, ahead, behind) = (0, 0, TimeSpan.Zero, TimeSpan.Zero);
        foreach (var recorded in RecordedEvent.Read(lines))
        {
            try
            {
                using var document = JsonDocument.Parse(recorded.Body);
                var root = document.RootElement;
                var sent = root.GetProperty("sentAt").GetDateTimeOffset();
                foreach (var member in root.GetProperty("metrics").EnumerateObject())
                {
                    if (!metrics.TryGetValue(member.Name, out var seen)) metrics[member.Name] = seen = new Seen();
                    seen.Add(recorded.DeviceId, sent, member.Value);
                }

                events++;
                bytes = Math.Max(bytes, recorded.Body.Length);
                if (sent - recorded.EnqueuedAt > ahead) ahead = sent - recorded.EnqueuedAt;
                if (recorded.EnqueuedAt - sent > behind) behind = recorded.EnqueuedAt - sent;
                if (!arrivals.TryGetValue(recorded.DeviceId, out var times)) arrivals[recorded.DeviceId] = times = [];
                times.Add(recorded.EnqueuedAt);
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                lost.Add($"line {recorded.Line}: not a JSON message of this format");
            }
        }

        var tracked = 0;
        var skew = (int)Math.Clamp(Math.Ceiling(2 * ahead.TotalSeconds), 60, 86_400);
        var late = (int)Math.Clamp(Math.Ceiling(2 * behind.TotalSeconds), Math.Max(3600, skew), 31_536_000);
        var most = arrivals.Values.Select(MostInAMinute).DefaultIfEmpty(1).Max();
        var json = ProfileText.Write(json =>
        {
            json.WriteString("model", model);
            json.WriteNumber("version", version);
            ProfileText.Message(json, Math.Clamp(2 * bytes, 256, 262_144), Math.Clamp(2 * most, 1, 60_000), Math.Clamp(4 * most, 1, 10_000), skew, late);
            json.WriteStartArray("metrics");
            foreach (var (name, seen) in metrics) seen.Write(json, name, events, ref tracked, lost, chosen);
            json.WriteEndArray();
        });
        chosen.Add($"limits from {events} events of {arrivals.Count} devices, with margins; units cannot be seen in traffic");
        return new MadeProfile(json, lost, chosen);
    }

    private static int MostInAMinute(List<DateTimeOffset> times)
    {
        times.Sort();
        var (most, from) = (0, 0);
        for (var to = 0; to < times.Count; to++)
        {
            while (times[to] - times[from] > TimeSpan.FromMinutes(1)) from++;
            most = Math.Max(most, to - from + 1);
        }

        return most;
    }

    /// <summary>What was seen of one metric.</summary>
    private sealed class Seen
    {
        private readonly Dictionary<string, (DateTimeOffset At, double[] Values)> _last = new(StringComparer.Ordinal);
        private readonly HashSet<string> _texts = new(StringComparer.Ordinal);
        private readonly List<double> _gaps = [];
        private int _count, _wholes, _numbers, _vectors, _booleans, _textCount, _others, _bytes;
        private double _least = double.MaxValue, _most = double.MinValue, _step, _rate;

        public void Add(string device, DateTimeOffset at, JsonElement value)
        {
            _count++;
            switch (value.ValueKind)
            {
                case JsonValueKind.Number:
                    _numbers++;
                    if (!value.GetRawText().AsSpan().ContainsAny('.', 'e', 'E')) _wholes++;
                    Change(device, at, [value.GetDouble()]);
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    _booleans++;
                    break;
                case JsonValueKind.String:
                    _textCount++;
                    var text = value.GetString()!;
                    _bytes = Math.Max(_bytes, System.Text.Encoding.UTF8.GetByteCount(text));
                    if (_texts.Count <= MembersMax) _texts.Add(text);
                    break;
                case JsonValueKind.Array when value.GetArrayLength() == 3 && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number):
                    _vectors++;
                    Change(device, at, [.. value.EnumerateArray().Select(item => item.GetDouble())]);
                    break;
                default:
                    _others++;
                    break;
            }
        }

        public void Write(Utf8JsonWriter json, string name, int events, ref int tracked, List<string> lost, List<string> chosen)
        {
            var kinds = new[] { _numbers, _vectors, _booleans, _textCount, _others }.Count(count => count > 0);
            if (kinds != 1 || _others > 0)
            {
                lost.Add($"metric {name}: {(kinds == 1 ? "values of no metric type" : "values of several types")}");
                return;
            }

            json.WriteStartObject();
            json.WriteString("name", name);
            if (_booleans > 0) json.WriteString("type", "boolean");
            else if (_textCount > 0) WriteTexts(json);
            else WriteNumbers(json, name, ref tracked, lost);
            if (_count == events) json.WriteBoolean("required", true);
            json.WriteEndObject();
            if (_count == events) chosen.Add($"metric {name}: required, as every event had it");
        }

        private void WriteTexts(Utf8JsonWriter json)
        {
            // Few texts, each seen often: a list of states. Anything else is free text.
            var states = _texts.Count <= MembersMax && _textCount >= 4 * _texts.Count && _bytes <= 64 && !_texts.Contains("");
            json.WriteString("type", states ? "enumeration" : "string");
            if (!states)
            {
                json.WriteNumber("bytesMax", Math.Clamp(TextMargin * _bytes, 1, 4096));
                return;
            }

            json.WriteStartArray("members");
            foreach (var text in _texts.Order(StringComparer.Ordinal)) json.WriteStringValue(text);
            json.WriteEndArray();
        }

        private void WriteNumbers(Utf8JsonWriter json, string name, ref int tracked, List<string> lost)
        {
            json.WriteString("type", _vectors > 0 ? "vector" : _wholes == _numbers ? "integer" : "number");
            var margin = _most > _least ? (_most - _least) / 2 : Math.Max(1, Math.Abs(_most) / 2);
            json.WriteNumber("minimum", _least >= 0 && _least - margin < 0 ? 0 : _least - margin);
            json.WriteNumber("maximum", _most + margin);
            if (_gaps.Count == 0) return;
            _gaps.Sort();
            var interval = Math.Clamp(Math.Round(_gaps[_gaps.Count / 2], 3), 0.001, 31_536_000);
            json.WriteNumber("intervalSeconds", interval);
            if (_step == 0) return;
            var places = _vectors > 0 ? 3 : 1;
            if (tracked + places > Validation.Profile.TrackedMax)
            {
                lost.Add(FormattableString.Invariant($"metric {name}: step {2 * _step} and rate {2 * _rate}, beyond the eight last values a profile tracks"));
                return;
            }

            tracked += places;
            json.WriteNumber("step", 2 * _step);
            if (double.IsFinite(2 * _rate)) json.WriteNumber("ratePerSecond", 2 * _rate);
        }

        private void Change(string device, DateTimeOffset at, double[] values)
        {
            foreach (var value in values) (_least, _most) = (Math.Min(_least, value), Math.Max(_most, value));
            if (_last.TryGetValue(device, out var last) && at >= last.At)
            {
                var seconds = (at - last.At).TotalSeconds;
                if (seconds > 0) _gaps.Add(seconds);
                for (var i = 0; i < Math.Min(values.Length, last.Values.Length); i++)
                {
                    var change = Math.Abs(values[i] - last.Values[i]);
                    (_step, _rate) = (Math.Max(_step, change), Math.Max(_rate, change / Math.Max(seconds, 1)));
                }
            }

            if (!_last.TryGetValue(device, out last) || at >= last.At) _last[device] = (at, values);
        }
    }
}
