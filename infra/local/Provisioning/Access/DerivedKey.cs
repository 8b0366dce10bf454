using System.Security.Cryptography;
using System.Text;

namespace Serverless.Local.Provisioning.Access;

/// <summary>The key of one device of a symmetric-key group (symmetric key attestation concepts): HMAC-SHA256 of the registration id under
/// the group's key. Whoever holds the group's key is every device of it, which is why a device never gets it.</summary>
public static class DerivedKey
{
    /// <summary>Derives a device's key.</summary>
    /// <param name="groupKey">Base64.</param>
    /// <param name="registrationId">As the device spells it: the HMAC is over these bytes.</param>
    /// <returns>Base64 of 32 bytes.</returns>
    public static string Of(string groupKey, string registrationId) =>
        Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(groupKey), Encoding.UTF8.GetBytes(registrationId)));
}
