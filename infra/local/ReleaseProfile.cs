using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;

namespace Serverless.Local;

/// <summary>What <c>fwsign</c> needs to work with this cloud as one of its people: a profile, a client secret, the certificate authority.</summary>
public static class ReleaseProfile
{
    /// <summary>Writes the three files.</summary>
    /// <param name="cloud">A cloud whose function app <c>firmware</c> runs.</param>
    /// <param name="person">Who will sign in; a release engineer.</param>
    /// <param name="folder">Created when missing. It holds a secret of this run: readable by its owner alone.</param>
    /// <param name="root">File with the root that devices are born with, or <see langword="null"/> before the ceremony.</param>
    /// <returns>Path of the profile, for <c>fwsign --profile</c>.</returns>
    public static string Write(LocalCloud cloud, Principal person, string folder, string? root = null)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        ArgumentNullException.ThrowIfNull(person);
        Directory.CreateDirectory(folder);
        var secret = Path.Combine(folder, person.Name + ".secret");
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(secret, options)) writer.Write(cloud.Identity.SecretOf(person));

        var ota = cloud.Storage.BlobServiceUri.ToString().TrimEnd('/') + "/ota/";
        var profile = new JsonObject
        {
            ["api"] = cloud.Apps["firmware"].Address.ToString(),
            ["audience"] = Audiences.Api,
            ["blobs"] = cloud.Storage.BlobServiceUri.ToString(),
            ["vault"] = cloud.KeyVault.VaultUri.ToString(),
            ["signIn"] = "local",
            ["tenant"] = LocalTenant.TenantId.ToString(),
            ["clientId"] = person.ClientId.ToString(),
            ["authority"] = cloud.Identity.AuthorityHost.ToString(),
            ["secretFile"] = secret,
            ["trustRoot"] = cloud.Authority.PemPath,
            ["metadataUrl"] = ota + "metadata/",
            ["targetsUrl"] = ota + "targets/",
        };
        if (root is not null) profile["root"] = Path.GetFullPath(root);
        var path = Path.Combine(folder, person.Name + ".json");
        File.WriteAllText(path, profile.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return path;
    }
}
