using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Storage;

namespace Serverless.KeyVault.Tests;

/// <summary>Runs Microsoft's JavaScript client, installed once a machine from the lock file; absent Node skips the test, loudly.</summary>
internal static class NodeClient
{
    /// <summary>Runs a plan of <c>node/client.cjs</c>.</summary>
    /// <returns><c>results</c>, one a step, and <c>asked</c>: the tokens it wanted.</returns>
    public static async Task<JsonObject> Run(LocalVault vault, Principal principal, params object[] plan)
    {
        var source = Path.Combine(Path.GetDirectoryName(Here())!, "node");
        NodeRuntime node;
        try
        {
            node = await NodeRuntime.Find(null, LocalVault.Cancel);
        }
        catch (LocalCloudException missing)
        {
            Assert.Skip($"SKIPPED: {missing.Message} Microsoft's client was NOT tried");
            throw;
        }

        var packages = await NodePackages.Install(node, source, null, null, LocalVault.Cancel);
        var start = new System.Diagnostics.ProcessStartInfo(node.Node, [Path.Combine(source, "client.cjs")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["NODE_PATH"] = Path.Combine(packages, "node_modules"), ["NODE_EXTRA_CA_CERTS"] = vault.Authority.PemPath },
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        try
        {
            // Not an argument: it holds a token.
            var settings = new { vault = vault.Service.VaultUri, token = vault.Tokens.Issue(principal, Audiences.KeyVault).Token, plan };
            await process.StandardInput.WriteAsync(JsonSerializer.Serialize(settings));
            process.StandardInput.Close();
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(LocalVault.Cancel), process.StandardError.ReadToEndAsync(LocalVault.Cancel));
            await process.WaitForExitAsync(LocalVault.Cancel);
            Assert.True(process.ExitCode == 0, $"node ended with {process.ExitCode} and said: {await output} {await errors}");
            return JsonNode.Parse(await output)!.AsObject();
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private static string Here([CallerFilePath] string here = "") => here;
}
