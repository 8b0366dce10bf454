using System.CommandLine;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Signing;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Options of commands that sign with a key of the vault or with a key file, whichever is named.</summary>
internal sealed class EitherKey
{
    private readonly Option<string?> _key = Maybe("--key", "Key in the vault: NAME, or NAME/VERSION.", "NAME[/VERSION]");
    private readonly Option<string?> _file = Maybe("--key-file", "Encrypted key file, instead of the vault.", "FILE");
    private readonly Option<string[]> _passphrases = Many("--passphrase-file", "For scripts: file with the passphrase.", "NAME=FILE");

    /// <summary>All of them.</summary>
    public IEnumerable<Symbol> Options => [_key, _file, _passphrases];

    /// <summary>Whether exactly one key is named.</summary>
    /// <returns><see langword="null"/>, or <c>key-choice</c>.</returns>
    public Fault? Check(ParseResult parsed) => parsed.GetValue(_key) is null == parsed.GetValue(_file) is null ? new Fault("key-choice", "--key") : null;

    /// <summary>Opens the key and signs.</summary>
    /// <param name="tree">For how the person signs in.</param>
    /// <param name="parsed">The command line, found good by <see cref="Check"/>.</param>
    /// <param name="session">The terminal.</param>
    /// <param name="sign">Signs.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>What was signed and the keyid, or a fault of opening the key, or the signer's refusal.</returns>
    public async Task<Parsed<(byte[] Bytes, string KeyId)>> Sign(CommandTree tree, ParseResult parsed, Session session, Func<IDigestSigner, Task<Parsed<byte[]>>> sign, CancellationToken cancel)
    {
        if (parsed.GetValue(_file) is { } file)
        {
            if (!Pairs(parsed.GetValue(_passphrases)!, "--passphrase-file").TryGet(out var pairs, out var fault)) return fault;
            var files = new KeyFiles(session, pairs.ToDictionary(one => one.Name, one => one.Value, StringComparer.Ordinal));
            if (!files.Open(file).TryGet(out var opened, out fault)) return fault;
            using (opened) return (await sign(opened).ConfigureAwait(false)).Then<(byte[], string)>(bytes => (bytes, opened.Key.KeyId));
        }

        if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out var refused)) return refused;
        using (connection)
        {
            if (!(await KeyCommands.OpenSigner(connection, parsed.GetValue(_key)!, cancel).ConfigureAwait(false)).TryGet(out var signer, out refused)) return refused;
            return (await sign(signer).ConfigureAwait(false)).Then<(byte[], string)>(bytes => (bytes, signer.Key.KeyId));
        }
    }
}
