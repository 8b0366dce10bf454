using System.Diagnostics;
using Serverless.Local.Processes;
using Serverless.Local.Storage;

namespace Serverless.Benchmarks;

/// <summary>Peers that are Node programs, their packages installed once a machine from the lock file beside the program.</summary>
internal static class NodePeers
{
    /// <summary>Starts one with its input and output redirected; says so and returns <see langword="null"/> where there is no Node.</summary>
    public static async Task<Process?> Start(string folder, IEnumerable<string> arguments)
    {
        try
        {
            var node = await NodeRuntime.Find(null, CancellationToken.None).ConfigureAwait(false);
            var packages = await NodePackages.Install(node, folder, null, null, CancellationToken.None).ConfigureAwait(false);
            return Process.Start(new ProcessStartInfo(node.Node, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                Environment = { ["NODE_PATH"] = Path.Combine(packages, "node_modules") },
            });
        }
        catch (LocalCloudException missing)
        {
            await Console.Error.WriteLineAsync($"SKIPPED: the peer in {folder} is not measured. {missing.Message}").ConfigureAwait(false);
            return null;
        }
    }
}
