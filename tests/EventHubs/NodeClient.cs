using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Serverless.Local.Identity;

namespace Serverless.EventHubs.Tests;

/// <summary>Runs Microsoft's JavaScript client. Installs it once from the lock file; absent Node skips the test, loudly.</summary>
internal static class NodeClient
{
    private static readonly SemaphoreSlim One = new(1);
    private static bool _installed;

    /// <summary>Runs one task of <c>tests/node/eventhubs.mjs</c>.</summary>
    public static async Task<JsonElement> Run(Broker broker, Principal principal, object task, string audience = Audiences.EventHubs)
    {
        await Install();
        var (token, _) = broker.Tokens.Issue(principal, audience);
        var environment = new Dictionary<string, string?>
        {
            ["NODE_EXTRA_CA_CERTS"] = broker.Authority.PemPath,
            ["EVENTHUBS_TOKEN"] = token,
        };
        var (code, output, error) = await Execute("node", ["eventhubs.mjs", JsonSerializer.Serialize(task)], environment, TimeSpan.FromSeconds(45));
        var line = output.Split('\n').LastOrDefault(candidate => candidate.StartsWith('{'));
        Assert.True(line is not null, $"node ended with {code} and said: {output} {error}");
        var answer = JsonDocument.Parse(line).RootElement;
        Assert.True(answer.GetProperty("ok").GetBoolean(), $"node ended with {code} and said: {line} {error}");
        return answer.GetProperty("result");
    }

    private static async Task Install()
    {
        await One.WaitAsync(Broker.Cancel);
        try
        {
            if (_installed) return;
            try
            {
                await Execute("node", ["--version"], [], TimeSpan.FromSeconds(10));
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Assert.Skip("SKIPPED: Node is not installed, so Microsoft's JavaScript client was not tried");
            }

            // Other test processes may install into the same folder: one at a time, and only when the lock file changed.
            var stamp = Path.Combine(Folder(), "node_modules", ".installed");
            await using var guard = await Exclusive(Path.Combine(Path.GetTempPath(), "serverless-tests-node.lock"));
            var wanted = await File.ReadAllTextAsync(Path.Combine(Folder(), "package-lock.json"), Broker.Cancel);
            if (!File.Exists(stamp) || await File.ReadAllTextAsync(stamp, Broker.Cancel) != wanted)
            {
                var (code, output, error) = await Execute("npm", ["ci", "--ignore-scripts"], [], TimeSpan.FromMinutes(3));
                Assert.True(code == 0, $"npm ci failed: {output} {error}");
                await File.WriteAllTextAsync(stamp, wanted, Broker.Cancel);
            }

            _installed = true;
        }
        finally
        {
            One.Release();
        }
    }

    private static async Task<FileStream> Exclusive(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(200, Broker.Cancel);
            }
        }
    }

    private static async Task<(int Code, string Output, string Error)> Execute(string program, string[] arguments, Dictionary<string, string?> environment, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder(), RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
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
