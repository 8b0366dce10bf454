using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Tls;

namespace Serverless.Local.Storage;

/// <summary>Blobs, queues and tables on this machine: Azurite behind a front that enforces role assignments.</summary>
/// <remarks>Azurite checks that a token is well formed and for storage, but knows no roles; <see cref="StorageFront"/> verifies tokens and
/// roles and is the only address that applications are told. Ports are chosen by the system. The account key is made at start and
/// leaves this process only in Azurite's environment. Thread-safe.</remarks>
public sealed class Azurite : IAsyncDisposable
{
    /// <summary>The storage account's name: Azurite's own, so that its path style stays.</summary>
    public const string Account = "devstoreaccount1";

    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(20); // Azurite writes its indexes when it is asked to stop

    private readonly ChildProcess _child;
    private readonly DirectoryInfo _scratch;
    private readonly StorageFront _front;
    private readonly X509Certificate2 _certificate;
    private readonly DataFolderLock _data;
    private volatile bool _stopping;

    private Azurite(ChildProcess child, DirectoryInfo scratch, StorageFront front, X509Certificate2 certificate, DataFolderLock data)
    {
        _child = child;
        _scratch = scratch;
        _front = front;
        _certificate = certificate;
        _data = data;
        Died = WatchChild();
    }

    /// <summary>Blob endpoint with the account, no trailing slash.</summary>
    public Uri BlobServiceUri => _front.BlobServiceUri;

    /// <summary>Queue endpoint with the account, no trailing slash.</summary>
    public Uri QueueServiceUri => _front.QueueServiceUri;

    /// <summary>Table endpoint with the account, no trailing slash.</summary>
    public Uri TableServiceUri => _front.TableServiceUri;

    /// <summary>Azurite's process id.</summary>
    public int ProcessId => _child.Id;

    /// <summary>Certificate, and data unless a folder was asked for; gone after <see cref="DisposeAsync"/>.</summary>
    internal string ScratchFolder => _scratch.FullName;

    /// <summary>Completes only if Azurite ends although nobody stopped it, with what to tell the person.</summary>
    public Task<LocalCloudException> Died { get; }

