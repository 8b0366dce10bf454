using System.Diagnostics;
using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>The real program against a real HTTP server: the command line the public conformance suite drives.</summary>
public sealed class OtaClientTests : IAsyncLifetime
{
    private readonly RepositorySimulator _repository = new(TimeProvider.System.GetUtcNow());
    private readonly string _directory = Directory.CreateTempSubdirectory("ota-client").FullName;
    private HttpRepository _server = null!;
    private string _base = "";
    private string _said = "";

    public ValueTask InitializeAsync()
    {
        _server = new HttpRepository();
        _base = _server.Add("r", _repository);
        File.WriteAllBytes(Path.Combine(_directory, "first.json"), _repository.Published["root"][0]);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Init_refresh_and_download_exit_with_zero_and_refusals_with_one()
    {
        _repository.AddArtifact("targets", "dir/one", "content one");
        _repository.AddArtifact("targets", "two", "content two");
        _repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal(1, await Run("--metadata-url", _base + "/metadata", "--metadata-dir", Metadata, "refresh")); // not initialised
        Assert.Equal(0, await Run("--metadata-dir", Metadata, "init", Path.Combine(_directory, "first.json")));
        Assert.Equal(0, await Run("--metadata-url", _base + "/metadata", "--metadata-dir", Metadata, "refresh"));
        Assert.Equal(0, await Download("dir/one", "two"));
        Assert.Equal("content one", File.ReadAllText(Path.Combine(_directory, "targets", "dir%2Fone")));
        _repository.ArtifactRequests.Clear();
        Assert.Equal(0, await Download("dir/one", "two"));
        Assert.Empty(_repository.ArtifactRequests); // held already
        Assert.Equal(1, await Download("three"));
        _repository.Artifacts["two"] = "CONTENT TWO"u8.ToArray();
        File.Delete(Path.Combine(_directory, "targets", "two"));
        Assert.Equal(1, await Download("two"));
        Assert.Equal(["dir%2Fone"], Directory.GetFiles(Path.Combine(_directory, "targets")).Select(Path.GetFileName)); // no remains
    }

    [Theory]
    [InlineData("", "usage")]
    [InlineData("refresh", "usage")]
    [InlineData("--metadata-dir", "usage")]
    [InlineData("--metadata-dir d conquer", "usage")]
    [InlineData("--metadata-dir d --metadata-url notaurl refresh", "usage")]
    [InlineData("--metadata-dir d init /nonexistent", "failed")]
    [InlineData("--metadata-dir d --metadata-url http://127.0.0.1:1/ refresh", "refused")]
    [InlineData("--unknown x refresh", "usage")]
    public async Task Anything_else_exits_with_one_says_why_and_never_has_another_code(string arguments, string said)
    {
        Assert.Equal(1, await Run(arguments.Replace(" d ", $" {Metadata} ", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.StartsWith($"{said}:", _said, StringComparison.Ordinal);
    }

    private string Metadata => Path.Combine(_directory, "metadata");

    private Task<int> Download(params string[] names) => Run(
        [
            "--metadata-url", _base + "/metadata", "--metadata-dir", Metadata, .. names.SelectMany(name => new[] { "--target-name", name }),
            "--target-base-url", _base + "/targets", "--target-dir", Path.Combine(_directory, "targets"), "download",
        ]);

    private async Task<int> Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "ota-client.dll"), .. arguments]) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        _said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }
}
