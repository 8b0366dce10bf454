using System.Globalization;

using System.Text.Json;
using Serverless.Telemetry.Scoring;

namespace Serverless.Benchmarks.Scoring;

/// <summary>Streams a file of telemetry, one JSON object a line, through a scorer a device and writes the alerts, one a line.</summary>
internal static class Fleet
{
    private const int LineMax = 1 << 20;

    public static Task<int> Run(string[] args)
    {
        if (args is not ["--in", var telemetry, "--out", var alerts, .. var rest])
        {
            Console.Error.WriteLine("usage: fleet --in FILE --out FILE");
            return Task.FromResult(2);
        }
        using var input = telemetry == "-" ? Console.OpenStandardInput() : File.OpenRead(telemetry);
        using var output = new StreamWriter(alerts);
        var partition = new FleetPartition(FleetLimits.From(rest), (id, finding) => output.WriteLine(Line(id, finding)));
        var buffer = new byte[LineMax];
        var (start, end) = (0, 0);
        while (true)
        {
            var newline = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                if (newline > 0) partition.See(buffer.AsSpan(start, newline));
                start += newline + 1;
                continue;
            }
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end == buffer.Length) throw new InvalidDataException("a line is longer than 1 MiB");
            var read = input.Read(buffer, end, buffer.Length - end);
            if (read == 0) break;
            end += read;
        }
        if (end > start) partition.See(buffer.AsSpan(start, end - start));
        Figure.Print("fleet_messages", partition.Messages, "messages");
        Figure.Print("fleet_devices", partition.Devices, "devices");
        return Task.FromResult(0);
    }

    private static string Line(string id, Finding finding) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"deviceId\":{JsonSerializer.Serialize(id)},\"at\":\"{DateTime.UnixEpoch.AddMilliseconds(finding.AtMs):yyyy-MM-ddTHH:mm:ss.fffZ}\",\"kind\":\"{finding.Kind.ToString().ToLowerInvariant()}\",\"score\":{finding.Score:F6},\"metric\":{finding.Metric},\"measure\":{(double.IsFinite(finding.Measure) ? finding.Measure : 1e308):G6}}}");
}

/// <summary>The devices of one stream, and the order in which their silence falls due.</summary>
internal sealed class FleetPartition(DeviceLimits limits, Action<string, Finding> alert)
{
    private sealed class Device
    {
        private readonly byte[] _memory;

        public Device(string id, string[] names)
        {
            (Id, Names, _memory) = (id, names, new byte[DeviceMemory.BytesOf(names.Length)]);
            DeviceMemory.Begin(_memory, names.Length, 0);
        }

        public string Id { get; }
        public string[] Names { get; }
        public long QueuedMs { get; set; } = long.MaxValue;
        public required Model Model { get; init; }
        public DeviceScorer Scorer(DeviceLimits limits) => new(_memory, limits);
    }

    /// <summary>Devices that measure the same are of one model.</summary>
    private sealed class Model
    {
        private PeerValues _values;

        public int Devices { get; set; }

        public ref PeerValues Values => ref _values;
    }

    private readonly Dictionary<string, Device> _devices = new(StringComparer.Ordinal);
    private readonly PriorityQueue<Device, long> _due = new();
    private readonly Finding[] _findings = new Finding[DeviceScorer.FindingsMax];
    private readonly double[] _values = new double[Relation.MetricsMax];
    private readonly char[] _id = new char[256];
    private readonly Dictionary<string, Model> _models = new(StringComparer.Ordinal);
    private Punctuality _punctuality;
    private long _now = long.MinValue;

    public long Messages { get; private set; }

    public int Devices => _devices.Count;

