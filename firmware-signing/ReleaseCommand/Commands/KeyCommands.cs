using System.CommandLine;
using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;
using Serverless.FirmwareSigning.Vault;
using Serverless.KeyVault;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Keys in the vault.</summary>
internal static class KeyCommands
{
    /// <summary><c>export-key</c>: a vault key's public part, for a ceremony.</summary>
    public static Command ExportKey(CommandTree tree)
    {
        var key = VaultKey();
        var output = Needed("--out", "File for the public key.", "FILE");
        return tree.Make("export-key", "Writes the public part of a key in the vault, for a ceremony. It says which version: metadata names keys, not names.", [key, output], async (parsed, session, cancel) =>
        {
            if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out var fault)) return fault;
            using (connection)
            {
                if (!(await OpenSigner(connection, parsed.GetRequiredValue(key), cancel).ConfigureAwait(false)).TryGet(out var signer, out fault)) return fault;
                var pem = Encoding.UTF8.GetBytes(((JsonText)((JsonObject)signer.Key.Json.Find("keyval")!).Find("public")!).Text);
                var path = Path.GetFullPath(parsed.GetRequiredValue(output));
                if (!session.DryRun && OutputFiles.Create(Path.GetDirectoryName(path)!, [(Path.GetFileName(path), pem, false)]) is { } there) return there;
                var expires = signer.Attributes.Expires is { } end ? Header.Write(end) : "";
                return new Outcome($"{(session.DryRun ? "would write" : "wrote")} {path}", JsonObject.Of(("file", path), ("keyId", signer.Key.KeyId), ("key", signer.Id.ToString()), ("expires", expires)))
                {
                    Facts = [("key", signer.Id.ToString()), ("keyid", signer.Key.KeyId), ("expires in the vault", expires.Length > 0 ? expires : "never")],
                };
            }
        });
    }

    /// <summary>The option that names a key in the vault.</summary>
    public static Option<string> VaultKey() => Needed("--key", "Key in the vault: NAME, or NAME/VERSION.", "NAME[/VERSION]");

    /// <summary>Opens a key of the vault.</summary>
    /// <param name="connection">The deployment.</param>
    /// <param name="key"><c>NAME</c> or <c>NAME/VERSION</c>.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The signer, or <c>key-id</c>, or a fault of <see cref="VaultSigner.Open"/>.</returns>
    public static async Task<Parsed<VaultSigner>> OpenSigner(Connection connection, string key, CancellationToken cancel)
    {
        var parts = key.Split('/');
        if (parts.Length > 2 || !VaultKeyId.IsName(parts[0])) return new Fault("key-id", "--key"); // a version that is none, the client refuses
        return await VaultSigner.Open(connection.Vault(), parts[0], parts.Length == 2 ? parts[1] : null, cancel).ConfigureAwait(false);
    }
}
