using Serverless.Faults;
using Serverless.Firmware.Releases;

namespace Serverless.Firmware.Stores;

/// <summary>Container <c>firmware</c>: images and bills of materials awaiting a release. Not trusted: whoever uploads writes there;
/// everything read is hashed. Thread-safe; outages are the service's exceptions.</summary>
internal interface IImages
{
    /// <summary>A blob as it is now, or <see langword="null"/>.</summary>
    Task<Image?> Look(string name, CancellationToken cancel);

    /// <summary>Opens exactly the blob that was looked at.</summary>
    /// <returns>Its bytes from the start, for the caller to dispose; or <see langword="null"/>: it is gone or was written over.</returns>
    Task<Stream?> Open(Image image, CancellationToken cancel);

    /// <summary>Reads a small blob whole.</summary>
    /// <returns>The bytes, or <c>sbom-unknown</c> (not there), <c>sbom-size</c> (over the bound).</returns>
    Task<Parsed<ReadOnlyMemory<byte>>> ReadWhole(string name, int bytesMax, CancellationToken cancel);
}

/// <summary>The images of the OTA repository: made once, never replaced, read by everyone. Thread-safe.</summary>
internal interface ITargetShelf
{
    /// <summary>Whether an image of this name is there. Names carry the content's digest, so what is there is right.</summary>
    Task<bool> Holds(string name, CancellationToken cancel);

    /// <summary>Begins to write an image; nothing is visible before <see cref="ITargetWriter.Finish"/>.</summary>
    ITargetWriter Begin(string name);
}

/// <summary>An image being written. Left unfinished, it never was there.</summary>
internal interface ITargetWriter
{
    /// <summary>Writes the next bytes.</summary>
    /// <param name="block">1 byte to 100 MiB.</param>
    /// <param name="cancel">Stops the call.</param>
    Task Add(ReadOnlyMemory<byte> block, CancellationToken cancel);

    /// <summary>Makes the image visible, whole. If another writer was faster, theirs stays.</summary>
    Task Finish(CancellationToken cancel);
}
