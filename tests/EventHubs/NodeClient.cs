using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Serverless.Local.Identity;
using Serverless.Tests.Kit;

namespace Serverless.EventHubs.Tests;

/// <summary>Runs Microsoft's JavaScript client, one run a task.</summary>
internal static class NodeClient
{
    /// <summary>Runs one task of <c>tests/node/eventhubs.mjs</c>.</summary>
    public static async Task<JsonElement> Run(Broker broker, Principal principal, object task, string audience = Audiences.EventHubs)
    {
        var start = await NodePrograms.Prepare(Folder(), ["eventhubs.mjs", JsonSerializer.Serialize(task)], "Microsoft's Event Hubs client", Broker.Cancel);
        start.Environment["NODE_EXTRA_CA_CERTS"] = broker.Authority.PemPath;
        start.Environment["EVENTHUBS_TOKEN"] = broker.Tokens.Issue(principal, audience).Token;
        var (code, output, error) = await Execute(start, TimeSpan.FromSeconds(60));
        var line = output.Split('\n').LastOrDefault(candidate => candidate.StartsWith('{'));
        Assert.True(line is not null, $"node ended with {code} and said: {output} {error}");
        var answer = JsonDocument.Parse(line).RootElement;
        Assert.True(answer.GetProperty("ok").GetBoolean(), $"node ended with {code} and said: {line} {error}");
        return answer.GetProperty("result");
    }

    private static async Task<(int Code, string Output, string Error)> Execute(ProcessStartInfo start, TimeSpan limit)
    {
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Broker.Cancel);
        cancel.CancelAfter(limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancel.Token);
            var error = process.StandardError.ReadToEndAsync(cancel.Token);
            await process.WaitForExitAsync(cancel.Token);
            return (process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "node");
}
