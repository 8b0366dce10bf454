namespace Serverless.FirmwareSigning.Device.Fetch;

/// <summary>Opens one resource. Whoever answers is not trusted: not its status, its length, nor that it ever ends.</summary>
public interface ITransport
{
    /// <summary>Asks for a resource, from an offset on.</summary>
    /// <param name="uri">Where.</param>
    /// <param name="from">First byte wanted; above 0 a range is asked for.</param>
    /// <param name="cancel">Ends the attempt; the reader of the body passes its own token to each read.</param>
    /// <returns>The answer, body unread. Failures to connect are exceptions: an outage.</returns>
    Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel);
}

/// <summary>An answer whose body has not been read.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="length">The length it claims for this body, or <see langword="null"/>.</param>
/// <param name="from">Where in the resource the body claims to begin.</param>
/// <param name="body">The body.</param>
public sealed class TransportAnswer(int status, long? length, long from, Stream body) : IAsyncDisposable
{
    /// <summary>HTTP status.</summary>
    public int Status => status;

    /// <summary>Claimed length of this body, bytes.</summary>
    public long? Length => length;

    /// <summary>Claimed offset of this body in the resource.</summary>
    public long From => from;

    /// <summary>The body.</summary>
    public Stream Body => body;

    /// <summary>Closes the connection, read to its end or not.</summary>
    public ValueTask DisposeAsync() => body.DisposeAsync();
}
