using System.Globalization;
using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Ceremony;

/// <summary>Keys made in a ceremony: a root key and a targets key a holder, each in a file of its own. In memory until disposed of.</summary>
internal sealed class HolderKeys : IDisposable
{
    private readonly List<FileKey> _roots = [];
    private readonly List<FileKey> _targets = [];
    private readonly List<(string Name, byte[] Content, bool Secret)> _secrets = [];

    /// <summary>Root keys, in the holders' order.</summary>
    public IReadOnlyList<PublicKey> Roots => [.. _roots.Select(key => key.Key)];

    /// <summary>Targets keys, in the holders' order.</summary>
    public IReadOnlyList<PublicKey> Targets => [.. _targets.Select(key => key.Key)];

    /// <summary>The root keys, to sign with.</summary>
    public IReadOnlyList<FileKey> RootSigners => _roots;

    /// <summary>The targets keys, to sign with.</summary>
    public IReadOnlyList<FileKey> TargetsSigners => _targets;

    /// <summary>The encrypted files.</summary>
    public IReadOnlyList<(string Name, byte[] Content, bool Secret)> Secrets => _secrets;

    /// <summary>File of a holder's root key.</summary>
    public static string RootFileOf(string holder) => $"{holder}.root.pem";

    /// <summary>File of a holder's targets key.</summary>
    public static string TargetsFileOf(string holder) => $"{holder}.targets.pem";

    /// <summary>Makes keys, asking each holder for a passphrase.</summary>
    /// <param name="holders">Names.</param>
    /// <param name="files">Asks.</param>
    /// <returns>Nothing, or a fault of <see cref="KeyFiles.NewPassphrase"/>.</returns>
    public Fault? Create(IEnumerable<string> holders, KeyFiles files)
    {
        foreach (var holder in holders)
        {
            if (!files.NewPassphrase(holder).TryGet(out var passphrase, out var fault)) return fault;
            foreach (var (keys, name) in new[] { (_roots, RootFileOf(holder)), (_targets, TargetsFileOf(holder)) })
            {
                var key = FileKey.Create();
                keys.Add(key);
                _secrets.Add((name, Encoding.UTF8.GetBytes(key.Export(passphrase)), true));
            }
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var key in _roots.Concat(_targets)) key.Dispose();
    }
}

/// <summary>The sheet that each holder gets: what to keep, and what for.</summary>
internal static class HolderSheet
{
    /// <summary>The text, Markdown.</summary>
    public static string Of(IReadOnlyList<string> holders, int threshold, HolderKeys keys, DateTimeOffset expires)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Root ceremony: {threshold} of {holders.Count}\n\n");
        text.Append("Public: nothing here opens anything. Print it for each holder.\n\n| holder | keeps | root keyid | targets keyid |\n| --- | --- | --- | --- |\n");
        for (var i = 0; i < holders.Count; i++)
            text.Append(CultureInfo.InvariantCulture, $"| {holders[i]} | `{HolderKeys.RootFileOf(holders[i])}`, `{HolderKeys.TargetsFileOf(holders[i])}` | `{keys.Roots[i].KeyId}` | `{keys.Targets[i].KeyId}` |\n");
        text.Append(CultureInfo.InvariantCulture, $"""

            - Keep both files on two media in two places, offline. Keep the passphrase in neither place.
            - {threshold} of you sign a new root (`fwsign rotate-root`) or a change of products (`fwsign add-product`, `fwsign revoke key`); each can sign alone, in turn, with `fwsign sign`.
            - Before {Header.Write(expires)} meet and renew: `fwsign rotate-root` and `fwsign renew-targets`. After it devices stop updating.
            - You lost a file or passphrase, or suspect a copy: say so at once. {threshold} others remove your keys with `fwsign rotate-root --remove-key`.
            - With fewer than {threshold} of you left no device ever takes a new root again. You are {holders.Count}: {(holders.Count == threshold ? "ONE LOST KEY IS THE END. Add a holder." : $"{holders.Count - threshold} may be lost.")}

            """);
        return text.ToString();
    }
}