    /// <summary>Takes one message, after every device whose silence fell due before it.</summary>
    public void See(ReadOnlySpan<byte> line)
    {
        var json = new Utf8JsonReader(line);
        Device? device = null;
        long at = 0, sequence = 0;
        var counted = 0;
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("deviceId"u8))
            {
                json.Read();
                device = Find(_id.AsSpan(0, json.CopyString(_id)));
            }
            else if (json.ValueTextEquals("sentAt"u8))
            {
                json.Read();
                at = json.GetDateTimeOffset().ToUnixTimeMilliseconds();
            }
            else if (json.ValueTextEquals("sequence"u8))
            {
                json.Read();
                sequence = json.GetInt64();
            }
            else if (json.ValueTextEquals("metrics"u8))
            {
                device = Metrics(ref json, device, ref counted);
            }
            else
            {
                json.Read();
                json.Skip();
            }
        }
        if (device is null || counted == 0) return;
        Messages++;
        Advance(at);
        var scorer = device.Scorer(limits);
        var gap = scorer.Heard(at, _punctuality.SilentAfter(limits.AlertsPerDeviceDay * limits.SilenceShare));
        if (gap > 0) _punctuality.Learn(gap, scorer.GapMs);
        var found = scorer.Observe(new(at, at, sequence, line.Length), _values.AsSpan(0, device.Names.Length), _findings);
        if (found == 0 && scorer.Compare(ref device.Model.Values, device.Model.Devices, at, _values.AsSpan(0, device.Names.Length), out _findings[0])) found = 1;
        for (var i = 0; i < found; i++) alert(device.Id, _findings[i]);
        Wait(device, scorer.DueMs);
    }

    private void Wait(Device device, long due)
    {
        if (due >= device.QueuedMs) return;
        device.QueuedMs = due;
        _due.Enqueue(device, due);
    }

    private string _newId = "";

    private Device? Find(ReadOnlySpan<char> id)
    {
        if (_devices.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var device)) return device;
        _newId = id.ToString();
        return null;
    }

    private Device Metrics(ref Utf8JsonReader json, Device? device, ref int counted)
    {
        if (device is null)
        {
            var names = new List<string>();
            var ahead = json;
            ahead.Read();
            while (ahead.Read() && ahead.TokenType == JsonTokenType.PropertyName)
            {
                if (names.Count < Relation.MetricsMax) names.Add(ahead.GetString()!);
                ahead.Read();
                ahead.Skip();
            }
            var key = string.Join('\n', names);
            if (!_models.TryGetValue(key, out var model)) _models.Add(key, model = new Model());
            model.Devices++;
            device = new Device(_newId, [.. names]) { Model = model };
            _devices.Add(_newId, device);
        }
        _values.AsSpan().Fill(double.NaN);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var slot = counted < device.Names.Length && json.ValueTextEquals(device.Names[counted]) ? counted : Slot(ref json, device.Names);
            json.Read();
            if (slot >= 0) _values[slot] = json.TokenType == JsonTokenType.Number && json.TryGetDouble(out var value) ? value : double.PositiveInfinity;
            json.Skip();
            counted++;
        }
        return device;
    }

    private static int Slot(ref Utf8JsonReader json, string[] names)
    {
        for (var i = 0; i < names.Length; i++)
        {
            if (json.ValueTextEquals(names[i])) return i;
        }
        return -1;
    }

    /// <summary>Moves the stream's time on: a device that was heard meanwhile waits again, one that was not is silent.</summary>
    private void Advance(long at)
    {
        if (at <= _now) return;
        _now = at;
        while (_due.TryPeek(out var device, out var due) && due <= _now)
        {
            _due.Dequeue();
            if (due != device.QueuedMs) continue;
            device.QueuedMs = long.MaxValue;
            var scorer = device.Scorer(limits);
            if (scorer.Silent(_now, out var silence)) alert(device.Id, silence);
            Wait(device, scorer.DueMs);
        }
    }
}

/// <summary>Limits from the command line, for experiments: <c>--budget 0.02</c>, <c>--spike 0.8 --fast 1</c>. Without options the defaults of the product.</summary>
internal static class FleetLimits
{
    public static DeviceLimits From(string[] args)
    {
        var limits = new DeviceLimits();
        for (var i = 0; i + 1 < args.Length; i += 2)
        {
            var value = double.Parse(args[i + 1], CultureInfo.InvariantCulture);
            limits = args[i] switch
            {
                "--spike" => limits with { Spike = value },
                "--fast" => limits with { Fast = value },
                "--slow" => limits with { Slow = value },
                "--long" => limits with { Long = value },
                "--budget" => limits with { AlertsPerDeviceDay = value },
                "--tolerance" => limits with { Tolerance = value },
                "--habit" => limits with { HabitAfter = (int)value },
                "--reluctance" => limits with { Reluctance = value },
                "--leak" => limits with { Leak = value },
                "--fuzz" => limits with { Fuzz = value },
                _ => throw new ArgumentException($"unknown option {args[i]}"),
            };
        }
        return limits;
    }
}
