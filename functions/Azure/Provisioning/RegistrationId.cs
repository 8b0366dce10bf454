using Serverless.Faults;

namespace Serverless.Provisioning;

/// <summary>The shape of registration and group ids (DPS: concepts, registration id).</summary>
public static class RegistrationId
{
    /// <summary>Longest id, characters.</summary>
    public const int LengthMax = 128;

    /// <summary>Checks an id. Case is not changed here, though the service ignores it: whoever keys by ids folds them once, at its own edge.</summary>
    /// <param name="id">Untrusted text.</param>
    /// <returns><see langword="null"/> when it is one; or <c>registration-id</c>: not 1 to 128 of ASCII letters, digits and
    /// <c>- . _ :</c>, or the last not a letter, digit or dash.</returns>
    public static Fault? Check(string? id)
    {
        var good = id is { Length: >= 1 and <= LengthMax }
            && id.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_' or ':')
            && (char.IsAsciiLetterOrDigit(id[^1]) || id[^1] == '-');
        return good ? null : new Fault("registration-id", "registrationId");
    }
}
