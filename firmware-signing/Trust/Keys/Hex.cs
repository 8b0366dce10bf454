using System.Buffers;

namespace Serverless.FirmwareSigning.Trust.Keys;

/// <summary>Lower-case hexadecimal, the only spelling taken: one value has one text.</summary>
internal static class Hex
{
    private static readonly SearchValues<char> LowerDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Fills the whole destination, or says no.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, Span<byte> destination) =>
        text.Length == destination.Length * 2
        && !text.ContainsAnyExcept(LowerDigits)
        && Convert.FromHexString(text, destination, out _, out _) == OperationStatus.Done;

    /// <summary>Bytes of any length, or <see langword="null"/>.</summary>
    public static byte[]? TryDecode(string text)
    {
        if (text.Length % 2 != 0) return null;
        var bytes = new byte[text.Length / 2];
        return TryDecode(text, bytes) ? bytes : null;
    }
}
