using System.Numerics;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Sixteen bits that stand for a fault code or a note in a stored state. Bit 0 is set for kinds that alert at once.</summary>
/// <remarks>A hash of the code rather than a number, so that a new code changes no stored state; a test holds all codes apart.</remarks>
internal static class AlertKinds
{
    public static ushort Of(Fault fault) => Of(fault.Code, ReferenceEquals(fault, MessageFaults.IdentitySpoofed) || ReferenceEquals(fault, MessageFaults.IdentityEnded));

    public static ushort Of(VerdictNotes note) => (ushort)(
        0x8000 | (BitOperations.TrailingZeroCount((uint)note) << 8) | 4
        | (note is VerdictNotes.HubScopeKey or VerdictNotes.GenerationChanged ? 1 : 0));

    public static bool AtOnce(ushort kind) => (kind & 1) != 0;

    /// <summary>Never below 4: 0 is a free slot and 2 the shared one. Never with the top bit: those are notes.</summary>
    internal static ushort Of(string code, bool atOnce)
    {
        var hash = 2166136261u; // FNV-1a, RFC 9923
        foreach (var c in code) hash = unchecked((hash ^ c) * 16777619u);
        return (ushort)((((hash ^ (hash >> 15)) & 0x7FFC) | 4) + (atOnce ? 1 : 0));
    }
}
