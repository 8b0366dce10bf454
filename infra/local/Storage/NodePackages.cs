using System.Security.Cryptography;
using Serverless.Local.Processes;

namespace Serverless.Local.Storage;

/// <summary>Installs the packages of a pinned lock file once a machine, shared by every run.</summary>
/// <remarks>The folder is named after the lock file's digest, so a changed lock file installs anew and an old one stays valid for other
/// worktrees. Two processes may install at once: one holds a lock, and a finished folder appears by one rename.</remarks>
public static class NodePackages
{
    /// <summary>Where installed packages are kept by default: below the user's local application data.</summary>
    public static string CacheFolder
    {
        get
        {
            var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return Path.Combine(data.Length > 0 ? data : Path.GetTempPath(), "serverless-local-cloud", "node");
        }
    }

    /// <summary>Makes sure that the packages are installed.</summary>
    /// <param name="node">The machine's Node.</param>
    /// <param name="source">Folder with <c>package.json</c>, <c>package-lock.json</c> and <c>.npmrc</c>.</param>
    /// <param name="cache">Folder for installed packages; <see cref="CacheFolder"/> by default.</param>
    /// <param name="say">Gets one line if something must be installed.</param>
    /// <param name="cancel">Cancels, and kills npm.</param>
    /// <returns>The folder that holds <c>node_modules</c>.</returns>
    /// <exception cref="LocalCloudException">npm failed; its last lines are in the message.</exception>
    public static async Task<string> Install(NodeRuntime node, string source, string? cache, Action<string>? say, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(node);
        cache ??= CacheFolder;
        Directory.CreateDirectory(cache);
        var digest = SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(source, "package-lock.json"), cancel).ConfigureAwait(false));
        var target = Path.Combine(cache, Convert.ToHexStringLower(digest)[..16]);
        if (Directory.Exists(target)) return target;

        await using var turn = await Turn(target + ".lock", cancel).ConfigureAwait(false);
        if (Directory.Exists(target)) return target; // somebody else installed it while we waited

        say?.Invoke("installing the pinned Node packages (once a machine)");
        var building = $"{target}.{Environment.ProcessId}";
        if (Directory.Exists(building)) Directory.Delete(building, true); // left by a killed process that had our id
        Directory.CreateDirectory(building);
        foreach (var name in new[] { "package.json", "package-lock.json", ".npmrc" })
        {
            File.Copy(Path.Combine(source, name), Path.Combine(building, name));
        }

        try
        {
            var spec = new ChildSpec("npm ci", node.Npm, ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]) { WorkingFolder = building };
            await using var npm = ChildProcess.Start(spec);
            var code = await npm.Exited.WaitAsync(cancel).ConfigureAwait(false);
            if (code != 0) throw new LocalCloudException($"'npm ci' failed with code {code}:{Environment.NewLine}{npm.Tail}");
            Directory.Move(building, target);
            return target;
        }
        finally
        {
            if (Directory.Exists(building)) Directory.Delete(building, true);
        }
    }

    private static async Task<FileStream> Turn(string path, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                // Never deleted: deleting a lock file that another process has just opened gives two holders.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.Asynchronous);
            }
            catch (IOException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), cancel).ConfigureAwait(false);
            }
        }
    }
}
