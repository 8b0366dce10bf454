using System.Globalization;
using Serverless.Local.Processes;

namespace Serverless.Local.Storage;

/// <summary>The machine's Node.js, known to be new enough.</summary>
/// <param name="Node">Full path of <c>node</c>.</param>
/// <param name="Npm">Full path of <c>npm</c>.</param>
/// <param name="Version">Its version.</param>
public sealed record NodeRuntime(string Node, string Npm, Version Version)
{
    /// <summary>Oldest major version that Azurite 3.35 and the Azure SDKs of the tests run on.</summary>
    public const int MajorMin = 20;

    private const string HowToGetIt =
        "Install Node.js 20 or newer together with npm (https://nodejs.org, or your system's package manager), then try again.";

    /// <summary>Finds Node and npm and checks the version.</summary>
    /// <param name="searchPath">Folders in the form of <c>PATH</c>; the process's own by default.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="LocalCloudException">Missing or too old, with what to do.</exception>
    public static async Task<NodeRuntime> Find(string? searchPath, CancellationToken cancel)
    {
        var node = Tool.Find("node", searchPath)
            ?? throw new LocalCloudException($"Node.js is missing: local storage (Azurite) runs on it. {HowToGetIt}");
        var said = "";
        await using var asked = ChildProcess.Start(new ChildSpec("node --version", node, ["--version"]), (_, line) => said = line);
        var code = await asked.Exited.WaitAsync(cancel).ConfigureAwait(false);
        if (code != 0 || !Version.TryParse(said.TrimStart('v'), out var version))
        {
            throw new LocalCloudException($"'{node} --version' ended with code {code} and said '{said}'. {HowToGetIt}");
        }

        if (version.Major < MajorMin)
        {
            throw new LocalCloudException(string.Create(
                CultureInfo.InvariantCulture, $"Node.js {version} is too old: local storage (Azurite) needs {MajorMin}. {HowToGetIt}"));
        }

        var npm = Tool.Find("npm", searchPath)
            ?? throw new LocalCloudException($"npm is missing (Node.js {version} is there): it installs Azurite. {HowToGetIt}");
        return new NodeRuntime(node, npm, version);
    }
}
