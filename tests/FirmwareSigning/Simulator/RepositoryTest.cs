using Microsoft.Extensions.Time.Testing;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>One repository and one device that was made with its first root.</summary>
public abstract class RepositoryTest
{
    private SimulatedClient? _client;

    protected static readonly DateTimeOffset Day0 = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private protected RepositoryTest() => Repository = new RepositorySimulator(Day0);

    private protected FakeTimeProvider Clock { get; } = new(Day0);

    private protected RepositorySimulator Repository { get; }

    /// <summary>Made at first use, so a test can change root 1 before.</summary>
    private protected SimulatedClient Client => _client ??= new SimulatedClient(Repository, Repository.Published["root"][0], Clock);

    /// <summary>After an attack: the same device updates normally from an honest repository.</summary>
    private protected async Task UpdatesNormally()
    {
        Repository.Mirror = _ => null;
        var name = $"after-attack-{Repository.Artifacts.Count}.bin";
        Repository.AddArtifact("targets", name, "good");
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Download(name));
        Assert.Equal("good"u8.ToArray(), Client.Downloads[name]);
    }
}
