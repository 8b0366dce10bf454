using Azure.Storage.Blobs;

namespace Serverless.Local.Run;

/// <summary>The simulated fleet's profiles: the examples of the Telemetry app, copied beside the program by the build.</summary>
public static class Profiles
{
    /// <summary>Puts every profile into the container, over what stands there.</summary>
    /// <param name="container">Container <c>profiles</c>, with an identity that may write it.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task Upload(BlobContainerClient container, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(container);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "profiles"), "*.json"))
        {
            using var content = File.OpenRead(file);
            await container.GetBlobClient(Path.GetFileName(file)).UploadAsync(content, overwrite: true, cancel).ConfigureAwait(false);
        }
    }
}
