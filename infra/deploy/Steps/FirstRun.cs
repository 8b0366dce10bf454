using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Deploy.Azure;

namespace Serverless.Deploy.Steps;

/// <summary>What the templates cannot do, in order, once; run again it finds what is there and does the rest.</summary>
/// <remarks>Order: rights for this hour → public keys out (for the offline root ceremony) → TUF root in → profiles in → rights away. The
/// root goes in before anything is signed, so that the first device finds a root; the rights go also when a step fails. What lies there
/// already is never written over: a second run must not bring the example's profiles back over the real ones.</remarks>
/// <param name="around">Where it runs.</param>
/// <param name="az">The Azure CLI.</param>
public sealed class FirstRun(Surroundings around, AzureCli az)
{
    /// <summary>Where the first root lies in container <c>ota</c>.</summary>
    public const string RootBlob = "metadata/1.root.json";

    /// <summary>The policy of enrolment, in container <c>profiles</c>; without it the Enrollment app refuses every device.</summary>
    public const string PolicyBlob = "policies/enrollment.json";

    private const string BlobContributor = "Storage Blob Data Contributor";
    private const string VaultReader = "Key Vault Reader";

    /// <summary>Runs every step.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant.</param>
    /// <param name="root">The signed first root, made offline; <see langword="null"/> stops after the keys are out.</param>
    /// <param name="documents">Folder of device profiles and, as <see cref="PolicyBlob"/> below it, the policy of enrolment.</param>
    /// <param name="keys">Folder for the public keys.</param>
    /// <param name="cancel">Ends it; rights are taken away all the same.</param>
    public async Task Run(string environment, string subscription, string? root, string documents, string keys, CancellationToken cancel)
    {
        var target = Target.Read(around, environment, filledIn: true);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        if (root is not null && !File.Exists(root)) throw new DeployException($"there is no {root}");
        if (!Directory.Exists(documents)) throw new DeployException($"there is no folder {documents}");
        var deployed = await target.Outputs(az, cancel).ConfigureAwait(false);
        var me = await Me(cancel).ConfigureAwait(false);
        var granted = new List<string>();
        try
        {
            await Grant(me, VaultReader, await IdOf("keyvault", "show", deployed.KeyVault, deployed, cancel).ConfigureAwait(false), granted, cancel).ConfigureAwait(false);
            await PublicKeys(deployed, keys, cancel).ConfigureAwait(false);
            if (root is null)
            {
                around.Say($"next: make the first root offline with the keys in {keys} (firmware-signing/README.md), then run this again with --tuf-root FILE");
                return;
            }

            var ota = await Container(deployed, deployed.OtaAccount, "ota", cancel).ConfigureAwait(false);
            var profiles = await Container(deployed, deployed.StateAccount, "profiles", cancel).ConfigureAwait(false);
            await Grant(me, BlobContributor, ota, granted, cancel).ConfigureAwait(false);
            await Grant(me, BlobContributor, profiles, granted, cancel).ConfigureAwait(false);
            // Devices are born with the first root: another one under its name would be an attack or a mistake, never an update.
            if (!await Put(deployed.OtaAccount, "ota", RootBlob, root, cancel).ConfigureAwait(false))
            {
                throw new DeployException($"ota/{RootBlob} is there and is not {root}: a root is replaced by the next version, never changed");
            }

            foreach (var file in Directory.EnumerateFiles(documents, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                var name = Path.GetRelativePath(documents, file).Replace('\\', '/');
                if (!await Put(deployed.StateAccount, "profiles", name, file, cancel).ConfigureAwait(false)) around.Say($"left as it is: profiles/{name}, which differs from {file}");
            }

            if (await Look(deployed.StateAccount, "profiles", PolicyBlob, cancel).ConfigureAwait(false) is null)
            {
                around.Say($"profiles/{PolicyBlob} is not there: the Enrollment app refuses every device until it is (functions/Enrollment/README.md)");
            }
        }
        finally
        {
            // Not cancelled with the rest: a right for the hour must not stay.
            foreach (var assignment in granted) await az.Ask(["role", "assignment", "delete", "--ids", assignment], CancellationToken.None).ConfigureAwait(false);
            if (granted.Count > 0) around.Say($"rights for this hour taken away: {granted.Count}");
        }

        around.Say("first run done; next: create the enrolments, 'rotate-webhook-key', 'smoke'");
    }

    private async Task<(string Id, string Type)> Me(CancellationToken cancel)
    {
        var account = await az.Ask(["account", "show"], cancel).ConfigureAwait(false);
        if ((string?)account?["user"]?["type"] == "user")
        {
            var user = await az.Ask(["ad", "signed-in-user", "show"], cancel).ConfigureAwait(false);
            return ((string?)user?["id"] ?? throw new DeployException("az ad signed-in-user show names nobody"), "User");
        }

        var principal = await az.Ask(["ad", "sp", "show", "--id", (string?)account?["user"]?["name"] ?? ""], cancel).ConfigureAwait(false);
        return ((string?)principal?["id"] ?? throw new DeployException("az ad sp show names nobody"), "ServicePrincipal");
    }

    private async Task Grant((string Id, string Type) me, string role, string scope, List<string> granted, CancellationToken cancel)
    {
        var held = await az.Ask(["role", "assignment", "list", "--assignee", me.Id, "--role", role, "--scope", scope], cancel).ConfigureAwait(false);
        if (held?.AsArray().Count > 0) return; // somebody gave it on purpose; not ours to take away
        var made = await az.Ask(
            ["role", "assignment", "create", "--assignee-object-id", me.Id, "--assignee-principal-type", me.Type, "--role", role, "--scope", scope], cancel).ConfigureAwait(false);
        granted.Add((string?)made?["id"] ?? throw new DeployException("az role assignment create gave no id"));
        around.Say($"right for this hour: {role} on {scope.Split('/')[^1]}");
    }

    private async Task PublicKeys(Deployed deployed, string to, CancellationToken cancel)
    {
        Directory.CreateDirectory(to);
        var listed = await az.Patiently("keys", () => az.Ask(["keyvault", "key", "list", "--vault-name", deployed.KeyVault], cancel), cancel).ConfigureAwait(false);
        foreach (var kid in listed?.AsArray().Select(key => (string)key!["kid"]!).Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>())
        {
            var key = await az.Ask(["keyvault", "key", "show", "--id", kid], cancel).ConfigureAwait(false);
            var file = Path.Combine(to, kid.Split('/')[^1] + ".jwk.json");
            await File.WriteAllTextAsync(file, key!["key"]!.ToJsonString(), cancel).ConfigureAwait(false);
            around.Say($"public key {(string?)key["key"]!["kid"]} in {file}");
        }
    }

    /// <returns>Whether the blob is now that file.</returns>
    private async Task<bool> Put(string account, string container, string name, string file, CancellationToken cancel)
    {
        var there = await Look(account, container, name, cancel).ConfigureAwait(false);
        var hash = Convert.ToBase64String(Md5(await File.ReadAllBytesAsync(file, cancel).ConfigureAwait(false)));
        if ((string?)there?["properties"]?["contentSettings"]?["contentMd5"] == hash)
        {
            around.Say($"there already: {container}/{name}");
            return true;
        }

        if (there is not null) return false;
        await az.Ask(["storage", "blob", "upload", .. Where(account, container, name), "--file", file, "--overwrite", "false", "--content-type", "application/json"], cancel).ConfigureAwait(false);
        around.Say($"uploaded: {container}/{name}");
        return true;
    }

    private Task<JsonNode?> Look(string account, string container, string name, CancellationToken cancel) =>
        az.Patiently(name, () => az.Find(["storage", "blob", "show", .. Where(account, container, name)], cancel), cancel);

    private static string[] Where(string account, string container, string name) =>
        ["--auth-mode", "login", "--account-name", account, "--container-name", container, "--name", name];

    private async Task<string> Container(Deployed deployed, string account, string container, CancellationToken cancel) =>
        await IdOf("storage account", "show", account, deployed, cancel).ConfigureAwait(false) + $"/blobServices/default/containers/{container}";

    private async Task<string> IdOf(string kind, string verb, string name, Deployed deployed, CancellationToken cancel)
    {
        JsonNode? shown = await az.Ask([.. kind.Split(' '), verb, "--resource-group", deployed.ResourceGroup, "--name", name], cancel).ConfigureAwait(false);
        return (string?)shown?["id"] ?? throw new DeployException($"{name} is not in {deployed.ResourceGroup}");
    }

#pragma warning disable CA5351 // The service's own check sum of a blob, compared to save an upload; nothing is proven by it.
    private static byte[] Md5(byte[] bytes) => MD5.HashData(bytes);
#pragma warning restore CA5351
}
