using Serverless.Faults;

namespace Serverless.Local.IotHub.Registry;

/// <summary>Which credentials the registry takes.</summary>
internal static class CredentialRule
{
    /// <returns><see langword="null"/>, or <c>device-credentials</c>: a key that is not base64 of 16 to 64 bytes, a thumbprint that is
    /// neither SHA-1 nor SHA-256 in hex, or a self-signed device without one.</returns>
    public static Fault? Check(DeviceCredentials credentials) => credentials.Type switch
    {
        AuthenticationType.Sas => KeyAllowed(credentials.PrimaryKey) && KeyAllowed(credentials.SecondaryKey),
        AuthenticationType.SelfSigned => ThumbprintAllowed(credentials.PrimaryThumbprint) && ThumbprintAllowed(credentials.SecondaryThumbprint)
            && !(string.IsNullOrEmpty(credentials.PrimaryThumbprint) && string.IsNullOrEmpty(credentials.SecondaryThumbprint)),
        _ => true,
    }
    ? null
    : new Fault("device-credentials", "authentication");

    // Empty means "make one".
    private static bool KeyAllowed(string? key)
    {
        if (string.IsNullOrEmpty(key)) return true;
        Span<byte> bytes = stackalloc byte[64];
        return Convert.TryFromBase64String(key, bytes, out var written) && written >= 16;
    }

    private static bool ThumbprintAllowed(string? thumbprint) =>
        string.IsNullOrEmpty(thumbprint) || (thumbprint.Length is 40 or 64 && thumbprint.All(char.IsAsciiHexDigit));
}
