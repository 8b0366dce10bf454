using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Serverless.Local.EventHubs;

/// <summary>A namespace-wide shared access policy with rights to send and listen; its key is made at start and written nowhere.</summary>
/// <remarks>Only for tools that cannot ask for tokens; function apps use Entra ID. The key text is used as UTF-8, not decoded, as
/// Event Hubs does (unlike IoT Hub).</remarks>
/// <param name="name">The policy's name.</param>
/// <param name="key">Its key.</param>
public sealed class SharedAccessPolicy(string name, string key)
{
    internal const string Scheme = "SharedAccessSignature ";

    /// <summary>The policy's name.</summary>
    public string Name => name;

    /// <summary>Its key.</summary>
    public string Key => key;

    /// <summary>Makes a policy with a random key.</summary>
    /// <param name="name">Its name.</param>
    public static SharedAccessPolicy Create(string name) => new(name, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));

    /// <summary>Signs a token.</summary>
    /// <param name="resource">The resource URI, such as <c>amqps://localhost:5671/validated</c>.</param>
    /// <param name="expiresAt">Its end, UTC.</param>
    public string Sign(Uri resource, DateTimeOffset expiresAt)
    {
        ArgumentNullException.ThrowIfNull(resource);
        var sr = Uri.EscapeDataString(resource.AbsoluteUri.TrimEnd('/'));
        var se = expiresAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"{Scheme}sr={sr}&sig={Uri.EscapeDataString(Convert.ToBase64String(Mac(sr, se)))}&se={se}&skn={name}";
    }

    internal Grant? Verify(string token, string path, DateTimeOffset now)
    {
        string? sr = null, sig = null, se = null, skn = null;
        foreach (var part in token[Scheme.Length..].Split('&'))
        {
            if (part.StartsWith("sr=", StringComparison.Ordinal)) sr = part[3..];
            else if (part.StartsWith("sig=", StringComparison.Ordinal)) sig = part[4..];
            else if (part.StartsWith("se=", StringComparison.Ordinal)) se = part[3..];
            else if (part.StartsWith("skn=", StringComparison.Ordinal)) skn = part[4..];
        }

        if (sr is null || sig is null || se is null || skn != name) return null;
        var given = new byte[64];
        if (!Convert.TryFromBase64String(Uri.UnescapeDataString(sig), given, out var length)) return null;
        if (!CryptographicOperations.FixedTimeEquals(Mac(sr, se), given.AsSpan(0, length))) return null;
        if (!long.TryParse(se, NumberStyles.None, CultureInfo.InvariantCulture, out var end) || end > 253_402_300_799) return null;
        var expiresAt = DateTimeOffset.FromUnixTimeSeconds(end);
        var covered = BrokerPaths.Of(Uri.UnescapeDataString(sr));
        return expiresAt > now && covered is not null && BrokerPaths.Covers(covered, path) ? new Grant(expiresAt, (_, scope) => BrokerPaths.Covers(covered, scope["eventhubs/".Length..].ToLowerInvariant())) : null;
    }

    private byte[] Mac(string sr, string se) => HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{sr}\n{se}"));
}

/// <summary>Entity paths: the part of an audience or address that names a hub and what is in it, lower case.</summary>
internal static class BrokerPaths
{
    /// <summary>The path of an audience: <c>amqps://host:port/Hub/ConsumerGroups/…</c>, or the same without scheme.</summary>
    /// <param name="audience">Untrusted.</param>
    /// <returns>The path, empty for the namespace; <see langword="null"/> if it is no audience.</returns>
    public static string? Of(string audience)
    {
        if (audience.Length > 1024) return null;
        var rest = audience.AsSpan();
        var scheme = rest.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0) rest = rest[(scheme + 3)..];
        var slash = rest.IndexOf('/');
        return slash < 0 ? "" : rest[(slash + 1)..].Trim('/').ToString().ToLowerInvariant();
    }

    /// <summary>The path of a link's address; some clients send a whole URI.</summary>
    /// <param name="address">Untrusted.</param>
    public static string OfAddress(string address) =>
        address.Contains("://", StringComparison.Ordinal) ? Of(address) ?? "" : address.Trim('/').ToLowerInvariant();

    /// <summary>Whether a path is another or lies below it.</summary>
    /// <param name="held">What is held; empty is everything.</param>
    /// <param name="asked">What is asked for.</param>
    public static bool Covers(string held, string asked) =>
        held.Length == 0 || held == asked || asked.StartsWith(held + "/", StringComparison.Ordinal);
}
