using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.State;

/// <summary>A partition's state as payloads of records, whole or what changed, and back.</summary>
/// <remarks>
/// <code>
/// struct { uint8 tag; … } section;  a payload is any number of sections, in order
///   1 position  int64 lastSequence; int64 lastEnqueuedMs; int64 rejectedHour
///   2 names     uint16 firstNumber; uint16 count; text word[count]
///   3 pin       text profile; int32 length (-1: there is none); uint8 document[length]
///   4 anchor    positions validated; positions alerts; text rejectedBlob; int64 rejectedLength
///   5 devices   int32 count; device[count]
///   6 strays    uint16 count; struct { text fault; int64 dueMs; uint8 level; int32 unreported; } stray[count]
///   7 shared    uint8 columnTag; int32 length; uint8 bytes[length]
/// struct { uint8 idLength; uint8 id[]; uint8 sections; struct { uint8 tag; uint16 length; uint8 bytes[]; } section[]; } device;
/// struct { uint16 count; struct { text partition; int64 last; } position[]; } positions;   text is uint16 length and UTF-8
/// </code>
/// A device replaces what was known of it, so the last entry counts. Little-endian throughout.
/// </remarks>
internal static class StateSections
{
    private const byte Position = 1;
    private const byte Names = 2;
    private const byte PinTag = 3;
    private const byte AnchorTag = 4;
    private const byte DevicesTag = 5;
    private const byte StraysTag = 6;
    private const byte SharedTag = 7;

    /// <summary>What changed since the last commit, as parts and one commit record.</summary>
    /// <param name="state">The state.</param>
    /// <param name="writer">Scratch; each record yielded is valid until the next is asked for.</param>
    public static IEnumerable<ReadOnlyMemory<byte>> Changes(PartitionState state, StateWriter writer) =>
        Encode(state, writer, state.Changed, state.NamesCommitted, state.ChangedPins);

    /// <summary>The pins made since the last commit, as one commit record.</summary>
    /// <param name="state">The state.</param>
    /// <param name="writer">Scratch; the record is valid until its next use.</param>
    public static ReadOnlyMemory<byte> NewPins(PartitionState state, StateWriter writer)
    {
        writer.Reset();
        writer.Begin(StateRecordKind.Part);
        foreach (var profile in state.ChangedPins) WritePin(writer, profile, state.Pins[profile]);
        return Close(writer, StateRecordKind.Commit);
    }

    /// <summary>The whole state, as parts and one commit record. Devices of which nothing is known are left out.</summary>
    /// <param name="state">The state.</param>
    /// <param name="writer">Scratch; each record yielded is valid until the next is asked for.</param>
    public static IEnumerable<ReadOnlyMemory<byte>> Everything(PartitionState state, StateWriter writer) =>
        Encode(state, writer, null, 1, state.Pins.Keys);

