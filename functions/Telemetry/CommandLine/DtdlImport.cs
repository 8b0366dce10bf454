using System.Globalization;
using System.Text.Json;

namespace Serverless.Telemetry.CommandLine;

/// <summary>Makes a profile of the telemetry of a DTDL interface, version 2 or 3.</summary>
/// <remarks>DTDL says what a device sends, not how much, how often or how late: those limits are chosen here, generously, and said.</remarks>
public static class DtdlImport
{
    private static readonly Dictionary<string, string> Units = new(StringComparer.Ordinal)
    {
        ["degreeCelsius"] = "Cel",
        ["degreeFahrenheit"] = "[degF]",
        ["kelvin"] = "K",
        ["percent"] = "%",
        ["unity"] = "1",
        ["metre"] = "m",
        ["centimetre"] = "cm",
        ["millimetre"] = "mm",
        ["kilometre"] = "km",
        ["foot"] = "[ft_i]",
        ["inch"] = "[in_i]",
        ["metrePerSecond"] = "m/s",
        ["kilometrePerHour"] = "km/h",
        ["metrePerSecondSquared"] = "m/s2",
        ["gForce"] = "[g]",
        ["pascal"] = "Pa",
        ["kilopascal"] = "kPa",
        ["bar"] = "bar",
        ["millibar"] = "mbar",
        ["poundPerSquareInch"] = "[psi]",
        ["volt"] = "V",
        ["millivolt"] = "mV",
        ["ampere"] = "A",
        ["milliampere"] = "mA",
        ["watt"] = "W",
        ["kilowatt"] = "kW",
        ["kilowattHour"] = "kW.h",
        ["joule"] = "J",
        ["hertz"] = "Hz",
        ["kilohertz"] = "kHz",
        ["lux"] = "lx",
        ["second"] = "s",
        ["millisecond"] = "ms",
        ["minute"] = "min",
        ["hour"] = "h",
        ["day"] = "d",
        ["gram"] = "g",
        ["kilogram"] = "kg",
        ["litre"] = "L",
        ["millilitre"] = "mL",
        ["cubicMetre"] = "m3",
        ["cubicMetrePerHour"] = "m3/h",
        ["litrePerSecond"] = "L/s",
        ["revolutionPerMinute"] = "{rev}/min",
        ["radian"] = "rad",
        ["degreeOfArc"] = "deg",
        ["degreePerSecond"] = "deg/s",
        ["ohm"] = "Ohm",
        ["newton"] = "N",
        ["tesla"] = "T",
        ["byte"] = "By",
        ["kibibyte"] = "KiBy",
        ["mebibyte"] = "MiBy",
    };

