using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Access;

/// <summary>A shared access signature: <c>SharedAccessSignature sr={resource}&amp;sig={HMAC}&amp;se={expiry}[&amp;skn={policy}]</c>, the HMAC
/// (SHA-256) over <c>sr</c> as spelled in the token, a line feed and <c>se</c>.</summary>
/// <param name="Resource">What it is for, percent-decoded: <c>{host}</c> or <c>{host}/devices/{id}</c>.</param>
/// <param name="ExpiresAt">Its end, wall time.</param>
/// <param name="Policy">The hub policy that signed it, or null for a device's own key.</param>
/// <param name="SignedText">The bytes under the HMAC.</param>
/// <param name="Signature">The HMAC as sent.</param>
internal sealed record SasToken(string Resource, DateTimeOffset ExpiresAt, string? Policy, byte[] SignedText, byte[] Signature)
{
    private const string Scheme = "SharedAccessSignature ";

    /// <summary>Longest token read, characters: an id of 128 characters encoded twice, and room.</summary>
    public const int LengthMax = 4096;

    /// <summary>Reads a token; nothing is proven by that.</summary>
    /// <param name="text">Untrusted text.</param>
    /// <returns>The token, or <c>token-shape</c>.</returns>
    public static Parsed<SasToken> Parse(string text)
    {
        var fault = new Fault("token-shape", "password");
        if (text.Length > LengthMax || !text.StartsWith(Scheme, StringComparison.Ordinal)) return fault;
        string? resource = null, signature = null, expiry = null, policy = null;
        foreach (var field in text[Scheme.Length..].Split('&'))
        {
            var cut = field.IndexOf('=', StringComparison.Ordinal);
            if (cut < 0) return fault;
            var value = field[(cut + 1)..];
            // Each field once: of two spellings, nobody may check the one and use the other.
            switch (field[..cut])
            {
                case "sr" when resource is null: resource = value; break;
                case "sig" when signature is null: signature = value; break;
                case "se" when expiry is null: expiry = value; break;
                case "skn" when policy is null: policy = value; break;
                default: return fault;
            }
        }

        if (resource is null || signature is null || expiry is null) return fault;
        if (!double.TryParse(expiry, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) || seconds is < 0 or > 253_402_300_799) return fault;
        var mac = new byte[48];
        return Convert.TryFromBase64String(Uri.UnescapeDataString(signature), mac, out var written) && written == HMACSHA256.HashSizeInBytes
            ? new SasToken(
                Uri.UnescapeDataString(resource),
                DateTimeOffset.FromUnixTimeSeconds((long)seconds),
                string.IsNullOrEmpty(policy) ? null : Uri.UnescapeDataString(policy),
                Encoding.UTF8.GetBytes(resource + "\n" + expiry),
                mac[..written])
            : fault;
    }

    /// <summary>Signs a token.</summary>
    /// <param name="resource">Undecorated, such as <c>hub.azure-devices.net/devices/d1</c>.</param>
    /// <param name="key">Base64.</param>
    /// <param name="expiresAt">Wall time.</param>
    /// <param name="policy">A hub policy's name, or null.</param>
    public static string Sign(string resource, string key, DateTimeOffset expiresAt, string? policy)
    {
        var encoded = Uri.EscapeDataString(resource);
        var expiry = expiresAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes(encoded + "\n" + expiry));
        return $"{Scheme}sr={encoded}&sig={Uri.EscapeDataString(Convert.ToBase64String(mac))}&se={expiry}" + (policy is null ? "" : "&skn=" + policy);
    }

    /// <summary>Whether one of the keys made this token, compared in constant time.</summary>
    /// <param name="keys">Base64; null ones are skipped.</param>
    public bool SignedBy(params ReadOnlySpan<string?> keys)
    {
        var signed = false;
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        foreach (var key in keys)
        {
            if (string.IsNullOrEmpty(key)) continue;
            HMACSHA256.HashData(Convert.FromBase64String(key), SignedText, mac);
            signed |= CryptographicOperations.FixedTimeEquals(mac, Signature);
        }

        return signed;
    }

    /// <summary>Whether the resource is the hub, or a device of it, under one of the hub's names.</summary>
    /// <param name="hosts">The hub's names.</param>
    /// <param name="deviceId">A device, or null for the hub as a whole.</param>
    public bool Covers(IEnumerable<string> hosts, string? deviceId)
    {
        foreach (var host in hosts)
        {
            if (string.Equals(Resource, host, StringComparison.OrdinalIgnoreCase)) return true;
            if (deviceId is null || !Resource.StartsWith(host + "/devices/", StringComparison.OrdinalIgnoreCase)) continue;
            var id = Resource[(host.Length + "/devices/".Length)..];
            if (id == deviceId || Uri.UnescapeDataString(id) == deviceId) return true; // SDKs differ in how often they encode
        }

        return false;
    }
}
