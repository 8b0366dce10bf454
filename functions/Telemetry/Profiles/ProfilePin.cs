using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Profiles;

/// <summary>One revision of a profile, kept with the state that was judged by it.</summary>
/// <remarks>A partition judges by pinned revisions only, and writes a new pin to its log before it judges by it. So a batch that
/// is judged again after a crash gets the verdicts it got before, though the profile was edited in between; otherwise an event
/// could end up both validated and rejected. Immutable.</remarks>
internal sealed class ProfilePin
{
    private ProfilePin(byte[]? document, Profile? profile) => (Document, Profile) = (document, profile);

    /// <summary>There is no such profile.</summary>
    public static ProfilePin Absent { get; } = new(null, null);

    /// <summary>The document, at most <see cref="Validation.Profile.DocumentBytesMax"/> bytes; <see langword="null"/> when there is none.</summary>
    public byte[]? Document { get; }

    /// <summary>The compiled profile; <see langword="null"/> when there is none or this version of the app refuses the document.</summary>
    public Profile? Profile { get; }

    /// <summary>Most bytes the pin takes in a state record, its name included.</summary>
    public int BytesMax => 512 + (Document?.Length ?? 0);

    /// <summary>Compiles a document that was accepted once.</summary>
    public static ProfilePin From(byte[] document) => new(document, Profile.Parse(document).TryGet(out var profile, out _) ? profile : null);

    /// <summary>Whether both are the same revision, byte for byte.</summary>
    public bool Equals(ProfilePin other) =>
        Document is null ? other.Document is null : other.Document is not null && Document.AsSpan().SequenceEqual(other.Document);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ProfilePin other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Document?.Length ?? 0;
}
