using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Profiles;

/// <summary>Profile documents in a blob container.</summary>
/// <param name="container">Container <c>profiles</c>; read only.</param>
internal sealed class BlobProfiles(BlobContainerClient container) : IProfileDocuments
{
    /// <inheritdoc/>
    public async Task<ProfileDocument> Read(string name, string? knownETag, CancellationToken cancel)
    {
        var options = new BlobDownloadOptions
        {
            Conditions = knownETag is null ? null : new BlobRequestConditions { IfNoneMatch = new ETag(knownETag) },
        };
        try
        {
            using var download = (await container.GetBlobClient(name + ".json").DownloadStreamingAsync(options, cancel).ConfigureAwait(false)).Value;
            var bytes = new byte[(int)Math.Min(download.Details.ContentLength, Profile.DocumentBytesMax + 1)];
            await download.Content.ReadExactlyAsync(bytes, cancel).ConfigureAwait(false);
            return new ProfileDocument(ProfileDocumentKind.Found, download.Details.ETag.ToString("G"), bytes);
        }
        catch (RequestFailedException unchanged) when (unchanged.Status == 304)
        {
            return new ProfileDocument(ProfileDocumentKind.Unchanged);
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && missing.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return new ProfileDocument(ProfileDocumentKind.Missing);
        }
    }
}
