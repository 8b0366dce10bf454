using System.Text;
using Serverless.Faults;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.IotHub.Access;

/// <summary>A device let in.</summary>
/// <param name="Device">Its record.</param>
/// <param name="Identity">The identity the decision was made on; if the record holds another by now, decide again.</param>
/// <param name="AuthMethod">The stamp <c>iothub-connection-auth-method</c>: JSON text.</param>
/// <param name="ExpiresAt">When the token ends, wall time; null for a certificate.</param>
internal sealed record Admission(DeviceRecord Device, DeviceIdentity Identity, string AuthMethod, DateTimeOffset? ExpiresAt);

/// <summary>What a CONNECT says of its sender.</summary>
/// <param name="ClientId">MQTT client id.</param>
/// <param name="UserName">MQTT user name.</param>
/// <param name="Password">MQTT password, or null when absent.</param>
/// <param name="Certificates">What TLS saw, or null.</param>
internal sealed record DeviceClaim(string ClientId, string UserName, byte[]? Password, PeerCertificates? Certificates);

/// <summary>Decides at CONNECT who a device is.</summary>
internal sealed class DeviceAuthenticator(
    DeviceRegistry registry, AccessPolicies policies, IReadOnlyList<System.Security.Cryptography.X509Certificates.X509Certificate2> authorities, Func<IReadOnlyList<string>> hosts, TimeProvider wall)
{
    private const string X509 = """{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""";
    private const string DeviceSas = """{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}""";
    private const string HubSas = """{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}""";

    /// <summary>Checks a claim in the order: what it says, whether that device exists and may connect, then the proof.</summary>
    /// <returns>The admission, or <c>user-name</c>, <c>module-unsupported</c>, <c>hub-name</c>, <c>client-id</c>, <c>device-unknown</c>,
    /// <c>credentials-missing</c>, <c>credentials-type</c>, <c>device-disabled</c>, and those of <see cref="CertificateRule"/>,
    /// <see cref="SasToken"/> and <see cref="AccessPolicies"/>.</returns>
    public Parsed<Admission> Decide(DeviceClaim claim)
    {
        // {host}/{id}/?api-version=… or {host}/{id}/api-version=…; an id has no slash.
        var parts = claim.UserName.Split('/', 4);
        if (parts.Length < 3) return new Fault("user-name", "userName");
        if (parts.Length == 4) return new Fault("module-unsupported", "userName");
        if (!hosts().Contains(parts[0], StringComparer.OrdinalIgnoreCase)) return new Fault("hub-name", "userName");
        if (claim.ClientId != parts[1]) return new Fault("client-id", "clientId");
        if (!registry.TryFind(parts[1], out var device)) return new Fault("device-unknown", "userName");
        DeviceIdentity identity;
        lock (device.Gate) identity = device.Identity;
        var proof = claim.Password is { Length: > 0 } password
            ? ByToken(identity, Encoding.UTF8.GetString(password))
            : ByCertificate(identity, claim.Certificates);
        if (!proof.TryGet(out var proven, out var fault)) return fault;
        // After the proof, so that only the device itself learns that it is disabled.
        return identity.Status == DeviceStatus.Enabled
            ? new Admission(device, identity, proven.AuthMethod, proven.ExpiresAt)
            : new Fault("device-disabled", "status");
    }

    private Parsed<Proof> ByCertificate(DeviceIdentity identity, PeerCertificates? shown)
    {
        if (shown is null) return new Fault("credentials-missing", "certificate");
        var fault = identity.Credentials.Type switch
        {
            AuthenticationType.SelfSigned => CertificateRule.CheckPinned(shown, identity.Credentials),
            AuthenticationType.CertificateAuthority => CertificateRule.CheckSigned(shown, identity.DeviceId, authorities, wall.GetUtcNow()),
            _ => new Fault("credentials-type", "certificate"),
        };
        return fault is null ? new Proof(X509, null) : fault;
    }

    private Parsed<Proof> ByToken(DeviceIdentity identity, string password)
    {
        if (!SasToken.Parse(password).TryGet(out var token, out var shape)) return shape;
        var now = wall.GetUtcNow();
        if (token.Policy is not null)
        {
            // A hub-level key acting as a device: allowed by the service, and stamped for all to see.
            if (!policies.Verify(token, hosts(), identity.DeviceId, now).TryGet(out var grant, out var refused)) return refused;
            return grant.Allows(HubPermissions.DeviceConnect) ? new Proof(HubSas, token.ExpiresAt) : new Fault("token-policy", "skn");
        }

        if (identity.Credentials.Type != AuthenticationType.Sas) return new Fault("credentials-type", "password");
        if (!token.SignedBy(identity.Credentials.PrimaryKey, identity.Credentials.SecondaryKey)) return new Fault("token-signature", "sig");
        if (token.ExpiresAt <= now) return new Fault("token-expired", "se");
        return token.Covers(hosts(), identity.DeviceId) && token.Resource.Contains("/devices/", StringComparison.OrdinalIgnoreCase)
            ? new Proof(DeviceSas, token.ExpiresAt)
            : new Fault("token-resource", "sr");
    }

    private sealed record Proof(string AuthMethod, DateTimeOffset? ExpiresAt);
}
