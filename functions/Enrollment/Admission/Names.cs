using System.Buffers;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>Names of models and owners: they become twin tags, columns and labels, so each has one plain alphabet.</summary>
public static class Names
{
    /// <summary>Most characters of either.</summary>
    public const int LengthMax = 64;

    private static readonly SearchValues<char> ModelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> OwnerCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@");

    /// <summary>Reads a model's name: 1 to 64 characters of <c>a-z 0-9 -</c> that begin with a letter, as telemetry profiles are named.</summary>
    /// <param name="text">The name.</param>
    /// <param name="where">Path of the field.</param>
    /// <returns>The name, or <c>model-name</c>.</returns>
    public static Parsed<string> Model(string? text, string where = "model") =>
        text is { Length: >= 1 and <= LengthMax } && text[0] is >= 'a' and <= 'z' && !text.AsSpan().ContainsAnyExcept(ModelCharacters) ? text : new Fault("model-name", where);

    /// <summary>Reads an owner's name: 1 to 64 characters of <c>A-Z a-z 0-9 - . _ @</c>.</summary>
    /// <param name="text">The name.</param>
    /// <param name="where">Path of the field.</param>
    /// <returns>The name, or <c>owner-name</c>.</returns>
    public static Parsed<string> Owner(string? text, string where = "owner") =>
        text is { Length: >= 1 and <= LengthMax } && !text.AsSpan().ContainsAnyExcept(OwnerCharacters) ? text : new Fault("owner-name", where);
}
