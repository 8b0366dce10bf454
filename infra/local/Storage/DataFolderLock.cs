using Serverless.Local.Processes;

namespace Serverless.Local.Storage;

/// <summary>One Azurite a data folder: two would write over each other's indexes.</summary>
internal sealed class DataFolderLock : IDisposable
{
    private readonly FileStream _file;

    private DataFolderLock(string folder, FileStream file)
    {
        Folder = folder;
        _file = file;
    }

    public string Folder { get; }

    /// <exception cref="LocalCloudException">Another run has it, or it cannot be written.</exception>
    public static DataFolderLock Take(string folder)
    {
        try
        {
            var full = Directory.CreateDirectory(folder).FullName;
            return new DataFolderLock(full, new FileStream(Path.Combine(full, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LocalCloudException($"the data folder {folder} is in use by another run, or cannot be written: {error.Message}", error);
        }
    }

    public void Dispose() => _file.Dispose();
}
