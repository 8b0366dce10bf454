using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The rules again, as plainly as they can be said: a tree, unbounded history, no cleverness. Slow and obviously right.</summary>
internal sealed partial class NaiveJudge(Profile profile)
{
    private readonly List<(long Sequence, DateTimeOffset Sent)> _sinceReset = [];
    private readonly List<string> _ids = [];
    private readonly Dictionary<(string Metric, int Component), (double Value, DateTimeOffset Sent)> _last = [];
    private DateTimeOffset? _latestSent;
    private decimal _bucket = -1; // messages that may come now; -1: full
    private DateTimeOffset _bucketAt;

    /// <summary><c>code at where</c>, <c>accepted Notes Missing</c>, or <c>malformed</c>.</summary>
    public string Decide(Node? message, string deviceId, DateTimeOffset now)
    {
        if (message is null) return "malformed";
        var fault = Shape(message, out var sent, out var sequence) ?? Identity(message, deviceId) ?? Metrics(message["metrics"]!);
        return fault ?? History(message, sent, sequence, now);
    }

    private static string? Shape(Node message, out DateTimeOffset sent, out long sequence)
    {
        (sent, sequence) = (default, 0);
        if (message.Kind != NodeKind.Object) return "message-not-object at body";
        string[] known = ["messageId", "sentAt", "sequence", "deviceId", "metrics"];
        if (message.Members.Any(member => !known.Contains(member.Name))) return "member-unknown at body";
        if (message["messageId"] is not { } id) return "message-id-missing at messageId";
        if (id.Kind != NodeKind.Text) return "message-id-type at messageId";
        if (Bytes(id) is 0 or > 128) return "message-id-length at messageId";
        if (message["sentAt"] is not { } sentAt) return "sent-at-missing at sentAt";
        if (sentAt.Kind != NodeKind.Text) return "sent-at-type at sentAt";
        if (!Rfc3339().IsMatch(sentAt.Text) || !DateTimeOffset.TryParse(sentAt.Text, CultureInfo.InvariantCulture, out sent)
            || sent.Year is < 1970 or > 2999)
        {
            return "sent-at-format at sentAt";
        }

        if (message["sequence"] is not { } number) return "sequence-missing at sequence";
        if (number.Kind != NodeKind.Number || !number.Whole) return "sequence-type at sequence";
        if (number.Number < 0 || number.NegativeZero || number.Number > 9007199254740991) return "sequence-range at sequence";
        sequence = (long)number.Number;
        if (message["deviceId"] is { Kind: not NodeKind.Text }) return "device-id-type at deviceId";
        if (message["metrics"] is not { } metrics) return "metrics-missing at metrics";
        return metrics.Kind == NodeKind.Object ? null : "metrics-type at metrics";
    }

    private static string? Identity(Node message, string deviceId) =>
        message["deviceId"] is { } named && named.Text != deviceId ? "identity-spoofed at deviceId" : null;

    private string? Metrics(Node metrics)
    {
        if (profile.Message.UnknownMetrics == UnknownMetrics.Refuse && metrics.Members.Any(member => profile.Metrics.All(metric => metric.Name != member.Name)))
            return "metric-unknown at metrics";
        return profile.Metrics.Where(metric => metric.Required && metrics[metric.Name] is null).Select(metric => $"metric-missing at metrics.{metric.Name}").FirstOrDefault()
            ?? profile.Metrics.Select(metric => metrics[metric.Name] is { } value ? Type(metric, value) : null).FirstOrDefault(fault => fault is not null)
            ?? profile.Metrics.Where(metric => metrics[metric.Name] is { } value && Components(value).Any(part => part < metric.Minimum || part > metric.Maximum))
                .Select(metric => $"metric-range at metrics.{metric.Name}").FirstOrDefault();
    }

    private static string? Type(Metric metric, Node value)
    {
        var where = $" at metrics.{metric.Name}";
        var numbers = value.Kind == NodeKind.Array && value.Items.All(item => item.Kind == NodeKind.Number);
        return metric.Type switch
        {
            MetricType.Number => value.Kind == NodeKind.Number ? null : "metric-type" + where,
            MetricType.Integer when value.Kind != NodeKind.Number => "metric-type" + where,
            MetricType.Integer => value.Whole && Math.Abs(value.Number) <= 9007199254740991 ? null : "metric-not-integer" + where,
            MetricType.Boolean => value.Kind is NodeKind.True or NodeKind.False ? null : "metric-type" + where,
            MetricType.Enumeration when value.Kind != NodeKind.Text => "metric-type" + where,
            MetricType.Enumeration => metric.Members.Contains(value.Text) ? null : "metric-member" + where,
            MetricType.String when value.Kind != NodeKind.Text => "metric-type" + where,
            MetricType.String => Bytes(value) >= metric.BytesMin && Bytes(value) <= metric.BytesMax ? null : "metric-length" + where,
            _ when !numbers => "metric-type" + where,
            _ => value.Items.Count == 3 ? null : "metric-length" + where,
        };
    }

