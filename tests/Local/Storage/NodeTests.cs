using Serverless.Local.Processes;
using Serverless.Local.Storage;

namespace Serverless.Local.Tests.Storage;

/// <summary>The machine's tools, played by small scripts.</summary>
public sealed class NodeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("serverless-node-");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(true);

    [Fact]
    public async Task A_machine_without_Node_gets_one_clear_message()
    {
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => NodeRuntime.Find(_folder.FullName, Cancel));
        Assert.Contains("Node.js is missing", error.Message, StringComparison.Ordinal);
        Assert.Contains("Install Node.js 20 or newer", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v18.20.4", "18.20.4 is too old")]
    [InlineData("hello", "said 'hello'")]
    public async Task An_old_or_odd_Node_gets_one_clear_message(string version, string expected)
    {
        Script("node", $"echo {version}");
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => NodeRuntime.Find(_folder.FullName, Cancel));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_without_npm_is_not_enough()
    {
        Script("node", "echo v20.0.0");
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => NodeRuntime.Find(_folder.FullName, Cancel));
        Assert.Contains("npm is missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_installs_at_once_install_once_and_a_third_finds_it_done()
    {
        Script("node", "echo v22.1.0");
        Script("npm", $"echo run >> {_folder.FullName}/runs; sleep 0.5; mkdir node_modules; test -f .npmrc");
        var node = await NodeRuntime.Find(_folder.FullName + Path.PathSeparator + "/bin:/usr/bin", Cancel);
        var cache = Path.Combine(_folder.FullName, "cache");
        var installs = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => NodePackages.Install(node, Source(), cache, null, Cancel)));
        Assert.Equal(installs[0], installs[1]);
        Assert.Equal(installs[0], await NodePackages.Install(node, Source(), cache, null, Cancel));
        Assert.True(Directory.Exists(Path.Combine(installs[0], "node_modules")));
        Assert.Single(await File.ReadAllLinesAsync(Path.Combine(_folder.FullName, "runs"), Cancel));
    }

    [Fact]
    public async Task A_failing_npm_shows_its_last_lines_and_leaves_nothing_half_done()
    {
        Script("node", "echo v22.1.0");
        Script("npm", "echo 'npm error code E404' >&2; exit 1");
        var node = await NodeRuntime.Find(_folder.FullName, Cancel);
        var cache = Path.Combine(_folder.FullName, "cache");
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => NodePackages.Install(node, Source(), cache, null, Cancel));
        Assert.Contains("npm error code E404", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(cache));
    }

    [Fact]
    public async Task An_Azurite_that_never_listens_is_given_up()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing: storage cannot be started on this machine");
        Script("npm", "mkdir -p node_modules/azurite/dist/src; echo 'console.log(\"still thinking\"); setInterval(() => {}, 1000)' > node_modules/azurite/dist/src/azurite.js");
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "node"), Tool.Find("node")!);
        using var authority = new Tls.LocalAuthority(_folder.FullName, TimeProvider.System.GetUtcNow());
        var directory = Identity.LocalTenantForTests();
        using var tokens = new Local.Identity.Tokens(directory, Guid.Empty, TimeProvider.System);
        var options = new AzuriteOptions
        {
            SearchPath = _folder.FullName + Path.PathSeparator + "/bin:/usr/bin",
            PackageFolder = Source(),
            CacheFolder = Path.Combine(_folder.FullName, "cache"),
            StartTimeout = TimeSpan.FromSeconds(3),
        };
        var error = await Assert.ThrowsAsync<LocalCloudException>(() => Azurite.Start(options, authority, tokens, directory, Cancel));
        Assert.Contains("not ready within 3 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("still thinking", error.Message, StringComparison.Ordinal);
    }

    private static string Source() => new AzuriteOptions().PackageFolder;

    private void Script(string name, string text)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("shell scripts");
            return;
        }

        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, "#!/bin/sh\n" + text + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static class Identity
    {
        public static Local.Identity.TenantDirectory LocalTenantForTests() => Local.Identity.LocalTenant.Directory();
    }
}
