namespace Serverless.Local.Storage;

/// <summary>Where storage keeps what it is given.</summary>
public enum StorageKept
{
    /// <summary>In files: it may be stopped and started again.</summary>
    OnDisk,

    /// <summary>In Azurite's memory, which may grow to 12 GiB: for measuring with more rows than its files can hold. Gone at the end.</summary>
    InMemory,
}

/// <summary>How storage starts.</summary>
public sealed record AzuriteOptions
{
    /// <summary>Folder for the data, kept at the end; <see langword="null"/> for a temporary one that goes.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Where the data is. Default on disk; in memory, <see cref="DataFolder"/> stays empty.</summary>
    public StorageKept Kept { get; init; } = StorageKept.OnDisk;

    /// <summary>What the account holds from the start.</summary>
    public StorageContent Content { get; init; } = StorageContent.Pipeline;

    /// <summary>Folder with the pinned <c>package.json</c> and lock file; beside the program by default.</summary>
    public string PackageFolder { get; init; } = Path.Combine(AppContext.BaseDirectory, "azurite");

    /// <summary>Where installed packages are kept; <see cref="NodePackages.CacheFolder"/> by default.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Where to look for Node, in the form of <c>PATH</c>; the process's own by default.</summary>
    public string? SearchPath { get; init; }

    /// <summary>Longest wait until Azurite listens. Default 60 s: a cold disk on a busy machine needs 10.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Gets a line when something takes long.</summary>
    public Action<string>? Say { get; init; }
}
