using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Metadata;
using Serverless.Tests.Kit;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>tuf-js, an independent client, on the same repositories as ours (needs Node 20; skipped loudly without).</summary>
public sealed class SecondClientTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("second-client").FullName;
    private HttpRepository _server = null!;
    private Process? _node;

    public static TheoryData<string> Hostile() => [.. Attacks.Keys];

    // What changes after both clients updated once and trust the repository. Both must refuse.
    private static readonly Dictionary<string, Action<RepositorySimulator>> Attacks = new()
    {
        ["root not signed by the old root"] = repository => Resign(repository, "root"),
        ["timestamp signed by a stranger"] = repository => Resign(repository, "timestamp"),
        ["snapshot signed by a stranger"] = repository => Resign(repository, "snapshot"),
        ["targets signed by a stranger"] = repository => Resign(repository, "targets"),
        ["product role signed by a stranger"] = repository => Resign(repository, "gw100"),
        ["timestamp rolled back"] = repository => RollBack(repository, "timestamp"),
        ["snapshot rolled back"] = repository => RollBack(repository, "snapshot"),
        ["targets rolled back"] = repository => RollBack(repository, "targets"),
        ["role removed from the snapshot"] = repository =>
        {
            repository.SnapshotMeta.Remove("gw100");
            repository.Publish("snapshot", "timestamp");
        },
        ["timestamp expired"] = repository => Expire(repository, "timestamp"),
        ["snapshot expired"] = repository => Expire(repository, "snapshot"),
        ["targets expired"] = repository => Expire(repository, "targets"),
        ["root expired"] = repository => Expire(repository, "root"),
        ["snapshot digest wrong"] = repository =>
        {
            repository.Publish("snapshot");
            repository.TimestampMeta = repository.TimestampMeta with { Hashes = Hashes.Of("x"u8) };
            repository.Publish("timestamp");
        },
        ["image swapped"] = repository =>
        {
            repository.AddArtifact("gw100", "gw100/1/image", "image 3");
            repository.Publish("gw100", "snapshot", "timestamp");
            repository.Artifacts["gw100/1/image"] = "IMAGE 3"u8.ToArray();
        },
        ["image too long"] = repository =>
        {
            repository.AddArtifact("gw100", "gw100/1/image", "image 3");
            repository.Publish("gw100", "snapshot", "timestamp");
            repository.Artifacts["gw100/1/image"] = "image 3 and more"u8.ToArray();
        },
        ["image removed"] = repository =>
        {
            repository.Roles["gw100"].Files.Clear();
            repository.Publish("gw100", "snapshot", "timestamp");
        },
        ["image of another product's role"] = repository =>
        {
            repository.Roles["gw100"].Files.Clear();
            repository.Delegate("targets", "gw200", ["gw200/*/*"], terminating: true);
            repository.AddArtifact("gw200", "gw100/1/image", "image 3");
            repository.Publish("gw200", "gw100", "targets", "snapshot", "timestamp");
        },
        ["snapshot missing"] = repository =>
        {
            repository.TimestampMeta = new MetaFile(99, null, null);
            repository.Publish("timestamp");
        },
        ["timestamp is not json"] = repository => repository.Published["timestamp"].Add("not json"u8.ToArray()),
    };

    public async ValueTask InitializeAsync()
    {
        _server = new HttpRepository();
        _node = Process.Start(await NodePrograms.Prepare(Path.Combine(SourceFolder(), "node"), ["client.mjs"], "tuf-js", TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
        {
            _node.StandardInput.Close();
            await _node.WaitForExitAsync();
            _node.Dispose();
        }
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Both_clients_update_from_a_repository_that_grows_and_rotates_its_keys()
    {
        var (repository, ours, address) = Pair("grows");
        for (var round = 0; round < 3; round++)
        {
            repository.AddArtifact("gw100", "gw100/1/image", $"image {round}");
            if (round == 1) repository.RotateKeys("timestamp");
            if (round == 2) repository.AddKey("root");
            repository.Publish("gw100", "root", "targets", "snapshot", "timestamp");
            var answer = await Theirs(address, "gw100/1/image");
            Assert.True((bool)answer["ok"]!, (string?)answer["fault"]);
            Assert.Equal($"image {round}", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String((string)answer["content"]!)));
            Assert.Equal("", await ours.Download("gw100/1/image"));
        }
    }

    [Theory, MemberData(nameof(Hostile))]
    public async Task Both_clients_refuse_the_same_hostile_repository(string attack)
    {
        var (repository, ours, address) = Pair($"hostile-{Attacks.Keys.ToList().IndexOf(attack)}");
        var honest = await Theirs(address, "gw100/1/image");
        Assert.True((bool)honest["ok"]!, (string?)honest["fault"]);
        Assert.Equal("", await ours.Download("gw100/1/image"));
        ours.Downloads.Clear();
        foreach (var held in Directory.GetFiles(Path.Combine(address.Directory, "targets"))) File.Delete(held);
        Attacks[attack](repository);
        Assert.False((bool)(await Theirs(address, "gw100/1/image"))["ok"]!);
        Assert.NotEqual("", await ours.Download("gw100/1/image"));
        Assert.Empty(ours.Downloads);
    }

    private (RepositorySimulator Repository, SimulatedClient Ours, (string Base, string Directory) Address) Pair(string name)
    {
        var now = TimeProvider.System.GetUtcNow();
        var repository = new RepositorySimulator(now) { StatesHashes = true };
        repository.Delegate("targets", "gw100", ["gw100/*/*"], terminating: true);
        repository.AddArtifact("gw100", "gw100/1/image", "image 1");
        repository.Publish("gw100", "targets", "snapshot", "timestamp");
        repository.Publish("gw100", "targets", "snapshot", "timestamp");
        var directory = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.Combine(directory, "metadata"));
        File.WriteAllBytes(Path.Combine(directory, "metadata", "root.json"), repository.Published["root"][0]);
        return (repository, new SimulatedClient(repository, repository.Published["root"][0], new FakeTimeProvider(now)), (_server.Add(name, repository), directory));
    }

    private async Task<JsonNode> Theirs((string Base, string Directory) address, string target)
    {
        var request = new JsonObject { ["base"] = address.Base, ["dir"] = address.Directory, ["target"] = target };
        await _node!.StandardInput.WriteLineAsync(request.ToJsonString());
        await _node.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        var line = await _node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        return JsonNode.Parse(line ?? throw new InvalidOperationException("Node ended."))!;
    }

    private static void Resign(RepositorySimulator repository, string role)
    {
        repository.Roles[role].Signers.Clear();
        repository.Roles[role].Signers.Add(TestKeys.Named("stranger"));
        repository.Publish(role == "root" ? ["root"] : [.. new[] { role, "snapshot", "timestamp" }.SkipWhile(one => one != role).Distinct()]);
    }

    private static void RollBack(RepositorySimulator repository, string role)
    {
        repository.Unpublish(role);
        repository.Publish([.. new[] { role, "snapshot", "timestamp" }.SkipWhile(one => one != role).Distinct()]);
    }

    private static void Expire(RepositorySimulator repository, string role)
    {
        repository.Roles[role].Expires = repository.Expiry - TimeSpan.FromDays(31);
        repository.Publish(role == "root" ? ["root"] : [.. new[] { role, "snapshot", "timestamp" }.SkipWhile(one => one != role).Distinct()]);
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
