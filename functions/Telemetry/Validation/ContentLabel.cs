using System.Text;

namespace Serverless.Telemetry.Validation;

/// <summary>What a body is said to be, by the device.</summary>
internal enum ContentLabel
{
    Missing,
    Unsupported,
    Plain,
    Json,
    Cbor,
    Gzip,
}

/// <summary>Reads content types and encodings: names are case-insensitive (RFC 9110 section 8.3.1), blanks around <c>;</c> are allowed.</summary>
internal static class ContentLabels
{
    public static ContentLabel Type(ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual("application/json"u8)) return ContentLabel.Json;
        if (text.SequenceEqual("application/cbor"u8)) return ContentLabel.Cbor;
        if (text.IsEmpty) return ContentLabel.Missing;
        var semicolon = text.IndexOf((byte)';');
        var name = semicolon < 0 ? text : text[..semicolon].TrimEnd((byte)' ');
        var parameter = semicolon < 0 ? default : text[(semicolon + 1)..].Trim((byte)' ');
        if (semicolon >= 0 && parameter.IsEmpty) return ContentLabel.Unsupported;
        // IoT Hub routes on bodies only with this parameter, so devices set it; CBOR has no parameters (RFC 8949 section 9.5).
        var utf8 = parameter.IsEmpty || Ascii.EqualsIgnoreCase(parameter, "charset=utf-8"u8);
        if (Ascii.EqualsIgnoreCase(name, "application/json"u8) && utf8) return ContentLabel.Json;
        if (Ascii.EqualsIgnoreCase(name, "application/cbor"u8) && parameter.IsEmpty) return ContentLabel.Cbor;
        return ContentLabel.Unsupported;
    }

    /// <summary><c>utf-8</c> is no encoding, but what IoT Hub's own documentation has devices write there.</summary>
    public static ContentLabel Encoding(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || Ascii.EqualsIgnoreCase(text, "utf-8"u8) || Ascii.EqualsIgnoreCase(text, "identity"u8)) return ContentLabel.Plain;
        return Ascii.EqualsIgnoreCase(text, "gzip"u8) ? ContentLabel.Gzip : ContentLabel.Unsupported;
    }
}
