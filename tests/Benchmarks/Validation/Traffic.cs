using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Validation;

namespace Serverless.Benchmarks.Validation;

/// <summary>One device's recorded events: eight metrics every ten seconds, as JSON and as CBOR.</summary>
internal sealed class Traffic
{
    public const string Profile = "env-sensor@1";
    private static readonly string[] Names = ["temperature", "humidity", "pressure", "co2", "light", "battery", "rssi", "uptime"];
    private static readonly DateTimeOffset Start = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    public Traffic(int count, int seed)
    {
        var random = new Random(seed);
        Json = new byte[count][];
        Cbor = new byte[count][];
        At = new DateTimeOffset[count];
        var (temperature, humidity, pressure) = (21.0, 45.0, 1013.0);
        for (var i = 0; i < count; i++)
        {
            temperature += (random.NextDouble() - 0.5) / 10;
            humidity = Math.Clamp(humidity + random.NextDouble() - 0.5, 10, 90);
            pressure += (random.NextDouble() - 0.5) / 10;
            At[i] = Start + TimeSpan.FromSeconds(10 * i);
            string[] values =
            [
                Text(temperature, "0.00"), Text(humidity, "0.0"), Text(pressure, "0.00"), Text(400 + random.Next(200), "0"),
                Text(random.NextDouble() * 500, "0.0"), Text(3.6 + (random.NextDouble() / 100), "0.000"), Text(-60 - random.Next(20), "0"), Text(10 * i, "0"),
            ];
            var id = $"5f1e{i:x8}";
            var sent = At[i].AddMilliseconds(-150).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var metrics = string.Join(',', Names.Zip(values, (name, value) => $"\"{name}\":{value}"));
            Json[i] = Encoding.UTF8.GetBytes($$$"""{"messageId":"{{{id}}}","sentAt":"{{{sent}}}","sequence":{{{i}}},"metrics":{{{{metrics}}}}}""");
            Cbor[i] = InCbor(id, sent, i, values);
        }
    }

    public byte[][] Json { get; }

    public byte[][] Cbor { get; }

    public DateTimeOffset[] At { get; }

    public static Profile LoadProfile() => Telemetry.Validation.Profile.Parse(File.ReadAllBytes(ProfilePath())).TryGet(out var profile, out var fault)
        ? profile : throw new InvalidOperationException(fault.ToString());

    /// <summary>The same rules as a JSON Schema (draft 2020-12), as far as one can say them.</summary>
    public static string Schema()
    {
        using var profile = JsonDocument.Parse(File.ReadAllBytes(ProfilePath()));
        var into = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(into))
        {
            json.WriteStartObject();
            json.WriteString("type", "object");
            json.WriteBoolean("additionalProperties", false);
            json.WriteStartArray("required");
            foreach (var name in new[] { "messageId", "sentAt", "sequence", "metrics" }) json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteStartObject("properties");
            json.WritePropertyName("messageId");
            json.WriteRawValue("""{"type":"string","minLength":1,"maxLength":128}""");
            json.WritePropertyName("deviceId");
            json.WriteRawValue("""{"type":"string"}""");
            json.WritePropertyName("sentAt");
            json.WriteRawValue("""{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"}""");
            json.WritePropertyName("sequence");
            json.WriteRawValue("""{"type":"integer","minimum":0,"maximum":9007199254740991}""");
            json.WriteStartObject("metrics");
            json.WriteString("type", "object");
            json.WriteBoolean("additionalProperties", false);
            json.WriteStartObject("properties");
            foreach (var metric in profile.RootElement.GetProperty("metrics").EnumerateArray()) WriteMetric(json, metric);
            json.WriteEndObject();
            json.WriteStartArray("required");
            foreach (var metric in profile.RootElement.GetProperty("metrics").EnumerateArray())
            {
                if (metric.TryGetProperty("required", out var required) && required.GetBoolean()) json.WriteStringValue(metric.GetProperty("name").GetString());
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(into.WrittenSpan);
    }

    private static void WriteMetric(Utf8JsonWriter json, JsonElement metric)
    {
        json.WriteStartObject(metric.GetProperty("name").GetString()!);
        var type = metric.GetProperty("type").GetString()!;
        json.WriteString("type", type == "enumeration" ? "string" : type);
        foreach (var (from, to) in new[] { ("minimum", "minimum"), ("maximum", "maximum"), ("members", "enum"), ("bytesMin", "minLength"), ("bytesMax", "maxLength") })
        {
            if (!metric.TryGetProperty(from, out var value)) continue;
            json.WritePropertyName(to);
            value.WriteTo(json);
        }

        json.WriteEndObject();
    }

    internal static string ProfilePath()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, "functions", "Telemetry", "Validation", "profiles", Profile + ".json");
            if (File.Exists(path)) return path;
        }

        throw new FileNotFoundException("Run from inside the repository.", Profile);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static byte[] InCbor(string id, string sent, int sequence, string[] values)
    {
        var cbor = new List<byte> { 0xA4 };
        Put(cbor, "messageId");
        Put(cbor, id);
        Put(cbor, "sentAt");
        Put(cbor, sent);
        Put(cbor, "sequence");
        Head(cbor, 0, (ulong)sequence);
        Put(cbor, "metrics");
        Head(cbor, 5, (ulong)values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            Put(cbor, Names[i]);
            var value = double.Parse(values[i], CultureInfo.InvariantCulture);
            if (values[i].Contains('.', StringComparison.Ordinal))
            {
                cbor.Add(0xFB);
                cbor.AddRange(BitConverter.GetBytes(value).Reverse());
            }
            else if (value < 0)
            {
                Head(cbor, 1, (ulong)(-1 - (long)value));
            }
            else
            {
                Head(cbor, 0, (ulong)value);
            }
        }

        return [.. cbor];
    }

    private static void Put(List<byte> cbor, string text)
    {
        Head(cbor, 3, (ulong)text.Length);
        cbor.AddRange(Encoding.ASCII.GetBytes(text));
    }

    private static void Head(List<byte> cbor, int major, ulong argument)
    {
        var top = major << 5;
        if (argument < 24) cbor.Add((byte)(top | (int)argument));
        else if (argument < 256) cbor.AddRange([(byte)(top | 24), (byte)argument]);
        else if (argument < 65536) cbor.AddRange([(byte)(top | 25), (byte)(argument >> 8), (byte)(argument & 255)]);
        else cbor.AddRange([(byte)(top | 26), (byte)(argument >> 24), (byte)(argument >> 16 & 255), (byte)(argument >> 8 & 255), (byte)(argument & 255)]);
    }
}
