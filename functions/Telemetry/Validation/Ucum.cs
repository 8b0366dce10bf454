namespace Serverless.Telemetry.Validation;

/// <summary>Checks the grammar of a UCUM unit code (The Unified Code for Units of Measure, section 2, case sensitive).</summary>
/// <remarks>Deliberately bounded: it checks the form of a term (factors joined by <c>.</c> and <c>/</c>, parentheses,
/// exponents, annotations, special units in brackets), not whether an atom such as <c>Cel</c> is in UCUM's tables. A wrong
/// spelling of a right form passes; a free text such as <c>degrees Celsius</c> does not.</remarks>
internal static class Ucum
{
    public const int LengthMax = 32;
    private const int DepthMax = 4;

    public static bool IsCode(string text)
    {
        if (text.Length is 0 or > LengthMax) return false;
        var at = 0;
        return Term(text, ref at, 0) && at == text.Length;
    }

    // main-term: "/"? component (("." | "/") component)*
    private static bool Term(string text, ref int at, int depth)
    {
        if (at < text.Length && text[at] == '/') at++;
        while (true)
        {
            if (!Component(text, ref at, depth)) return false;
            if (at == text.Length || text[at] is not ('.' or '/')) return true;
            at++;
        }
    }

    // component: annotatable annotation? | annotation | factor | "(" term ")"
    private static bool Component(string text, ref int at, int depth)
    {
        if (at == text.Length) return false;
        if (text[at] == '(')
        {
            at++;
            if (depth == DepthMax || !Term(text, ref at, depth + 1) || at == text.Length || text[at] != ')') return false;
            at++;
            return true;
        }

        if (text[at] == '{') return Annotation(text, ref at);
        var start = at;
        if (!Symbol(text, ref at)) return false;
        Exponent(text, ref at);
        return at > start && (at == text.Length || text[at] != '{' || Annotation(text, ref at));
    }

    // Symbol characters: all of printable ASCII but blanks, digits at the ends, and the operators; brackets pair up.
    private static bool Symbol(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && (char.IsAsciiLetter(text[at]) || text[at] is '%' or '*' or '^' or '\'' or '"' or '_' or '[' || char.IsAsciiDigit(text[at])))
        {
            if (text[at] == '[')
            {
                var close = text.IndexOf(']', at);
                if (close <= at + 1) return false;
                for (var i = at + 1; i < close; i++)
                {
                    if (text[i] is <= ' ' or > '~' or '[' or '{' or '}') return false;
                }

                at = close + 1;
                continue;
            }

            // Trailing digits are the exponent's, unless the whole factor is a number (as in `10*3/ul` or `1/min`).
            at++;
        }

        return at > start;
    }

    private static void Exponent(string text, ref int at)
    {
        if (at < text.Length && text[at] is '+' or '-' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])) at++;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
    }

    private static bool Annotation(string text, ref int at)
    {
        var close = text.IndexOf('}', at);
        if (close < 0) return false;
        for (var i = at + 1; i < close; i++)
        {
            if (text[i] is < '!' or > '~' or '{') return false;
        }

        at = close + 1;
        return true;
    }
}
