using System.Runtime.CompilerServices;
using System.Text;

namespace Serverless.Telemetry.Validation;

/// <summary>A profile's metric names as UTF-8, found by their bytes: a hash without collisions among the names, one comparison.</summary>
/// <remarks>The seed is searched for at compile time (64 names in 1,024 places need a few tries), so a lookup is one hash, one
/// byte read and one comparison, whatever the device sends.</remarks>
internal sealed class NameTable
{
    private const byte Nobody = byte.MaxValue;
    private readonly byte[] _places;
    private readonly byte[][] _names;
    private readonly ulong _seed;
    private readonly int _lengthMax;

    public NameTable(Metric[] metrics)
    {
        _names = [.. metrics.Select(metric => Encoding.UTF8.GetBytes(metric.Name))];
        Quoted = [.. metrics.Select(metric => Encoding.UTF8.GetBytes($"\"{metric.Name}\":"))];
        CborKeys = [.. _names.Select(CborKey)];
        _lengthMax = _names.Length == 0 ? 0 : _names.Max(name => name.Length);
        _places = new byte[1024];
        for (_seed = 1; !Place(); _seed++)
        {
            // The next seed. Expected tries for 64 names in 1,024 places: e^(64²/2/1024) = 7.4.
        }
    }

    /// <summary>Each name as a definite CBOR text string.</summary>
    public byte[][] CborKeys { get; }

    /// <summary>Each name as compact JSON has it: quotes and colon included.</summary>
    public byte[][] Quoted { get; }

    /// <summary>The metric of that name, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(ReadOnlySpan<byte> name)
    {
        if (name.Length > _lengthMax) return -1;
        var place = _places[(int)(Mix.Hash(name, _seed) & 1023)];
        return place != Nobody && name.SequenceEqual(_names[place]) ? place : -1;
    }

    private static byte[] CborKey(byte[] name) =>
        name.Length < 24 ? [(byte)(0x60 | name.Length), .. name] : [0x78, (byte)name.Length, .. name];

    private bool Place()
    {
        Array.Fill(_places, Nobody);
        for (var i = 0; i < _names.Length; i++)
        {
            ref var place = ref _places[(int)(Mix.Hash(_names[i], _seed) & 1023)];
            if (place != Nobody) return false;
            place = (byte)i;
        }

        return true;
    }
}
