using System.Buffers;
using System.Globalization;
using Serverless.Faults;

namespace Serverless.Firmware.Releases;

/// <summary>A version as Semantic Versioning 2.0.0 orders it, without build metadata: <c>+</c> does not fit a target's name, and two
/// builds of one version would be equal in order and different in content.</summary>
/// <remarks>Devices do not order by it (they compare <c>svn</c>); people do, and a release below the newest is nearly always a mistake.</remarks>
public sealed record SemanticVersion : IComparable<SemanticVersion>
{
    private static readonly SearchValues<char> Identifier = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    private readonly long[] _core;
    private readonly string[] _pre;

    private SemanticVersion(string text, long[] core, string[] pre) => (Text, _core, _pre) = (text, core, pre);

    /// <summary>As written: a version has one spelling, for leading zeros are refused.</summary>
    public string Text { get; }

    /// <summary>Reads a version.</summary>
    /// <param name="text">Hostile text.</param>
    /// <returns>The version, or <c>release-version</c>: not <c>MAJOR.MINOR.PATCH[-PRE.RELEASE]</c>, longer than 64 characters, or a
    /// number over 2^31-1.</returns>
    public static Parsed<SemanticVersion> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bad = new Fault("release-version", "version");
        if (text.Length is 0 or > 64) return bad;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var numbers = (dash < 0 ? text : text[..dash]).Split('.');
        if (numbers.Length != 3) return bad;
        var core = new long[3];
        for (var i = 0; i < 3; i++)
        {
            if (!IsNumber(numbers[i], out core[i])) return bad;
        }
        var pre = dash < 0 ? [] : text[(dash + 1)..].Split('.');
        if (!pre.All(one => one.Length > 0 && !one.AsSpan().ContainsAnyExcept(Identifier) && (!one.All(char.IsAsciiDigit) || IsNumber(one, out _)))) return bad;
        return new SemanticVersion(text, core, pre);
    }

    /// <summary>Precedence (section 11 of the specification).</summary>
    /// <param name="other">The other version.</param>
    public int CompareTo(SemanticVersion? other)
    {
        if (other is null) return 1;
        for (var i = 0; i < 3; i++)
        {
            if (_core[i] != other._core[i]) return _core[i].CompareTo(other._core[i]);
        }
        if (_pre.Length == 0 || other._pre.Length == 0) return other._pre.Length.CompareTo(_pre.Length); // without a pre-release it is the higher one
        for (var i = 0; i < Math.Min(_pre.Length, other._pre.Length); i++)
        {
            if (Compare(_pre[i], other._pre[i]) is not 0 and var order) return order;
        }
        return _pre.Length.CompareTo(other._pre.Length);
    }

    /// <summary>By text.</summary>
    /// <param name="other">The other version.</param>
    public bool Equals(SemanticVersion? other) => other is not null && Text == other.Text;

    /// <summary>By text.</summary>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <summary>Precedence.</summary>
    public static bool operator <(SemanticVersion left, SemanticVersion right) => Comparer<SemanticVersion>.Default.Compare(left, right) < 0;

    /// <summary>Precedence.</summary>
    public static bool operator >(SemanticVersion left, SemanticVersion right) => Comparer<SemanticVersion>.Default.Compare(left, right) > 0;

    /// <summary>Precedence.</summary>
    public static bool operator <=(SemanticVersion left, SemanticVersion right) => Comparer<SemanticVersion>.Default.Compare(left, right) <= 0;

    /// <summary>Precedence.</summary>
    public static bool operator >=(SemanticVersion left, SemanticVersion right) => Comparer<SemanticVersion>.Default.Compare(left, right) >= 0;

    private static int Compare(string a, string b)
    {
        var (aIsNumber, bIsNumber) = (IsNumber(a, out var x), IsNumber(b, out var y));
        return aIsNumber && bIsNumber ? x.CompareTo(y) : aIsNumber != bIsNumber ? (aIsNumber ? -1 : 1) : string.CompareOrdinal(a, b);
    }

    private static bool IsNumber(string text, out long number)
    {
        number = 0;
        return text.Length is > 0 and <= 10 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0')
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= int.MaxValue;
    }
}
