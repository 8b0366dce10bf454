using System.Globalization;
using System.Text;

namespace Serverless.FirmwareSigning.ReleaseCommand.Terminal;

/// <summary>Text of others on a terminal: what a person reads before signing must not be able to move the cursor, recolour the screen or
/// turn letters around.</summary>
internal static class Printable
{
    /// <summary>The text with every control, format, private and unassigned character shown as <c>\u…</c>; line breaks and tabs too.</summary>
    /// <param name="text">Hostile text.</param>
    /// <param name="charsMax">Longer text is cut, and says so.</param>
    public static string Of(string text, int charsMax = 4096)
    {
        var shown = new StringBuilder(Math.Min(text.Length, charsMax));
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= charsMax) return shown.Append(CultureInfo.InvariantCulture, $"… ({text.Length} characters)").ToString();
            if (IsPlain(rune)) shown.Append(rune.ToString());
            else shown.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
        }
        return shown.ToString();
    }

    private static bool IsPlain(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator) && rune.Value != '\\'
        && rune.Value != 0xFFFD; // what a lone surrogate became
}
