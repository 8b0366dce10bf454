namespace Serverless.Local.Processes;

/// <summary>A program to start as a child.</summary>
/// <param name="Title">How messages name it, such as <c>Azurite</c>.</param>
/// <param name="File">Path of the program, or a name on the <c>PATH</c>.</param>
/// <param name="Arguments">Arguments, unescaped.</param>
public sealed record ChildSpec(string Title, string File, IReadOnlyList<string> Arguments)
{
    /// <summary>Working folder; the current one by default.</summary>
    public string? WorkingFolder { get; init; }

    /// <summary>Added to the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the child sees the rest of our environment, or only what it needs to run at all (<c>PATH</c>, <c>HOME</c>,
    /// temporary folder, locale, where .NET is).</summary>
    public bool CleanEnvironment { get; init; }

    /// <summary>A folder of ours below the temporary folder that is deleted if we die without cleaning up.</summary>
    public string? Scratch { get; init; }
}
