namespace Serverless.Local.Processes;

/// <summary>Finds programs that the machine must have.</summary>
public static class Tool
{
    /// <summary>The full path of a program, or <see langword="null"/>.</summary>
    /// <param name="name">Its name, without extension.</param>
    /// <param name="searchPath">Folders in the form of <c>PATH</c>; the process's own by default.</param>
    public static string? Find(string name, string? searchPath = null)
    {
        string[] suffixes = OperatingSystem.IsWindows() ? [".exe", ".cmd", ".bat"] : [""];
        return (searchPath ?? Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => suffixes.Select(suffix => Path.Combine(folder, name + suffix)))
            .FirstOrDefault(File.Exists);
    }
}
