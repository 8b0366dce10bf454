namespace Serverless.FirmwareSigning.ReleaseCommand;

/// <summary>Exit codes: a contract for scripts.</summary>
internal static class ExitCode
{
    /// <summary>Done; of a dry run: it would be done.</summary>
    public const int Done = 0;

    /// <summary>Refused: input, a signature, the service said no. The fault says why; repeating changes nothing.</summary>
    public const int Refused = 1;

    /// <summary>The command line itself is not understood.</summary>
    public const int Usage = 2;

    /// <summary>An outage: not reachable, not signed in, disk full. Repeating may help, and is always safe.</summary>
    public const int Outage = 3;

    /// <summary>Stopped by the person (Ctrl-C, or "no").</summary>
    public const int Stopped = 130;
}
