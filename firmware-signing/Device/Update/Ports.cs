using Serverless.Faults;

namespace Serverless.FirmwareSigning.Device.Update;

/// <summary>One of the two places an image can boot from.</summary>
public enum Slot
{
    /// <summary>The first.</summary>
    A,

    /// <summary>The second.</summary>
    B,
}

/// <summary>The two image slots. I/O failures are exceptions: an outage.</summary>
public interface ISlots
{
    /// <summary>Size of each slot, bytes.</summary>
    long CapacityBytes { get; }

    /// <summary>Writes; volatile until <see cref="Flush"/>.</summary>
    /// <param name="slot">Never the running one.</param>
    /// <param name="offset">Byte offset.</param>
    /// <param name="content">Bytes.</param>
    void Write(Slot slot, long offset, ReadOnlySpan<byte> content);

    /// <summary>Makes all writes to the slot durable.</summary>
    /// <param name="slot">The slot.</param>
    void Flush(Slot slot);

    /// <summary>Reads back what would boot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="offset">Byte offset.</param>
    /// <param name="destination">Filled whole; bytes never written read as anything.</param>
    void Read(Slot slot, long offset, Span<byte> destination);
}

/// <summary>The boot loader's choice. Each call is atomic and durable when it returns (one flag in its own storage).</summary>
/// <remarks>Trusted. A loader that verifies images itself (mcuboot) enforces even when this updater is broken.</remarks>
public interface IBoot
{
    /// <summary>The slot this process was started from.</summary>
    Slot Running { get; }

    /// <summary>The next start, and only it, is from the slot; every later one from the kept slot again. This is what
    /// brings a device back from an image that hangs: nothing has to run for it.</summary>
    /// <param name="slot">The slot to try.</param>
    void TryOnce(Slot slot);

    /// <summary>Every start from now on is from the slot.</summary>
    /// <param name="slot">The slot to keep.</param>
    void Keep(Slot slot);

    /// <summary>Restarts the device. On a real device it does not return; in a simulation it may.</summary>
    void Restart();
}

/// <summary>What the product demands before the device may restart: battery, mains, an idle machine.</summary>
public interface IPreconditions
{
    /// <summary>Asked right before the slot is armed.</summary>
    /// <returns>Nothing, or the product's own fault, for example <c>battery-low</c>; it is asked again at the next activation.</returns>
    Fault? Refuse();
}
