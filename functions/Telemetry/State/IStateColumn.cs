namespace Serverless.Telemetry.State;

/// <summary>One subject's share of what is known of each device, kept by slot: the verdict's windows, alert back-off, scores.</summary>
/// <remarks>A column owns its arrays; the store only carries its sections, each tagged and length-prefixed, so a new subject
/// joins without touching the others. Not thread-safe.</remarks>
internal interface IStateColumn
{
    /// <summary>The section's tag in the format, 1 to 255; never reused. 1 to 15 are ingestion's, 16 and up are scoring's.</summary>
    byte Tag { get; }

    /// <summary>Most bytes <see cref="Write"/> needs for a slot, at most 65 535.</summary>
    int BytesMax(int slot);

    /// <summary>Writes a slot's section.</summary>
    /// <param name="slot">A slot of <see cref="DeviceIds"/>.</param>
    /// <param name="to">At least <see cref="BytesMax"/> bytes.</param>
    /// <returns>Bytes written; 0 when nothing is known of the device, and then no section is stored.</returns>
    int Write(int slot, Span<byte> to);

    /// <summary>Replaces a slot by a section that <see cref="Write"/> made.</summary>
    /// <exception cref="InvalidDataException">The section is not one this version can read.</exception>
    void Read(int slot, ReadOnlySpan<byte> section);

    /// <summary>Forgets a slot.</summary>
    void Clear(int slot);
}
