using System.Globalization;
using System.Text.Json.Nodes;
using Azure.Storage.Blobs;

namespace Serverless.Local.Run;

/// <summary>The simulated fleet's profiles: the examples of the Telemetry app, copied beside the program by the build.</summary>
public static class Profiles
{
    // The largest a profile may say.
    private const int RateMax = 60_000;
    private const int BurstMax = 10_000;
    private const int LateSecondsMax = 31_536_000;

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

    /// <summary>Puts every profile into the container once more, as version 2 without rates and lateness: for runs that send as fast as
    /// they can what a script dated earlier.</summary>
    /// <param name="container">Container <c>profiles</c>, with an identity that may write it.</param>
    /// <param name="revision">Any number; another one makes another document that judges alike.</param>
    /// <param name="cancel">Cancels.</param>
    public static async Task UploadUnlimited(BlobContainerClient container, int revision, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(container);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "profiles"), "*@1.json"))
        {
            var profile = JsonNode.Parse(await File.ReadAllTextAsync(file, cancel).ConfigureAwait(false))!.AsObject();
            profile["version"] = 2;
            profile["description"] = string.Create(CultureInfo.InvariantCulture, $"Revision {revision}, without limits of rate.");
            profile["message"]!["perMinute"] = RateMax;
            profile["message"]!["burst"] = BurstMax;
            profile["message"]!["lateSeconds"] = LateSecondsMax;
            await container.GetBlobClient($"{profile["model"]}@2.json").UploadAsync(BinaryData.FromString(profile.ToJsonString()), overwrite: true, cancel).ConfigureAwait(false);
        }
    }
}
