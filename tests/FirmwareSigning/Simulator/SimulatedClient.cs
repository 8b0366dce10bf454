using Microsoft.Extensions.Time.Testing;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>A device's metadata side, in memory, on a clock the test moves.</summary>
internal sealed class SimulatedClient
{
    private readonly ITransport _transport;

    public SimulatedClient(ITransport transport, byte[]? root, FakeTimeProvider clock, MemoryFiles? files = null)
    {
        _transport = transport;
        Clock = clock;
        Files = files ?? new MemoryFiles();
        Store = new MetadataStore(Files);
        if (root is not null) Store.Keep("root", root);
    }

    public FakeTimeProvider Clock { get; }

    public MemoryFiles Files { get; }

    public MetadataStore Store { get; }

    public BoundedFetch Fetch => new(_transport, FetchLimits.Default, Clock);

    public static RepositoryAddress Address { get; } = new(new Uri("http://repository.test/metadata/"), new Uri("http://repository.test/targets/"));

    /// <summary>Files downloaded by this client, by target name.</summary>
    public Dictionary<string, byte[]> Downloads { get; } = [];

    public Task<Parsed<RepositorySession>> Session() =>
        RepositorySession.Refresh(Store, Fetch, Address, Clock.GetUtcNow(), TestContext.Current.CancellationToken);

    /// <returns>The fault's code, or an empty text.</returns>
    public async Task<string> Refresh() => (await Session()).Fault?.Code ?? "";

    /// <summary>Refreshes, then downloads targets in order within one session.</summary>
    public async Task<string> Download(params string[] names)
    {
        if (!(await Session()).TryGet(out var session, out var fault)) return fault.Code;
        foreach (var name in names)
        {
            if (!(await session.Find(name, TestContext.Current.CancellationToken)).TryGet(out var file, out fault)) return fault.Code;
            if (!file.Hashes.AreUsable) return "hash-unknown";
            if (Downloads.TryGetValue(name, out var held) && held.Length == file.Length && file.Hashes.Match(held)) continue;
            var content = new MemoryStream();
            fault = await Fetch.ReadRest(session.AddressOf(name, file), 0, file.Length, chunk =>
            {
                content.Write(chunk.Span);
                return null;
            }, TestContext.Current.CancellationToken);
            if (fault is not null) return fault.Code;
            if (!file.Hashes.Match(content.ToArray())) return "target-hash";
            Downloads[name] = content.ToArray();
        }
        return "";
    }

    /// <summary>The stored version of a role, or 0.</summary>
    public long Version(string role) =>
        Store.Read(role, Targets.WireBytesMax) is { } file && Envelope.Read(file).TryGet(out var envelope, out _) && envelope.Signed.Find("version") is JsonInteger version
            ? version.Number
            : 0;

    /// <summary>Stored roles and versions, for example <c>root 2, timestamp 1</c>.</summary>
    public string Trusted() => string.Join(", ", new[] { "root", "snapshot", "targets", "timestamp" }.Where(role => Version(role) > 0).Select(role => $"{role} {Version(role)}"));
}
