using System.Formats.Cbor;
using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>A message as a tree: what the naive judge works on, read by the framework's own parsers.</summary>
internal sealed record Node(NodeKind Kind)
{
    public double Number { get; init; }

    public bool Whole { get; init; }

    public bool NegativeZero => Kind == NodeKind.Number && Number == 0 && double.IsNegative(Number);

    public string Text { get; init; } = "";

    public List<Node> Items { get; init; } = [];

    public List<(string Name, Node Value)> Members { get; init; } = [];

    public Node? this[string name] => Members.Find(member => member.Name == name).Value;

    /// <summary>Reads JSON; <see langword="null"/> when it is malformed, duplicates included.</summary>
    public static Node? FromJson(byte[] body)
    {
        try
        {
            if (!System.Text.Unicode.Utf8.IsValid(body)) return null;
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            return From(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or OverflowException)
        {
            return null; // InvalidOperation: a lone surrogate, found only when the text is asked for.
        }
    }

    /// <summary>Reads CBOR; <see langword="null"/> when it is malformed or outside the model.</summary>
    public static Node? FromCbor(byte[] body)
    {
        try
        {
            var reader = new CborReader(body, CborConformanceMode.Strict);
            if (reader.PeekState() == CborReaderState.Tag && (ulong)reader.PeekTag() == 55799) reader.ReadTag();
            var node = From(reader, 0);
            return reader.BytesRemaining == 0 ? node : null;
        }
        catch (Exception e) when (e is CborContentException or InvalidOperationException or FormatException or OverflowException)
        {
            return null;
        }
    }

    private static Node From(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                return new Node(NodeKind.Object) { Members = [.. element.EnumerateObject().Select(p => (p.Name, From(p.Value)))] };
            case JsonValueKind.Array:
                return new Node(NodeKind.Array) { Items = [.. element.EnumerateArray().Select(From)] };
            case JsonValueKind.String:
                return new Node(NodeKind.Text) { Text = element.GetString()! };
            case JsonValueKind.Number:
                var raw = element.GetRawText();
                var number = double.Parse(raw, CultureInfo.InvariantCulture);
                if (!double.IsFinite(number)) throw new OverflowException();
                return new Node(NodeKind.Number) { Number = number, Whole = !raw.AsSpan().ContainsAny('.', 'e', 'E') };
            default:
                return new Node(element.ValueKind switch { JsonValueKind.True => NodeKind.True, JsonValueKind.False => NodeKind.False, _ => NodeKind.Other });
        }
    }

    private static Node From(CborReader reader, int depth)
    {
        switch (reader.PeekState())
        {
            case CborReaderState.UnsignedInteger or CborReaderState.NegativeInteger:
                return Whole128(reader.ReadCborNegativeOrUnsigned());
            case CborReaderState.HalfPrecisionFloat or CborReaderState.SinglePrecisionFloat or CborReaderState.DoublePrecisionFloat:
                var number = reader.ReadDouble();
                if (!double.IsFinite(number)) throw new OverflowException();
                return new Node(NodeKind.Number) { Number = number };
            case CborReaderState.TextString or CborReaderState.StartIndefiniteLengthTextString:
                return new Node(NodeKind.Text) { Text = reader.ReadTextString() };
            case CborReaderState.ByteString or CborReaderState.StartIndefiniteLengthByteString:
                reader.SkipValue();
                return new Node(NodeKind.Other);
            case CborReaderState.Boolean:
                return new Node(reader.ReadBoolean() ? NodeKind.True : NodeKind.False);
            case CborReaderState.Null or CborReaderState.SimpleValue or CborReaderState.Undefined:
                reader.SkipValue();
                return new Node(NodeKind.Other);
            case CborReaderState.StartArray:
                if (depth == 8) throw new FormatException();
                var items = new List<Node>();
                reader.ReadStartArray();
                while (reader.PeekState() != CborReaderState.EndArray) items.Add(From(reader, depth + 1));
                reader.ReadEndArray();
                return new Node(NodeKind.Array) { Items = items };
            case CborReaderState.StartMap:
                if (depth == 8) throw new FormatException();
                var members = new List<(string, Node)>();
                reader.ReadStartMap();
                while (reader.PeekState() != CborReaderState.EndMap)
                {
                    var name = reader.ReadTextString();
                    if (members.Any(member => member.Item1 == name)) throw new FormatException();
                    members.Add((name, From(reader, depth + 1)));
                }

                reader.ReadEndMap();
                return new Node(NodeKind.Object) { Members = members };
            case CborReaderState.Tag:
                return Tagged(reader);
            default:
                throw new FormatException();
        }
    }

    private static Node Tagged(CborReader reader)
    {
        switch ((ulong)reader.ReadTag())
        {
            case 0 when reader.PeekState() is CborReaderState.TextString or CborReaderState.StartIndefiniteLengthTextString:
                return new Node(NodeKind.Text) { Text = reader.ReadTextString() };
            case var tag and (2 or 3) when reader.PeekState() == CborReaderState.ByteString:
                var bytes = reader.ReadByteString();
                if (bytes.Length > 16) throw new FormatException();
                var big = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
                return Whole128(tag == 2 ? big : -1 - big);
            case 4 when reader.PeekState() == CborReaderState.StartArray && reader.ReadStartArray() == 2:
                var exponent = reader.ReadCborNegativeOrUnsigned();
                var mantissa = reader.ReadCborNegativeOrUnsigned();
                if (BigInteger.Abs(exponent) > 64) throw new FormatException();
                reader.ReadEndArray();
                return new Node(NodeKind.Number) { Number = double.Parse($"{mantissa}e{exponent}", CultureInfo.InvariantCulture) };
            default:
                throw new FormatException();
        }
    }

    private static Node Whole128(BigInteger value) =>
        new(NodeKind.Number) { Number = double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), Whole = true };
}

internal enum NodeKind
{
    Object,
    Array,
    Number,
    Text,
    True,
    False,
    Other,
}

internal static class CborReaderNumbers
{
    /// <summary>A whole number of either major type, all 65 bits of it.</summary>
    public static BigInteger ReadCborNegativeOrUnsigned(this CborReader reader) =>
        reader.PeekState() == CborReaderState.UnsignedInteger
            ? reader.ReadUInt64()
            : -1 - (BigInteger)reader.ReadCborNegativeIntegerRepresentation();
}
