namespace Serverless.Telemetry.Profiles;

/// <summary>Where profile documents are kept: blob container <c>profiles</c>, <c>{model}@{version}.json</c>.</summary>
/// <remarks>Trusted: whoever can write there decides what counts as plausible.</remarks>
internal interface IProfileDocuments
{
    /// <summary>Reads a document unless it is the one already known.</summary>
    /// <param name="name">A valid <see cref="ProfileName"/>.</param>
    /// <param name="knownETag">ETag of the revision known, or <see langword="null"/>.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<ProfileDocument> Read(string name, string? knownETag, CancellationToken cancel);
}

/// <summary>The answer to <see cref="IProfileDocuments.Read"/>.</summary>
/// <param name="Kind">Which of the three cases.</param>
/// <param name="ETag">The revision's ETag, when it was found.</param>
/// <param name="Bytes">The document, when found: cut off one byte past the largest a profile may be.</param>
internal sealed record ProfileDocument(ProfileDocumentKind Kind, string ETag = "", byte[]? Bytes = null);

/// <summary>The cases of <see cref="ProfileDocument"/>.</summary>
internal enum ProfileDocumentKind
{
    /// <summary>There is no such document.</summary>
    Missing,

    /// <summary>It is the revision the caller knows.</summary>
    Unchanged,

    /// <summary>Another revision.</summary>
    Found,
}
