using System.Buffers;
using System.Globalization;

namespace Serverless.Telemetry.Profiles;

/// <summary>The name of a profile, <c>model@version</c>, as twins carry it and blobs are named.</summary>
internal static class ProfileName
{
    /// <summary>Longest name in bytes: a model of 64, the sign, a version of seven digits.</summary>
    public const int BytesMax = 72;

    private static readonly SearchValues<char> ModelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Whether some text is a profile's name: model of 1 to 64 <c>a-z 0-9 -</c> starting with a letter, version 1 to
    /// 1,000,000 in one spelling. It is used as a blob name, so nothing else may pass.</summary>
    public static bool IsValid(string name)
    {
        var at = name.IndexOf('@', StringComparison.Ordinal);
        return at is >= 1 and <= 64
            && name[0] is >= 'a' and <= 'z'
            && !name.AsSpan(0, at).ContainsAnyExcept(ModelCharacters)
            && name.Length - at - 1 is >= 1 and <= 7
            && name[at + 1] != '0'
            && int.TryParse(name.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            && version <= 1_000_000;
    }
}
