using System.Buffers;
using Serverless.Faults;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>The rule for registration and group ids (X.509 attestation concepts): 1 to 128 ASCII letters, digits and <c>- . _ :</c>, the
/// last a letter, a digit or <c>-</c>. Case-insensitive.</summary>
public static class RegistrationName
{
    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:");

    /// <summary>How ids compare: <c>Pump-1</c> and <c>pump-1</c> are one device here, and two in IoT Hub.</summary>
    public static StringComparer Comparer => StringComparer.OrdinalIgnoreCase;

    /// <summary>Reads an id. Nothing is trimmed, decoded or case-folded.</summary>
    /// <param name="text">Untrusted text.</param>
    /// <returns>The id as spelled, or <c>registration-id</c>.</returns>
    public static Parsed<string> Parse(string? text) =>
        text is { Length: >= 1 and <= 128 } && !text.AsSpan().ContainsAnyExcept(Allowed) && (char.IsAsciiLetterOrDigit(text[^1]) || text[^1] == '-')
            ? text
            : new Fault("registration-id", "registrationId");
}