    /// <summary>Starts Azurite and its front, and creates the account's containers, tables and queues.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="authority">Issues the front's certificate.</param>
    /// <param name="tokens">Verifies callers.</param>
    /// <param name="directory">Knows their roles.</param>
    /// <param name="cancel">Cancels the start; nothing is left behind.</param>
    /// <exception cref="LocalCloudException">Node is missing or too old, npm failed, or Azurite died or never became ready.</exception>
    public static async Task<Azurite> Start(
        AzuriteOptions options, LocalAuthority authority, Tokens tokens, TenantDirectory directory, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(authority);
        var node = await NodeRuntime.Find(options.SearchPath, cancel).ConfigureAwait(false);
        var packages = await NodePackages.Install(node, options.PackageFolder, options.CacheFolder, options.Say, cancel).ConfigureAwait(false);
        var scratch = Directory.CreateTempSubdirectory("serverless-storage-");
        var certificate = authority.IssueServer();
        DataFolderLock? data = null;
        ChildProcess? child = null;
        StorageFront? front = null;
        try
        {
            data = DataFolderLock.Take(options.DataFolder ?? Path.Combine(scratch.FullName, "data"));
            var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));
            (child, var backends) = await StartChild(options, node, packages, scratch.FullName, data.Folder, certificate, key, cancel).ConfigureAwait(false);
            await StorageContent.Create(backends, key, certificate, options.Content, cancel).ConfigureAwait(false);
            front = await StorageFront.Start(backends, certificate, tokens, directory, options.Content.PublicContainers, cancel).ConfigureAwait(false);
            return new Azurite(child, scratch, front, certificate, data);
        }
        catch
        {
            if (front is not null) await front.DisposeAsync().ConfigureAwait(false);
            if (child is not null) await child.DisposeAsync().ConfigureAwait(false);
            data?.Dispose();
            certificate.Dispose();
            scratch.Delete(true);
            throw;
        }
    }

    /// <summary>Stops both; the temporary folder goes, a data folder that was asked for stays.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping) return;
        _stopping = true;
        await _front.DisposeAsync().ConfigureAwait(false);
        await _child.Stop(StopGrace).ConfigureAwait(false);
        await _child.DisposeAsync().ConfigureAwait(false);
        _data.Dispose();
        _certificate.Dispose();
        if (_scratch.Exists) _scratch.Delete(true);
    }

    private static async Task<(ChildProcess Child, StorageBackends Backends)> StartChild(
        AzuriteOptions options, NodeRuntime node, string packages, string scratch, string data, X509Certificate2 certificate, string key, CancellationToken cancel)
    {
        var (certPath, keyPath) = (Path.Combine(scratch, "azurite.pem"), Path.Combine(scratch, "azurite-key.pem"));
        await WritePem(certificate, certPath, keyPath, cancel).ConfigureAwait(false);

        var ready = new StorageReadiness();
        var child = ChildProcess.Start(
            new ChildSpec("Azurite", node.Node,
            [
                .. options.Kept == StorageKept.InMemory ? (string[])["--max-old-space-size=12288"] : [],
                Path.Combine(packages, "node_modules", "azurite", "dist", "src", "azurite.js"),
                "--silent", "--disableTelemetry", "--oauth", "basic", "--skipApiVersionCheck",
                .. options.Kept == StorageKept.InMemory ? (string[])["--inMemoryPersistence"] : ["--location", data],
                "--blobHost", "127.0.0.1", "--queueHost", "127.0.0.1", "--tableHost", "127.0.0.1",
                "--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
                // The front keeps connections; a server that closes idle ones after 5 s would race with its next request.
                "--blobKeepAliveTimeout", "3600", "--queueKeepAliveTimeout", "3600", "--tableKeepAliveTimeout", "3600",
                "--cert", certPath, "--key", keyPath,
            ])
            {
                Environment = new Dictionary<string, string> { ["AZURITE_ACCOUNTS"] = $"{Account}:{key}" },
                CleanEnvironment = true,
                WorkingFolder = scratch,
                Scratch = scratch,
            },
            (_, line) => ready.See(line));
        try
        {
            var first = await Task.WhenAny(ready.All, child.Exited).WaitAsync(options.StartTimeout, cancel).ConfigureAwait(false);
            if (first != ready.All) throw Death(child);
            File.Delete(keyPath); // read at start only
            return (child, await ready.All.ConfigureAwait(false));
        }
        catch (TimeoutException error)
        {
            await child.DisposeAsync().ConfigureAwait(false);
            throw new LocalCloudException(string.Create(
                CultureInfo.InvariantCulture,
                $"Azurite was not ready within {options.StartTimeout.TotalSeconds:0} s. It said:{Environment.NewLine}{child.Tail}"), error);
        }
        catch
        {
            await child.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task WritePem(X509Certificate2 certificate, string certPath, string keyPath, CancellationToken cancel)
    {
        await File.WriteAllTextAsync(certPath, certificate.ExportCertificatePem(), cancel).ConfigureAwait(false);
        using var key = certificate.GetECDsaPrivateKey()!;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new StreamWriter(keyPath, options);
        await file.WriteAsync(key.ExportPkcs8PrivateKeyPem().AsMemory(), cancel).ConfigureAwait(false);
    }

    private static LocalCloudException Death(ChildProcess child) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"Azurite (local storage) ended with code {child.Exited.Result}. Its last lines:{Environment.NewLine}{child.Tail}"));

    private async Task<LocalCloudException> WatchChild()
    {
        await _child.Exited.ConfigureAwait(false);
        if (_stopping) await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
        return Death(_child);
    }
}
