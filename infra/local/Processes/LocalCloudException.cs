namespace Serverless.Local.Processes;

/// <summary>The local cloud cannot go on, and the message alone tells a person what to do: no stack trace is worth showing.</summary>
/// <remarks>Thrown for a missing or too old tool, a child process that dies, a folder or port that cannot be had.</remarks>
public sealed class LocalCloudException : Exception
{
    /// <summary>Says what is wrong and how to mend it.</summary>
    /// <param name="message">One or a few lines for a person.</param>
    public LocalCloudException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong and how to mend it.</summary>
    /// <param name="message">One or a few lines for a person.</param>
    /// <param name="inner">The cause.</param>
    public LocalCloudException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
