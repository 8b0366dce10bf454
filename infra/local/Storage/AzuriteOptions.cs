namespace Serverless.Local.Storage;

/// <summary>How storage starts.</summary>
public sealed record AzuriteOptions
{
    /// <summary>Folder for the data, kept at the end; <see langword="null"/> for a temporary one that goes.</summary>
    public string? DataFolder { get; init; }

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
