using System.Buffers;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Registry;

/// <summary>The rule for device ids (identity registry guide): 1 to 128 ASCII letters, digits and <c>- . + % _ # * ? ! ( ) , : = @ $ '</c>,
/// case-sensitive.</summary>
public static class DeviceName
{
    /// <summary>Every character an id may have that is neither letter nor digit.</summary>
    public const string Punctuation = "-.+%_#*?!(),:=@$'";

    private static readonly SearchValues<char> Allowed = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + Punctuation);

    /// <summary>Reads an id. Nothing is trimmed, decoded or case-folded.</summary>
    /// <param name="text">Untrusted text.</param>
    /// <returns>The id, or <c>device-id</c>.</returns>
    public static Parsed<string> Parse(string? text) =>
        text is { Length: >= 1 and <= 128 } && !text.AsSpan().ContainsAnyExcept(Allowed) ? text : new Fault("device-id", "deviceId");
}
