using Serverless.FirmwareSigning.Device.Files;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>Thrown where the power goes.</summary>
internal sealed class PowerCutException : Exception
{
    public PowerCutException()
        : base("power cut")
    {
    }

    public PowerCutException(string message)
        : base(message)
    {
    }

    public PowerCutException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>Counts every durable-relevant step of a device and cuts the power at one of them.</summary>
internal sealed class PowerSupply
{
    public int Steps { get; private set; }

    /// <summary>The step that does not happen; 0 never cuts.</summary>
    public int CutAt { get; set; }

    public void Step()
    {
        if (++Steps == CutAt) throw new PowerCutException();
    }
}

/// <summary>What a disk may make of unflushed work when the power goes.</summary>
internal enum CutStyle
{
    /// <summary>Everything unflushed is gone.</summary>
    Lost,

    /// <summary>Everything unflushed made it.</summary>
    Landed,

    /// <summary>Names made it, contents are torn in half: the reordering journals are known for.</summary>
    Torn,
}

/// <summary>Files with a volatile and a durable side, as a disk with a write cache has them.</summary>
internal sealed class MemoryFiles(PowerSupply? power = null) : IFiles
{
    // Contents are shared by both name tables; a content knows how much of it is durable.
    private sealed class Content(byte[] bytes)
    {
        public byte[] Bytes { get; set; } = bytes;

        public byte[]? Durable { get; set; }
    }

    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];

    public IEnumerable<string> Names => _names.Keys;

    public byte[]? Read(string name, int bytesMax) => _names.TryGetValue(name, out var content) && content.Bytes.Length <= bytesMax ? content.Bytes : null;

    public void Write(string name, ReadOnlySpan<byte> content)
    {
        power?.Step();
        // Truncating an existing file is as volatile as any write.
        if (_names.TryGetValue(name, out var existing)) existing.Bytes = content.ToArray();
        else _names[name] = new Content(content.ToArray());
    }

    public void Flush(string name)
    {
        power?.Step();
        _names[name].Durable = _names[name].Bytes;
    }

    public void Rename(string from, string to)
    {
        power?.Step();
        _names[to] = _names[from];
        _names.Remove(from);
    }

    public void Delete(string name)
    {
        power?.Step();
        _names.Remove(name);
    }

    public void FlushNames()
    {
        power?.Step();
        _durableNames = new(_names);
    }

    /// <summary>The disk after the power came back.</summary>
    public void Restart(CutStyle style)
    {
        if (style != CutStyle.Lost) _durableNames = new(_names);
        foreach (var content in _durableNames.Values)
        {
            if (ReferenceEquals(content.Durable, content.Bytes)) continue;
            content.Bytes = style switch
            {
                CutStyle.Landed => content.Bytes,
                CutStyle.Torn => content.Bytes[..(content.Bytes.Length / 2)],
                _ => content.Durable ?? [],
            };
            content.Durable = content.Bytes;
        }
        _names = new(_durableNames);
    }
}
