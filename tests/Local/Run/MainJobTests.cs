using System.Diagnostics;
using System.Text.Json;
using Serverless.Local.Run;

namespace Serverless.Local.Tests.Run;

/// <summary>The main job as a person runs it, in a process of its own.</summary>
public class MainJobTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "local-cloud.dll");

    [Fact]
    public async Task A_short_run_keeps_every_promise_and_leaves_nothing_behind()
    {
        NeedNode();
        var json = Path.Combine(Directory.CreateTempSubdirectory("main-job-").FullName, "report.json");
        var temporary = Directory.CreateTempSubdirectory("main-job-");
        using var run = Start(temporary, "--devices", "16", "--for", "10s", "--seed", "7", "--json", json);
        var (status, output) = await Finish(run);
        Assert.True(status == 0, output);
        using var report = JsonDocument.Parse(await File.ReadAllTextAsync(json, TestContext.Current.CancellationToken));
        Assert.True(report.RootElement.GetProperty("passed").GetBoolean());
        Assert.Equal(["detection", "enrolment", "firmware", "lifecycle"], report.RootElement.GetProperty("chapters").EnumerateObject().Select(chapter => chapter.Name));
        Assert.Equal(68, report.RootElement.GetProperty("checks").GetArrayLength());
        Assert.Equal(8, report.RootElement.GetProperty("culprits").GetArrayLength());
        Assert.True(report.RootElement.GetProperty("sent").GetInt32() > 100);
        // Each right that an app holds, it needs. These two are for a partition that changes hands, as in UpgradeTests.
        Assert.Equal(
            ["telemetry: Azure Event Hubs Data Receiver on eventhubs/validated", "telemetry: Azure Event Hubs Data Receiver on eventhubs/alerts"],
            report.RootElement.GetProperty("unusedRights").EnumerateArray().Select(right => right.GetString()));
        Assert.Empty(temporary.GetFileSystemInfos().Select(left => left.Name));
    }

    [Fact]
    public async Task Ctrl_C_ends_it_at_once_with_130_and_leaves_nothing_behind()
    {
        NeedNode();
        var temporary = Directory.CreateTempSubdirectory("main-job-");
        using var run = Start(temporary, "--devices", "4", "--for", "5m");
        var output = new System.Text.StringBuilder();
        while (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            output.AppendLine(line);
            if (line.Contains("devices live", StringComparison.Ordinal)) break;
        }

        Assert.Contains("devices live", output.ToString(), StringComparison.Ordinal);
        var children = Descendants(run.Id);
        Assert.True(children.Count >= 2, "storage and a function app run as processes of their own");
        using (var kill = Process.Start("kill", ["-INT", run.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        var (status, rest) = await Finish(run);
        Assert.True(status == 130, $"{status}: {rest}");
        await Gone(children);
        Assert.Empty(temporary.GetFileSystemInfos().Select(left => left.Name));
    }

    [Theory]
    [InlineData("--devices", "0", "--devices takes 1 to 5000")]
    [InlineData("--devices", "5001", "--devices takes 1 to 5000")]
    [InlineData("--speed", "0.5", "--speed takes 1 to 1000")]
    [InlineData("--for", "4s", "--for takes 5s to 1h")]
    [InlineData("--for", "2h", "--for takes 5s to 1h")]
    [InlineData("--for", "soon", "--for takes 5s to 1h")]
    public async Task An_option_out_of_range_is_refused_before_anything_starts(string option, string value, string says)
    {
        var asked = false;
        var command = CommandLine.Build((_, _) =>
        {
            asked = true;
            return Task.FromResult(0);
        });
        using var errors = new StringWriter();
        var status = await command.Parse([option, value]).InvokeAsync(
            new System.CommandLine.InvocationConfiguration { Output = TextWriter.Null, Error = errors }, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, status);
        Assert.False(asked);
        Assert.Contains(says, errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_means_what_its_help_says()
    {
        RunOptions? seen = null;
        var command = CommandLine.Build((options, _) =>
        {
            seen = options;
            return Task.FromResult(0);
        });
        await command.Parse([]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(new RunOptions(50, TimeSpan.FromSeconds(60), 1, 60, null, null, false), seen);
        await command.Parse(["--devices", "5000", "--for", "1h", "--seed", "9", "--speed", "1000", "--json", "f", "--data", "d", "--keep"])
            .InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(new RunOptions(5000, TimeSpan.FromHours(1), 9, 1000, "f", "d", true), seen);
    }

    private static Process Start(DirectoryInfo temporary, params string[] arguments)
    {
        // A shell has what it runs in the background ignore Ctrl+C, and children inherit that; these tests may run there.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", "exec", Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TMPDIR"] = temporary.FullName;
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // the runtime's own sockets would lie there too
        return Process.Start(start)!;
    }

    private static async Task<(int Status, string Output)> Finish(Process run)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(6)); // a minute on two idle cores
        var output = run.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = run.StandardError.ReadToEndAsync(limit.Token);
        await run.WaitForExitAsync(limit.Token);
        return (run.ExitCode, await output + await errors);
    }

    // Watchers end a moment after those they watch.
    private static async Task Gone(List<int> processes)
    {
        var began = Stopwatch.GetTimestamp();
        while (processes.Exists(IsAlive) && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10)) await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(processes, IsAlive);
    }

    private static bool IsAlive(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static List<int> Descendants(int processId)
    {
        var parents = Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _))
            .ToDictionary(folder => int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture), Parent);
        var found = new List<int> { processId };
        for (var i = 0; i < found.Count; i++) found.AddRange(parents.Where(pair => pair.Value == found[i]).Select(pair => pair.Key));
        return found[1..];
    }

    private static int Parent(string folder)
    {
        try
        {
            // pid (comm) state ppid …: comm may hold blanks and parentheses, so count from the last one.
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it ended meanwhile
        }
    }

    private static void NeedNode()
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "node")));
        if (!found) Assert.Skip("Node is not on this machine: the local storage needs it");
    }
}
