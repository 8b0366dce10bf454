using System.Runtime.CompilerServices;

namespace Serverless.Deploy;

/// <summary>What the commands stand in: the tree, the Azure CLI, the clock, where they speak.</summary>
/// <param name="Out">Told what is done, a line at a time.</param>
public sealed record Surroundings(TextWriter Out)
{
    /// <summary>The repository's root. Default: where this program was compiled.</summary>
    public string Root { get; init; } = Path.GetFullPath(Path.Combine(Here(), "../.."));

    /// <summary>The Azure CLI. Default: <c>az</c> on the search path.</summary>
    public string Az { get; init; } = "az";

    /// <summary>Name of the subscription deployment whose outputs are meant. Default: <c>pipeline-</c> and the environment.</summary>
    public string? Deployment { get; init; }

    /// <summary>Clock of every wait.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Between two tries of what needs role assignments that spread slowly. Azure says minutes; default 30 s.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often such a step is tried. Default 20: ten minutes.</summary>
    public int Tries { get; init; } = 20;

    /// <summary>How HTTP is spoken. Default: as the machine does.</summary>
    public Func<HttpMessageHandler> Http { get; init; } = () => new SocketsHttpHandler();

    /// <summary>Folder <c>infra</c>.</summary>
    public string Infra => Path.Combine(Root, "infra");

    /// <summary>Says a line.</summary>
    /// <param name="line">The line.</param>
    public void Say(string line) => Out.WriteLine(line);

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
