using System.Text.Json;
using Serverless.Faults;
using Serverless.Telemetry.Scoring;

namespace Serverless.Telemetry.Anomalies;

/// <summary>The body of a connection event of IoT Hub: <c>{"sequenceNumber":"…"}</c>, hexadecimal, strictly increasing, to be compared as text
/// (IoT Hub non-telemetry event schemas).</summary>
internal static class ConnectionNumber
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 4 };

    /// <summary>Reads it.</summary>
    /// <param name="body">UTF-8 JSON.</param>
    /// <returns>The number, or <c>connection-number</c> (no JSON object, or no text of 1 to 64 hexadecimal digits in pairs).</returns>
    public static Parsed<Reconnects.Number> Parse(ReadOnlySpan<byte> body)
    {
        var number = default(Reconnects.Number);
        var seen = false;
        try
        {
            var reader = new Utf8JsonReader(body, Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return new Fault("connection-number", "body");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var named = reader.ValueTextEquals("sequenceNumber"u8);
                reader.Read();
                if (named && (seen || reader.TokenType != JsonTokenType.String || reader.ValueSpan.IsEmpty
                    || Convert.FromHexString(reader.ValueSpan, number, out _, out _) != System.Buffers.OperationStatus.Done))
                {
                    return new Fault("connection-number", "sequenceNumber");
                }

                seen |= named;
                reader.Skip();
            }

            return seen && !reader.Read() ? number : new Fault("connection-number", "body");
        }
        catch (JsonException)
        {
            return new Fault("connection-number", "body");
        }
    }
}
