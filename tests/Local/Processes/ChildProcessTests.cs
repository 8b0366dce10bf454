using System.Diagnostics;
using System.Globalization;
using Serverless.Local.Processes;
using Serverless.Local.Tests.FunctionsHost;

namespace Serverless.Local.Tests.Processes;

public class ChildProcessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_child_dies_with_a_parent_that_is_killed_and_its_scratch_folder_goes_too()
    {
        SkipOnWindows();
        var scratch = Directory.CreateTempSubdirectory("serverless-scratch-");
        await File.WriteAllTextAsync(Path.Combine(scratch.FullName, "key.pem"), "secret", Cancel);
        using var parent = Process.Start(new ProcessStartInfo(ProbeApp.Executable, ["hold", scratch.FullName]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var child = int.Parse((await parent.StandardOutput.ReadLineAsync(Cancel))!, CultureInfo.InvariantCulture);
        Assert.True(IsAlive(child));
        parent.Kill(); // SIGKILL: no handler of its runs
        await parent.WaitForExitAsync(Cancel);
        for (var tries = 0; tries < 200 && (IsAlive(child) || Directory.Exists(scratch.FullName)); tries++) await Task.Delay(50, Cancel);
        Assert.False(IsAlive(child));
        Assert.False(Directory.Exists(scratch.FullName));
    }

    [Fact]
    public async Task A_disposed_child_is_gone_and_so_is_its_watcher()
    {
        SkipOnWindows();
        var child = ChildProcess.Start(new ChildSpec("sleeper", "sleep", ["600"]));
        Assert.True(IsAlive(child.Id));
        await child.DisposeAsync();
        Assert.False(IsAlive(child.Id));
        Assert.Equal(137, await child.Exited);
        for (var tries = 0; tries < 1000 && Watchers(child.Id) > 0; tries++) await Task.Delay(20, Cancel);
        Assert.Equal(0, Watchers(child.Id));
    }

    [Fact]
    public async Task The_exit_code_the_lines_and_the_tail_are_the_childs_own()
    {
        SkipOnWindows();
        var lines = new List<(bool IsError, string Line)>();
        await using var child = ChildProcess.Start(
            new ChildSpec("talker", "/bin/sh", ["-c", "echo out; echo err >&2; for i in $(seq 1 30); do echo line $i; done; exit 7"]),
            (isError, line) =>
            {
                lock (lines) lines.Add((isError, line));
            });
        Assert.Equal(7, await child.Exited.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
        Assert.Contains((false, "out"), lines);
        Assert.Contains((true, "err"), lines);
        var tail = child.Tail.Split('\n', StringSplitOptions.TrimEntries);
        Assert.Equal(20, tail.Length);
        Assert.Equal("line 30", tail.Last(line => line != "err")); // the two streams are read side by side: "err" may come anywhere
    }

    [Fact]
    public async Task Arguments_pass_unharmed_and_a_clean_environment_holds_only_what_was_given()
    {
        SkipOnWindows();
        Environment.SetEnvironmentVariable("SERVERLESS_LEAK", "1");
        var lines = new List<string>();
        string[] hostile = ["-c", "printf '%s\\n' \"$@\"; env", "sh", "a b", "$(id)", "\"'", "*"];
        await using var child = ChildProcess.Start(
            new ChildSpec("echo", "/bin/sh", hostile) { CleanEnvironment = true, Environment = new Dictionary<string, string> { ["GIVEN"] = "yes" } }, (_, line) => lines.Add(line));
        await child.Exited.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Environment.SetEnvironmentVariable("SERVERLESS_LEAK", null);
        Assert.Equal(hostile[3..], lines.Take(4));
        Assert.Contains("GIVEN=yes", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("SERVERLESS_LEAK", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_child_that_is_asked_to_stop_may_finish_and_one_that_will_not_is_killed()
    {
        SkipOnWindows();
        await using var polite = ChildProcess.Start(new ChildSpec("polite", "/bin/sh", ["-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"]));
        await Up(polite);
        await polite.Stop(TimeSpan.FromSeconds(10));
        Assert.Equal(5, await polite.Exited);
        await using var deaf = ChildProcess.Start(new ChildSpec("deaf", "/bin/sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]));
        await Up(deaf);
        await deaf.Stop(TimeSpan.FromMilliseconds(200));
        Assert.Equal(137, await deaf.Exited);
    }

    private static async Task Up(ChildProcess child)
    {
        for (var tries = 0; tries < 500 && !child.Tail.Contains("up", StringComparison.Ordinal); tries++) await Task.Delay(10, Cancel);
    }

    private static void SkipOnWindows()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Unix processes");
    }

    /// <summary>Runs, and is no zombie that nobody has waited for.</summary>
    private static bool IsAlive(int id)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            return stat[(stat.LastIndexOf(')') + 2)..][0] != 'Z';
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException or IOException)
        {
            return false;
        }
    }

    /// <summary>Shells whose command line is the watcher of this child: their <c>$$</c> is not visible, their parent is.</summary>
    private static int Watchers(int child) => Directory.GetDirectories("/proc").Count(folder =>
    {
        try
        {
            return int.TryParse(Path.GetFileName(folder), out _)
                && File.ReadAllText(Path.Combine(folder, "stat")) is var stat
                && stat[(stat.LastIndexOf(')') + 2)..].Split(' ') is var fields
                && fields[0] != "Z" && fields[1] == child.ToString(CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return false;
        }
    });
}
