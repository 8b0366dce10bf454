using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace Serverless.Local.FunctionsHost.Events;

/// <summary>Who owns a partition, by its ownership blob.</summary>
/// <param name="Partition">Partition id.</param>
/// <param name="Owner">Owner's id; empty if it was given up.</param>
/// <param name="ModifiedAt">Last renewal, by the storage's clock.</param>
/// <param name="Tag">Version of the blob.</param>
internal sealed record Ownership(string Partition, string Owner, DateTimeOffset ModifiedAt, ETag Tag);

/// <summary>How far a partition is done.</summary>
/// <param name="Offset">Of the last event done.</param>
/// <param name="SequenceNumber">Of the last event done.</param>
internal sealed record Checkpoint(string Offset, long SequenceNumber);

/// <summary>Ownership and checkpoints of one hub and consumer group, in the layout of the real extension: empty blobs whose metadata
/// says all, <c>{namespace}/{hub}/{group}/ownership|checkpoint/{partition}</c> in container <c>azure-webjobs-eventhub</c>, lower case.</summary>
internal sealed class PartitionLedger(BlobContainerClient container, string fullyQualifiedNamespace, string hub, string group, string owner)
{
    public const string Container = "azure-webjobs-eventhub";
    private readonly string _root = $"{fullyQualifiedNamespace}/{hub}/{group}/".ToLowerInvariant();

    /// <summary>This instance's id.</summary>
    public string Owner => owner;

    /// <summary>All ownerships there are.</summary>
    public async Task<IReadOnlyList<Ownership>> List(CancellationToken cancel)
    {
        var found = new List<Ownership>();
        var options = new GetBlobsOptions { Traits = BlobTraits.Metadata, Prefix = _root + "ownership/" };
        await foreach (var blob in container.GetBlobsAsync(options, cancel).ConfigureAwait(false))
        {
            found.Add(new Ownership(
                blob.Name[(_root.Length + "ownership/".Length)..],
                blob.Metadata.TryGetValue("ownerid", out var by) ? by : "",
                blob.Properties.LastModified ?? default,
                blob.Properties.ETag ?? default));
        }

        return found;
    }

    /// <summary>Takes or renews a partition.</summary>
    /// <param name="partition">Partition id.</param>
    /// <param name="known">Version that was seen, if there is one: a compare-and-swap.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>The new ownership, or <see langword="null"/> if somebody else was faster.</returns>
    public async Task<Ownership?> Claim(string partition, ETag? known, CancellationToken cancel)
    {
        var blob = container.GetBlobClient($"{_root}ownership/{partition}");
        var metadata = new Dictionary<string, string> { ["ownerid"] = owner };
        try
        {
            if (known is { } tag)
            {
                var renewed = await blob.SetMetadataAsync(metadata, new BlobRequestConditions { IfMatch = tag }, cancel).ConfigureAwait(false);
                return new Ownership(partition, owner, renewed.Value.LastModified, renewed.Value.ETag);
            }

            var upload = new BlobUploadOptions { Metadata = metadata, Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
            var made = await blob.UploadAsync(BinaryData.Empty, upload, cancel).ConfigureAwait(false);
            return new Ownership(partition, owner, made.Value.LastModified, made.Value.ETag);
        }
        catch (RequestFailedException error) when (error.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    /// <summary>Gives a partition up, so that another instance need not wait for the end of the lease.</summary>
    public async Task Release(Ownership held, CancellationToken cancel)
    {
        try
        {
            await container.GetBlobClient($"{_root}ownership/{held.Partition}").SetMetadataAsync(
                new Dictionary<string, string> { ["ownerid"] = "" }, new BlobRequestConditions { IfMatch = held.Tag }, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (error.Status is 404 or 412)
        {
            // Somebody else's by now.
        }
    }

    /// <summary>Reads a checkpoint.</summary>
    public async Task<Checkpoint?> ReadCheckpoint(string partition, CancellationToken cancel)
    {
        try
        {
            var found = await container.GetBlobClient($"{_root}checkpoint/{partition}").GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false);
            return found.Value.Metadata.TryGetValue("sequencenumber", out var text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                ? new Checkpoint(found.Value.Metadata.TryGetValue("offset", out var offset) ? offset : "", number)
                : null;
        }
        catch (RequestFailedException error) when (error.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Moves a checkpoint. Last writer wins, as in the real store: an instance that lost its partition must not call this.</summary>
    public async Task WriteCheckpoint(string partition, Checkpoint done, CancellationToken cancel)
    {
        var blob = container.GetBlobClient($"{_root}checkpoint/{partition}");
        var metadata = new Dictionary<string, string>
        {
            ["offset"] = done.Offset,
            ["sequencenumber"] = done.SequenceNumber.ToString(CultureInfo.InvariantCulture),
            ["clientidentifier"] = owner,
        };
        try
        {
            await blob.SetMetadataAsync(metadata, cancellationToken: cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (error.Status == 404)
        {
            await blob.UploadAsync(BinaryData.Empty, new BlobUploadOptions { Metadata = metadata }, cancel).ConfigureAwait(false);
        }
    }
}
