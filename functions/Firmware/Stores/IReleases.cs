using Serverless.Firmware.Releases;

namespace Serverless.Firmware.Stores;

/// <summary>The releases table. Thread-safe. An outage is the service's exception; a failed write <b>may have landed</b>.</summary>
internal interface IReleases
{
    /// <summary>A change, or <see langword="null"/>.</summary>
    Task<StoredRelease?> Read(ReleaseId id, CancellationToken cancel);

    /// <summary>Stores a new change.</summary>
    /// <returns>As stored, or <see langword="null"/>: one of that id is there.</returns>
    Task<StoredRelease?> Create(ReleaseRecord record, CancellationToken cancel);

    /// <summary>Replaces a change if it is still the one that was read.</summary>
    /// <returns>As stored, or <see langword="null"/>: someone else has written it.</returns>
    Task<StoredRelease?> Replace(StoredRelease before, ReleaseRecord record, CancellationToken cancel);

    /// <summary>Every change of a product that was once published: releases, withdrawn ones too, by state.</summary>
    Task<IReadOnlyList<ReleaseRecord>> Released(string product, CancellationToken cancel);

    /// <summary>Changes in order of product and id.</summary>
    /// <param name="product">Only this product's, or <see langword="null"/>.</param>
    /// <param name="after">Only those after this one, or <see langword="null"/>.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<IReadOnlyList<ReleaseRecord>> Page(string? product, ReleaseId? after, int count, CancellationToken cancel);

    /// <summary>Changes in states checking and approved that no worker holds: there is work to do.</summary>
    Task<IReadOnlyList<StoredRelease>> Due(DateTimeOffset now, CancellationToken cancel);
}

/// <summary>A change and the tag of its row.</summary>
/// <param name="Record">The change.</param>
/// <param name="Tag">Changes with every write (ETag).</param>
internal sealed record StoredRelease(ReleaseRecord Record, string Tag);