    /// <summary>Applies the payload of a part or commit.</summary>
    /// <exception cref="InvalidDataException">It holds a section that this version does not know.</exception>
    public static void Apply(PartitionState state, ReadOnlySpan<byte> payload)
    {
        var reader = new StateReader(payload);
        while (!reader.AtEnd)
        {
            var tag = reader.Byte();
            switch (tag)
            {
                case Position:
                    state.LastSequence = reader.Int64();
                    state.LastEnqueuedMs = reader.Int64();
                    state.RejectedHour = reader.Int64();
                    break;
                case Names:
                    ApplyNames(state, ref reader);
                    break;
                case PinTag:
                    ApplyPin(state, ref reader);
                    break;
                case AnchorTag:
                    state.Anchor = new Anchor
                    {
                        Validated = ReadPositions(ref reader),
                        Alerts = ReadPositions(ref reader),
                        RejectedBlob = reader.Text(),
                        RejectedLength = reader.Int64(),
                    };
                    break;
                case DevicesTag:
                    for (var left = reader.Int32(); left > 0; left--) ApplyDevice(state, ref reader);
                    break;
                case StraysTag:
                    for (int left = reader.UInt16(); left > 0; left--) state.Strays.Restore(reader.Text(), new Strays.Entry(reader.Int64(), reader.Byte(), reader.Int32()));
                    break;
                case SharedTag:
                    ApplyShared(state, ref reader);
                    break;
                default:
                    throw new InvalidDataException($"state section {tag} is not known to this version of the app; deploy the version that wrote it or a newer one");
            }
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Encode(
        PartitionState state, StateWriter writer, IReadOnlyList<int>? slots, int firstName, IEnumerable<string> pins)
    {
        writer.Reset();
        writer.Begin(StateRecordKind.Part);
        WriteNames(state, writer, firstName);
        foreach (var profile in pins)
        {
            if (writer.RecordLength + state.Pins[profile].BytesMax > StateRecord.BytesMax) yield return Next(writer);
            WritePin(writer, profile, state.Pins[profile]);
        }

        var count = slots?.Count ?? state.Devices.Count;
        for (var at = 0; at < count;)
        {
            at = WriteDevices(state, writer, slots, at, count);
            if (at < count) yield return Next(writer);
        }

        foreach (var shared in state.Columns.OfType<ISharedState>())
        {
            if (writer.RecordLength + SharedHeadBytes + shared.SharedBytesMax > StateRecord.BytesMax) yield return Next(writer);
            WriteShared(((IStateColumn)shared).Tag, shared, writer);
        }

        if (writer.RecordLength + 64 * 1024 > StateRecord.BytesMax) yield return Next(writer);
        WritePosition(state, writer);
        WriteAnchor(state.Anchor, writer);
        WriteStrays(state.Strays, writer);
        yield return Close(writer, StateRecordKind.Commit);
    }

    // Ends the record that is open. The next one starts lazily in the same buffer, when the caller is done with this one.
    private static ReadOnlyMemory<byte> Close(StateWriter writer, StateRecordKind kind)
    {
        writer.At(StateRecord.FrameBytes, 1)[0] = (byte)kind;
        writer.End();
        return writer.Written;
    }

    private static ReadOnlyMemory<byte> Next(StateWriter writer)
    {
        var record = Close(writer, StateRecordKind.Part).ToArray();
        writer.Reset();
        writer.Begin(StateRecordKind.Part);
        return record;
    }

    // Writes as many devices as the record takes and returns the index of the first that it did not.
    private static int WriteDevices(PartitionState state, StateWriter writer, IReadOnlyList<int>? slots, int at, int count)
    {
        writer.Byte(DevicesTag);
        var countAt = writer.Length;
        writer.Int32(0);
        var written = 0;
        for (; at < count; at++)
        {
            var slot = slots is null ? at : slots[at];
            if (writer.RecordLength + DeviceBytesMax(state, slot) > StateRecord.BytesMax) break;
            if (WriteDevice(state, writer, slot, evenIfEmpty: slots is not null)) written++;
        }

        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(writer.At(countAt, 4), written);
        return at;
    }

    private static int DeviceBytesMax(PartitionState state, int slot)
    {
        var bytes = 2 + DeviceIds.IdBytesMax;
        foreach (var column in state.Columns) bytes += 3 + column.BytesMax(slot);
        return bytes;
    }

    private static bool WriteDevice(PartitionState state, StateWriter writer, int slot, bool evenIfEmpty)
    {
        var start = writer.Length;
        var id = state.Devices.Id(slot);
        writer.Byte((byte)id.Length);
        id.CopyTo(writer.Take(id.Length));
        var sectionsAt = writer.Length;
        writer.Byte(0);
        byte sections = 0;
        foreach (var column in state.Columns)
        {
            var sectionAt = writer.Length;
            var room = column.BytesMax(slot);
            var length = column.Write(slot, writer.Take(3 + room)[3..]);
            writer.Return(length == 0 ? 3 + room : room - length);
            if (length == 0) continue;
            var head = writer.At(sectionAt, 3);
            head[0] = column.Tag;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(head[1..], checked((ushort)length));
            sections++;
        }

        writer.At(sectionsAt, 1)[0] = sections;
        if (sections != 0 || evenIfEmpty) return true;
        writer.Return(writer.Length - start);
        return false;
    }

    private static void ApplyDevice(PartitionState state, ref StateReader reader)
    {
        var slot = state.Devices.FindOrAdd(reader.Take(reader.Byte()));
        foreach (var column in state.Columns) column.Clear(slot);
        for (var left = reader.Byte(); left > 0; left--)
        {
            var tag = reader.Byte();
            var section = reader.Take(reader.UInt16());
            Column(state, tag).Read(slot, section);
        }
    }

    private static IStateColumn Column(PartitionState state, byte tag)
    {
        foreach (var column in state.Columns)
        {
            if (column.Tag == tag) return column;
        }

        throw new InvalidDataException($"device section {tag} is not known to this version of the app; deploy the version that wrote it or a newer one");
    }

    private const int SharedHeadBytes = 1 + 1 + 4;

    private static void WriteShared(byte tag, ISharedState shared, StateWriter writer)
    {
        writer.Byte(SharedTag);
        writer.Byte(tag);
        var lengthAt = writer.Length;
        writer.Int32(0);
        var room = shared.SharedBytesMax;
        if (room > ISharedState.BytesMost) throw new InvalidOperationException($"shared state {tag} has {room} bytes, more than {ISharedState.BytesMost}");
        var length = shared.WriteShared(writer.Take(room));
        writer.Return(room - length);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(writer.At(lengthAt, 4), length);
    }

    private static void ApplyShared(PartitionState state, ref StateReader reader)
    {
        var tag = reader.Byte();
        var section = reader.Bytes();
        if (Column(state, tag) is not ISharedState shared) throw new InvalidDataException($"section {tag} has no shared part in this version of the app; deploy the version that wrote it or a newer one");
        shared.ReadShared(section);
    }

    private static void WriteNames(PartitionState state, StateWriter writer, int first)
    {
        if (first >= state.Names.Count) return;
        writer.Byte(Names);
        writer.UInt16((ushort)first);
        writer.UInt16((ushort)(state.Names.Count - first));
        for (var number = first; number < state.Names.Count; number++) writer.Text(state.Names[(ushort)number]);
    }

    private static void ApplyNames(PartitionState state, ref StateReader reader)
    {
        int first = reader.UInt16();
        for (var (number, end) = (first, first + reader.UInt16()); number < end; number++)
        {
            if (state.Names.Number(reader.Text()) != number) throw new InvalidDataException("the state's names are out of order");
        }
    }

    private static void WritePin(StateWriter writer, string profile, ProfilePin pin)
    {
        writer.Byte(PinTag);
        writer.Text(profile);
        if (pin.Document is { } document) writer.Bytes(document);
        else writer.Int32(-1);
    }

    private static void ApplyPin(PartitionState state, ref StateReader reader)
    {
        var profile = reader.Text();
        var length = reader.Int32();
        state.Pins[profile] = length < 0 ? ProfilePin.Absent : ProfilePin.From(reader.Take(length).ToArray());
    }

    private static void WritePosition(PartitionState state, StateWriter writer)
    {
        writer.Byte(Position);
        writer.Int64(state.LastSequence);
        writer.Int64(state.LastEnqueuedMs);
        writer.Int64(state.RejectedHour);
    }

    private static void WriteStrays(Strays strays, StateWriter writer)
    {
        if (strays.Entries.Count == 0) return;
        writer.Byte(StraysTag);
        writer.UInt16(checked((ushort)strays.Entries.Count));
        foreach (var (fault, entry) in strays.Entries)
        {
            writer.Text(fault);
            writer.Int64(entry.DueMs);
            writer.Byte((byte)entry.Level);
            writer.Int32(entry.Unreported);
        }
    }

    private static void WriteAnchor(Anchor anchor, StateWriter writer)
    {
        writer.Byte(AnchorTag);
        WritePositions(anchor.Validated, writer);
        WritePositions(anchor.Alerts, writer);
        writer.Text(anchor.RejectedBlob);
        writer.Int64(anchor.RejectedLength);
    }

    private static void WritePositions(HubPositions positions, StateWriter writer)
    {
        writer.UInt16(checked((ushort)positions.Count));
        foreach (var (partition, last) in positions)
        {
            writer.Text(partition);
            writer.Int64(last);
        }
    }

    private static HubPositions ReadPositions(ref StateReader reader)
    {
        var positions = new HubPositions();
        for (var left = reader.UInt16(); left > 0; left--) positions[reader.Text()] = reader.Int64();
        return positions;
    }
}