    private string History(Node message, DateTimeOffset sent, long sequence, DateTimeOffset now)
    {
        var rules = profile.Message;
        var metrics = message["metrics"]!;
        if (_latestSent is null || sent >= _latestSent)
        {
            foreach (var metric in profile.Metrics)
            {
                if (metrics[metric.Name] is { } value && StepOrRate(metric, value, sent) is { } fault) return fault;
            }
        }

        if (sent > now + rules.ClockSkew) return "clock-ahead at sentAt";
        if (sent < now - rules.Late) return "sent-too-late at sentAt";

        var notes = _latestSent is null ? VerdictNotes.FirstSeen : VerdictNotes.None;
        long missing = 0;
        if (_latestSent is { } latest)
        {
            var highest = _sinceReset.Max(seen => seen.Sequence);
            if (sequence > highest)
            {
                if (sent < latest - rules.ClockSkew) return "sent-at-backwards at sentAt";
                missing = sequence - highest - 1;
                if (missing > 0) notes |= VerdictNotes.Gap;
            }
            else
            {
                var restart = sent > latest && (highest - sequence >= 64 || sequence <= 1);
                if (!restart && highest - sequence >= 64) return "sequence-stale at sequence";
                if (!restart && _sinceReset.Any(seen => seen.Sequence == sequence)) return "sequence-replayed at sequence";
                notes |= restart ? VerdictNotes.Reset : VerdictNotes.OutOfOrder;
            }
        }

        if (_ids.TakeLast(8).Contains(message["messageId"]!.Text)) return "message-id-repeated at messageId";
        var bucket = _bucket < 0 ? rules.Burst
            : Math.Min(rules.Burst, _bucket + ((decimal)Math.Max(0, (now - _bucketAt).Ticks) * rules.PerMinute / TimeSpan.TicksPerMinute));
        if (bucket < 1) return "rate-exceeded at body";

        (_bucket, _bucketAt) = (bucket - 1, now);
        _ids.Add(message["messageId"]!.Text);
        if (notes.HasFlag(VerdictNotes.Reset)) _sinceReset.Clear();
        _sinceReset.Add((sequence, sent));
        if (_latestSent is null || sent >= _latestSent)
        {
            _latestSent = sent;
            foreach (var metric in profile.Metrics)
            {
                if (metrics[metric.Name] is not { } value) continue;
                foreach (var (part, i) in Components(value).Select((part, i) => (part, i))) _last[(metric.Name, i)] = (part, sent);
            }
        }
        else
        {
            notes |= VerdictNotes.OutOfOrder;
        }

        if (sent < now - rules.ClockSkew) notes |= VerdictNotes.Late;
        if (metrics.Members.Any(member => profile.Metrics.All(metric => metric.Name != member.Name))) notes |= VerdictNotes.UnknownDropped;
        return $"accepted {notes} {missing}";
    }

    private string? StepOrRate(Metric metric, Node value, DateTimeOffset sent)
    {
        foreach (var (part, i) in Components(value).Select((part, i) => (part, i)))
        {
            if (!_last.TryGetValue((metric.Name, i), out var last)) continue;
            var change = Math.Abs(part - last.Value);
            var age = sent - last.Sent;
            if (age <= 3 * metric.Interval && change > metric.Step) return $"metric-step at metrics.{metric.Name}";
            if (change > metric.RatePerSecond * Math.Max(age.Ticks / (double)TimeSpan.TicksPerSecond, 1)) return $"metric-rate at metrics.{metric.Name}";
        }

        return null;
    }

    private static IEnumerable<double> Components(Node value) =>
        value.Kind == NodeKind.Number ? [value.Number] : value.Kind == NodeKind.Array ? value.Items.Select(item => item.Number) : [];

    private static int Bytes(Node text) => Encoding.UTF8.GetByteCount(text.Text);

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Rfc3339();
}
