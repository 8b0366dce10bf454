using System.Diagnostics;
using System.Text;
using Serverless.Local.Processes;
using Serverless.Local.Storage;

namespace Serverless.Tests.Kit;

/// <summary>Node programs that tests talk to: other people's clients. Their packages are installed once a machine, outside the source, so
/// that test projects that run side by side, and share a folder, never install into each other's.</summary>
internal static class NodePrograms
{
    /// <summary>What starts a program, which finds its packages by <c>require</c> (also one made by <c>createRequire</c> in a module).</summary>
    /// <param name="folder">Holds the program, <c>package.json</c>, <c>package-lock.json</c> and <c>.npmrc</c>; its working folder.</param>
    /// <param name="arguments">For node: the program's file name first, or options before it.</param>
    /// <param name="notTried">What a machine without Node leaves untested: the test is skipped with these words.</param>
    /// <param name="cancel">Cancels, and kills npm.</param>
    /// <returns>Its three streams are redirected, and not started yet.</returns>
    public static async Task<ProcessStartInfo> Prepare(string folder, IEnumerable<string> arguments, string notTried, CancellationToken cancel)
    {
        NodeRuntime node;
        try
        {
            node = await NodeRuntime.Find(null, cancel);
        }
        catch (LocalCloudException missing)
        {
            Assert.Skip($"SKIPPED: {notTried} NOT tried. {missing.Message}");
            throw;
        }

        var packages = await NodePackages.Install(node, folder, null, null, cancel);
        return new ProcessStartInfo(node.Node, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            Environment = { ["NODE_PATH"] = Path.Combine(packages, "node_modules"), ["NODE_NO_WARNINGS"] = "1" },
        };
    }
}
