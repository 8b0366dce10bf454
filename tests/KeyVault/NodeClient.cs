using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Tests.Kit;

namespace Serverless.KeyVault.Tests;

/// <summary>Runs Microsoft's JavaScript client, one run a plan.</summary>
internal static class NodeClient
{
    /// <summary>Runs a plan of <c>node/client.cjs</c>.</summary>
    /// <returns><c>results</c>, one a step, and <c>asked</c>: the tokens it wanted.</returns>
    public static async Task<JsonObject> Run(LocalVault vault, Principal principal, params object[] plan)
    {
        var source = Path.Combine(Path.GetDirectoryName(Here())!, "node");
        var start = await NodePrograms.Prepare(source, ["client.cjs"], "Microsoft's Key Vault client", LocalVault.Cancel);
        start.Environment["NODE_EXTRA_CA_CERTS"] = vault.Authority.PemPath;
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
