using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Serverless.Telemetry.Validation;

/// <summary>When a fault or note of this device was last reported, and how often it came since.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AlertSlot
{
    public uint LastAlert;     // seconds since 2020
    public ushort Kind;        // hash of the code; 0: free
    public ushort Count;       // low 12 bits: since the last alert, saturating; high 4 bits: back-off exponent
}

/// <summary>Three kinds with a slot each, and one slot that every further kind shares.</summary>
[InlineArray(4)]
internal struct AlertSlots
{
    private AlertSlot _first;
}