    /// <summary>Imports an interface.</summary>
    /// <param name="dtdl">One interface, as JSON-LD.</param>
    /// <returns>The profile and what it lacks.</returns>
    /// <exception cref="FormatException">Not a DTDL interface of version 2 or 3.</exception>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static MadeProfile From(string dtdl)
    {
        using var document = JsonDocument.Parse(dtdl);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !Types(root).Contains("Interface")) throw new FormatException("not one DTDL interface");
        if (!Contexts(root).Any(context => context is "dtmi:dtdl:context;2" or "dtmi:dtdl:context;3")) throw new FormatException("not DTDL version 2 or 3");
        var (lost, chosen) = (new List<string>(), new List<string>());
        var (model, version) = Name(Text(root, "@id") ?? "", chosen);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var json = ProfileText.Write(json =>
        {
            json.WriteString("model", model);
            json.WriteNumber("version", version);
            ProfileText.Message(json, bytesMax: 16_384, perMinute: 60, burst: 120, clockSkewSeconds: 300, lateSeconds: 86_400);
            json.WriteStartArray("metrics");
            foreach (var content in root.TryGetProperty("contents", out var contents) && contents.ValueKind == JsonValueKind.Array ? contents.EnumerateArray().ToArray() : [])
            {
                var name = Text(content, "name") ?? "(no name)";
                if (!Types(content).Contains("Telemetry")) lost.Add($"{string.Join('/', Types(content))} {name}: not telemetry");
                else if (!seen.Add(name)) lost.Add($"Telemetry {name}: named twice");
                else Metric(json, name, content, lost, chosen);
            }

            json.WriteEndArray();
        });
        foreach (var member in root.EnumerateObject().Where(member => member.Name is "extends" or "schemas")) lost.Add($"{member.Name}: import those by themselves");
        chosen.Add("message: bytesMax 16384, 60 a minute with a burst of 120, clock skew 300 s, late 86400 s");
        chosen.Add("metrics: none required; no range, step or rate beyond the schema's");
        return new MadeProfile(json, lost, chosen);
    }

    private static void Metric(Utf8JsonWriter json, string name, JsonElement telemetry, List<string> lost, List<string> chosen)
    {
        var schema = telemetry.TryGetProperty("schema", out var found) ? found : default;
        var type = schema.ValueKind == JsonValueKind.String ? schema.GetString() : null;
        var members = schema.ValueKind == JsonValueKind.Object && Types(schema).Contains("Enum") ? Members(schema) : null;
        if (members is null && type is not ("boolean" or "double" or "float" or "integer" or "long" or "string" or "date" or "dateTime" or "time" or "duration"))
        {
            lost.Add($"Telemetry {name}: schema {(schema.ValueKind == JsonValueKind.Object ? string.Join('/', Types(schema)) : type ?? "missing")} has no metric type; three numbers can go as [x,y,z]");
            return;
        }

        json.WriteStartObject();
        json.WriteString("name", name);
        var numeric = type is "double" or "float" or "integer" or "long";
        json.WriteString("type", members is not null ? "enumeration" : type switch { "boolean" => "boolean", "double" or "float" => "number", "integer" or "long" => "integer", _ => "string" });
        if (members is not null)
        {
            json.WriteStartArray("members");
            foreach (var member in members) json.WriteStringValue(member);
            json.WriteEndArray();
        }
        else if (type == "integer")
        {
            json.WriteNumber("minimum", int.MinValue);
            json.WriteNumber("maximum", int.MaxValue);
        }
        else if (type == "float")
        {
            json.WriteNumber("minimum", (double)float.MinValue);
            json.WriteNumber("maximum", (double)float.MaxValue);
        }
        else if (type == "long")
        {
            lost.Add($"Telemetry {name}: long beyond 2^53-1");
        }
        else if (type is not ("boolean" or "double"))
        {
            json.WriteNumber("bytesMax", type == "string" ? 1024 : 64);
            chosen.Add($"Telemetry {name}: at most {(type == "string" ? 1024 : 64)} bytes");
            if (type != "string") lost.Add($"Telemetry {name}: the form of a {type}");
        }

        if (Text(telemetry, "unit") is { } unit)
        {
            if (numeric && Units.TryGetValue(unit, out var code)) json.WriteString("unit", code);
            else lost.Add($"Telemetry {name}: unit {unit}");
        }

        json.WriteEndObject();
    }

    // JSON writes an enumeration of integers as numbers: those are no texts of ours.
    private static string[]? Members(JsonElement schema) =>
        Text(schema, "valueSchema") == "string" && schema.TryGetProperty("enumValues", out var values)
            ? [.. values.EnumerateArray().Select(value => Text(value, "enumValue") ?? "")]
            : null;

    private static (string Model, int Version) Name(string id, List<string> chosen)
    {
        var (path, version) = id.Split(';') is [var front, var back] && int.TryParse(back.Split('.')[0], CultureInfo.InvariantCulture, out var number) && number > 0 ? (front, number) : (id, 1);
        var model = ProfileText.Model(path.Split(':')[^1]);
        chosen.Add($"model {model}, version {version}, of {id}");
        return (model, version);
    }

    private static string[] Types(JsonElement element) => Texts(element, "@type");

    private static string[] Contexts(JsonElement element) => Texts(element, "@context");

    private static string[] Texts(JsonElement element, string name)
    {
        if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out var value)) return [];
        if (value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)] : [];
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
