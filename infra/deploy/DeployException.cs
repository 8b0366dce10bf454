namespace Serverless.Deploy;

/// <summary>What stops a command, in one sentence for the person: what failed and what to do. Never holds a secret.</summary>
public sealed class DeployException : Exception
{
    /// <summary>Says it.</summary>
    /// <param name="message">The sentence.</param>
    public DeployException(string message)
        : base(message)
    {
    }
}
