namespace Serverless.Telemetry.State;

/// <summary>What a subject knows of a partition as a whole, beside its column: written with every commit, so it stays small.</summary>
/// <remarks>A column that implements this too has its shared part carried under the column's tag. Not thread-safe.</remarks>
internal interface ISharedState
{
    /// <summary>Largest shared part, in bytes: it is in every commit.</summary>
    const int BytesMost = 64 * 1024;

    /// <summary>Most bytes <see cref="WriteShared"/> needs now, at most <see cref="BytesMost"/>.</summary>
    int SharedBytesMax { get; }

    /// <summary>Writes the shared part.</summary>
    /// <param name="to">At least <see cref="SharedBytesMax"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    int WriteShared(Span<byte> to);

    /// <summary>Replaces the shared part by one that <see cref="WriteShared"/> made.</summary>
    /// <exception cref="InvalidDataException">It is not one this version can read.</exception>
    void ReadShared(ReadOnlySpan<byte> section);
}
