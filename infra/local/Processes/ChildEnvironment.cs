namespace Serverless.Local.Processes;

/// <summary>What a child inherits. A function app must behave the same on every developer's machine, so it gets its settings and
/// hardly anything else.</summary>
internal static class ChildEnvironment
{
    private static readonly string[] Needed =
        ["PATH", "HOME", "USER", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "TZ", "DOTNET_ROOT", "DOTNET_ROOT_X64", "SystemRoot", "LOCALAPPDATA"];

    public static void Apply(ChildSpec spec, IDictionary<string, string?> environment)
    {
        if (spec.CleanEnvironment)
        {
            var kept = Needed.Where(environment.ContainsKey).Select(name => (name, value: environment[name])).ToArray();
            environment.Clear();
            foreach (var (name, value) in kept) environment[name] = value;
        }

        foreach (var (name, value) in spec.Environment) environment[name] = value;
    }
}
