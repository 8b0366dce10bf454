namespace Serverless.KeyVault;

/// <summary>The vault could not be reached, was too busy, or failed, for longer than the client keeps trying.</summary>
/// <remarks>An outage: pass it through to the platform's retry. A signature may have been made and lost; that changes nothing
/// anywhere, so every call may simply be repeated.</remarks>
public sealed class KeyVaultOutageException : IOException
{
    /// <summary>Says what failed.</summary>
    /// <param name="message">For operators; names the call, no token and no body.</param>
    /// <param name="status">HTTP status of the last answer, 429 for throttled, or 0 when there was none.</param>
    /// <param name="inner">The cause.</param>
    public KeyVaultOutageException(string message, int status, Exception? inner = null)
        : base(message, inner) => Status = status;

    /// <summary>HTTP status of the last answer, or 0.</summary>
    public int Status { get; }
}
