using System.Collections.Concurrent;
using Serverless.FirmwareSigning.Device.Fetch;

namespace Serverless.Local.Run.Firmware;

/// <summary>Somebody between the devices and the repository: passes requests on, remembers what it saw, and answers what it likes.</summary>
/// <param name="honest">The way to the repository.</param>
internal sealed class HostileMirror(ITransport honest) : ITransport
{
    private readonly ConcurrentDictionary<string, byte[]> _seen = new(StringComparer.Ordinal);

    /// <summary>The answer to a file's name, or <see langword="null"/> to pass the request on.</summary>
    public Func<string, byte[]?> Forge { get; set; } = _ => null;

    /// <summary>The file whose answer never ends.</summary>
    public string Endless { get; set; } = "";

    /// <summary>What the repository answered when it was last asked for a file.</summary>
    public byte[] Seen(string name) => _seen[name];

    /// <summary>Behaves from now on.</summary>
    public void Behave() => (Forge, Endless) = (_ => null, "");

    /// <inheritdoc/>
    public async Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(uri);
        var name = uri.Segments[^1];
        if (name == Endless) return new TransportAnswer(200, null, 0, new EndlessStream());
        if (Forge(name) is { } forged) return new TransportAnswer(from > 0 ? 206 : 200, forged.Length - from, from, new MemoryStream(forged[(int)from..]));
        var answer = await honest.Open(uri, from, cancel).ConfigureAwait(false);
        if (answer.Status != 200) return answer;
        using var copy = new MemoryStream();
        await using (answer.ConfigureAwait(false)) await answer.Body.CopyToAsync(copy, cancel).ConfigureAwait(false);
        _seen[name] = copy.ToArray();
        return new TransportAnswer(200, copy.Length, 0, new MemoryStream(copy.ToArray()));
    }

    private sealed class EndlessStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
