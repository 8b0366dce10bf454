using System.Formats.Cbor;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Writes a random message as JSON or CBOR with the liberties each allows, and now and then breaks a byte.</summary>
internal static class RandomWire
{
    public static byte[] Json(RandomFleet fleet, List<(string Name, string Json)> message)
    {
        string Blank() => fleet.Chance(0.1) ? fleet.Pick(" ", "\n", "\t ", "\r\n") : "";
        var text = new StringBuilder().Append(Blank()).Append('{');
        for (var i = 0; i < message.Count; i++)
        {
            var name = fleet.Chance(0.05) ? string.Concat(message[i].Name.Select(c => $"\\u{(int)c:X4}")) : message[i].Name;
            text.Append(i > 0 ? "," : "").Append(Blank()).Append('"').Append(name).Append('"').Append(Blank()).Append(':').Append(Blank()).Append(message[i].Json).Append(Blank());
        }

        return Broken(fleet, Encoding.UTF8.GetBytes(text.Append('}').Append(Blank()).ToString()));
    }

    public static byte[] Cbor(RandomFleet fleet, List<(string Name, string Json)> message)
    {
        var writer = new CborWriter(CborConformanceMode.Lax, convertIndefiniteLengthEncodings: false);
        if (fleet.Chance(0.05)) writer.WriteTag((CborTag)55799);
        using var document = JsonDocument.Parse($"{{{string.Join(',', message.Select(member => $"\"{member.Name}\":{member.Json}"))}}}");
        Write(fleet, writer, document.RootElement);
        return Broken(fleet, writer.Encode());
    }

    private static void Write(RandomFleet fleet, CborWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartMap(fleet.Chance(0.2) ? null : element.EnumerateObject().Count());
                foreach (var member in element.EnumerateObject())
                {
                    Text(fleet, writer, member.Name);
                    Write(fleet, writer, member.Value);
                }

                writer.WriteEndMap();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray(fleet.Chance(0.2) ? null : element.GetArrayLength());
                foreach (var item in element.EnumerateArray()) Write(fleet, writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                if (fleet.Chance(0.02)) writer.WriteTag(0);
                Text(fleet, writer, element.GetString()!);
                break;
            case JsonValueKind.Number:
                Number(fleet, writer, element.GetRawText());
                break;
            case JsonValueKind.True or JsonValueKind.False:
                writer.WriteBoolean(element.GetBoolean());
                break;
            default:
                if (fleet.Chance(0.5)) writer.WriteNull();
                else writer.WriteByteString([1, 2]);
                break;
        }
    }

    private static void Text(RandomFleet fleet, CborWriter writer, string text)
    {
        if (!fleet.Chance(0.1))
        {
            writer.WriteTextString(text);
            return;
        }

        writer.WriteStartIndefiniteLengthTextString();
        foreach (var part in text) writer.WriteTextString(part.ToString());
        writer.WriteEndIndefiniteLengthTextString();
    }

    private static void Number(RandomFleet fleet, CborWriter writer, string raw)
    {
        if (!raw.AsSpan().ContainsAny('.', 'e', 'E') && raw != "-0")
        {
            var whole = BigInteger.Parse(raw, CultureInfo.InvariantCulture);
            if (fleet.Chance(0.05) || BigInteger.Abs(whole) > ulong.MaxValue) writer.WriteBigInteger(whole);
            else if (whole.Sign < 0) writer.WriteCborNegativeIntegerRepresentation((ulong)(-1 - whole));
            else writer.WriteUInt64((ulong)whole);
            return;
        }

        if (fleet.Chance(0.1) && raw.Length < 10 && !raw.Contains('E', StringComparison.OrdinalIgnoreCase)) writer.WriteDecimal(decimal.Parse(raw, CultureInfo.InvariantCulture));
        else if (fleet.Chance(0.2)) writer.WriteSingle((float)double.Parse(raw, CultureInfo.InvariantCulture));
        else writer.WriteDouble(double.Parse(raw, CultureInfo.InvariantCulture));
    }

    private static byte[] Broken(RandomFleet fleet, byte[] bytes)
    {
        if (!fleet.Chance(0.05)) return bytes;
        var at = fleet.Next(bytes.Length);
        if (fleet.Chance(0.3)) return bytes[..at];
        bytes[at] = (byte)fleet.Next(256);
        return bytes;
    }
}
