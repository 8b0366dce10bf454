using System.Security.Cryptography;

namespace Serverless.Rest;

/// <summary>A primary and a secondary symmetric key. A class without members to print: no log, message or debugger view of a record
/// shows it.</summary>
public sealed class DeviceKeys
{
    /// <summary>Takes two keys.</summary>
    /// <param name="primary">Base64 of 16 to 64 bytes.</param>
    /// <param name="secondary">Base64 of 16 to 64 bytes.</param>
    /// <exception cref="ArgumentException">Not base64, or of another length: nobody's input comes here unchecked.</exception>
    public DeviceKeys(string primary, string secondary) => (Primary, Secondary) = (Checked(primary), Checked(secondary));

    internal string Primary { get; }

    internal string Secondary { get; }

    /// <summary>Two new keys of 64 random bytes that nobody knows, for shutting out whoever had the old ones.</summary>
    public static DeviceKeys Random() => new(Convert.ToBase64String(RandomNumberGenerator.GetBytes(64)), Convert.ToBase64String(RandomNumberGenerator.GetBytes(64)));

    /// <summary>Gives the keys out, base64, to hand them to a device. Never to a log.</summary>
    public (string Primary, string Secondary) Reveal() => (Primary, Secondary);

    /// <summary>Says only that there are keys.</summary>
    public override string ToString() => "(keys)";

    private static string Checked(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var bytes = new byte[key.Length];
        return Convert.TryFromBase64String(key, bytes, out var length) && length is >= 16 and <= 64 ? key
            : throw new ArgumentException("a key is base64 of 16 to 64 bytes", nameof(key));
    }
}
