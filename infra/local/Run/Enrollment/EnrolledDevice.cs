using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.Fleet;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Enrollment;

/// <summary>How a device came to have an enrolment.</summary>
internal enum EnrolledBy
{
    /// <summary>By a row of manufacturing's batch.</summary>
    Batch,

    /// <summary>By the authority of its group.</summary>
    Group,
}

/// <summary>A simulated device with the identity it registers with. Owns its certificate.</summary>
/// <param name="Script">What it will send.</param>
/// <param name="By">How it was enrolled.</param>
/// <param name="Authority">Who signed its certificate.</param>
internal sealed record EnrolledDevice(DeviceScript Script, EnrolledBy By, LocalAuthority Authority) : IDisposable
{
    /// <summary>Its certificate with the private key; another one after a rotation.</summary>
    public X509Certificate2 Leaf { get; set; } = Authority.IssueDevice(Script.DeviceId);

    /// <summary>What it shows to DPS. A group's device says its model and its certificate, which DPS names but does not show the webhook.</summary>
    public DeviceIdentityShown Shown => Show(Script.DeviceId, Script.Model, Leaf, By == EnrolledBy.Group ? Authority : null);

    /// <summary>What anybody shows who has a certificate of a group's authority, or none.</summary>
    public static DeviceIdentityShown Show(string id, string model, X509Certificate2 leaf, LocalAuthority? group) => group is null
        ? new DeviceIdentityShown(id, leaf)
        : new DeviceIdentityShown(id, leaf, group.Intermediates, new JsonObject { ["model"] = model, ["certificate"] = leaf.ExportCertificatePem() });

    /// <summary>SHA-256 of a certificate's public key, as the ledger names it.</summary>
    public static string Thumbprint(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <inheritdoc/>
    public void Dispose() => Leaf.Dispose();
}
