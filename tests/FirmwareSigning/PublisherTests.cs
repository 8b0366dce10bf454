using Microsoft.Extensions.Time.Testing;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>A container that may fail at any call, before or after the write landed.</summary>
internal sealed class MemoryRepository : IRepositoryFiles, ITransport
{
    private readonly Dictionary<string, (byte[] Content, int Tag)> _files = [];
    private int _writes;

    public int Writes => _writes;

    /// <summary>The write that fails; 0 never.</summary>
    public int FailAt { get; set; }

    public bool FailsAfterLanding { get; set; }

    /// <summary>Runs before the swap of the timestamp: another publisher.</summary>
    public Func<Task>? Rival { get; set; }

    public IEnumerable<string> Names => _files.Keys;

    public Task<StoredFile?> Read(string name, CancellationToken cancel) =>
        Task.FromResult(_files.TryGetValue(name, out var file) ? new StoredFile(file.Content, $"{file.Tag}") : null);

    public Task<bool> Create(string name, ReadOnlyMemory<byte> content, CancellationToken cancel) =>
        Write(() => _files.TryAdd(name, (content.ToArray(), 0)));

    public async Task<bool> Swap(string name, ReadOnlyMemory<byte> content, string? tag, CancellationToken cancel)
    {
        if (Rival is { } rival)
        {
            Rival = null;
            await rival();
        }
        return await Write(() =>
        {
            var present = _files.TryGetValue(name, out var file);
            if ((present ? $"{file.Tag}" : null) != tag) return false;
            _files[name] = (content.ToArray(), file.Tag + 1);
            return true;
        });
    }

    public Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        var name = uri.AbsolutePath["/metadata/".Length..];
        return Task.FromResult(_files.TryGetValue(name, out var file)
            ? new TransportAnswer(200, file.Content.Length, 0, new MemoryStream(file.Content))
            : new TransportAnswer(404, null, 0, Stream.Null));
    }

    private Task<bool> Write(Func<bool> write)
    {
        var fails = ++_writes == FailAt;
        if (fails && !FailsAfterLanding) throw new IOException("outage");
        var done = write();
        if (fails) throw new IOException("outage after landing");
        return Task.FromResult(done);
    }
}

public class PublisherTests
{
    private static readonly DateTimeOffset Day0 = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _clock = new(Day0);
    private readonly FileKey _root = TestKeys.Named("p-root"), _targets = TestKeys.Named("p-targets"), _snapshot = TestKeys.Named("p-snapshot");
    private readonly FileKey _timestamp = TestKeys.Named("p-timestamp"), _pipeline = TestKeys.Named("p-pipeline"), _engineer = TestKeys.Named("p-engineer");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_crash_at_any_write_leaves_the_old_publication_or_the_new_one_whole_and_the_retry_completes_it()
    {
        var writes = 0;
        foreach (var landing in new[] { false, true })
        {
            for (var failAt = 1; ; failAt++)
            {
                var container = new MemoryRepository();
                await First(container);
                var release = await ProductRole(2, "gw100/1.0.0/image.bin");
                var before = container.Writes;
                (container.FailAt, container.FailsAfterLanding) = (before + failAt, landing);
                var failed = false;
                try
                {
                    Assert.Null((await Publisher(container).Publish(Change.Of(("gw100", release)), Token)).Fault);
                }
                catch (IOException)
                {
                    failed = true;
                }
                container.FailAt = 0;
                Assert.Contains(await Lookup(container, "gw100/1.0.0/image.bin"), new[] { "", "target-absent" }); // never a mix, never a failed refresh
                Assert.Null((await Publisher(container).Publish(Change.Of(("gw100", release)), Token)).Fault);
                Assert.Equal("", await Lookup(container, "gw100/1.0.0/image.bin"));
                writes++;
                if (!failed) break;
            }
        }
        Assert.Equal(2 * (3 + 1), writes); // role, snapshot, timestamp; and the undisturbed run
    }

    [Fact]
    public async Task Two_publishers_at_once_lose_no_release()
    {
        var container = new MemoryRepository();
        await First(container, "gw100", "gw200");
        container.Rival = async () => Assert.Null((await Publisher(container).Publish(Change.Of(("gw200", await ProductRole(2, "gw200/1.0.0/b"))), Token)).Fault);
        Assert.Null((await Publisher(container).Publish(Change.Of(("gw100", await ProductRole(2, "gw100/1.0.0/a"))), Token)).Fault);
        Assert.Equal("", await Lookup(container, "gw100/1.0.0/a"));
        Assert.Equal("", await Lookup(container, "gw200/1.0.0/b"));
    }

    [Fact]
    public async Task A_publisher_that_always_loses_gives_up()
    {
        var container = new MemoryRepository();
        await First(container);
        container.Rival = Again;

        async Task Again()
        {
            container.Rival = null;
            await Publisher(container).Publish(Change.Refresh, Token);
            container.Rival = Again;
        }

        Assert.Equal("publish-conflict", (await Publisher(container).Publish(Change.Refresh, Token)).Fault?.Code);
    }

    [Fact]
    public async Task A_role_signed_below_its_threshold_is_not_published()
    {
        var container = new MemoryRepository();
        await First(container);
        var alone = Signed(Draft.Targets(2, Day0.AddDays(90), new Dictionary<string, TargetFile>(), []), _pipeline);
        Assert.Equal("targets-threshold", (await Publisher(container).Publish(Change.Of(("gw100", await alone)), Token)).Fault?.Code);
        Assert.Equal("target-absent", await Lookup(container, "anything"));
    }

    [Fact]
    public async Task An_old_or_conflicting_version_is_refused()
    {
        var container = new MemoryRepository();
        await First(container);
        Assert.Null((await Publisher(container).Publish(Change.Of(("gw100", await ProductRole(3, "gw100/3/a"))), Token)).Fault);
        Assert.Equal("publish-stale", (await Publisher(container).Publish(Change.Of(("gw100", await ProductRole(2, "gw100/2/a"))), Token)).Fault?.Code);
        Assert.Equal("publish-stale", (await Publisher(container).Publish(Change.Of(("gw100", await ProductRole(3, "gw100/3/b"))), Token)).Fault?.Code);
        await container.Create("4.gw100.json", "orphan"u8.ToArray(), Token);
        Assert.Equal("publish-conflict", (await Publisher(container).Publish(Change.Of(("gw100", await ProductRole(4, "gw100/4/a"))), Token)).Fault?.Code);
        Assert.Equal("publish-root", (await Publisher(new MemoryRepository()).Publish(Change.Refresh, Token)).Fault?.Code);
    }

    [Fact]
    public async Task A_daily_refresh_signs_the_timestamp_and_the_snapshot_only_when_it_grows_old()
    {
        var container = new MemoryRepository();
        await First(container);
        for (var day = 1; day <= 40; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
            Assert.True((await Publisher(container).Publish(Change.Refresh, Token)).TryGet(out var published, out _));
            Assert.Equal(1 + day, published.TimestampVersion);
            Assert.Equal("target-absent", await Lookup(container, "x"));
        }
        Assert.Equal(3, container.Names.Count(name => name.EndsWith(".snapshot.json", StringComparison.Ordinal))); // renewed from day 15 left on
        _clock.Advance(TimeSpan.FromDays(6)); // six days of outage strand nobody
        Assert.Equal("target-absent", await Lookup(container, "x"));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal("timestamp-expired", await Lookup(container, "x"));
        Assert.Null((await Publisher(container).Publish(Change.Refresh, Token)).Fault); // and an expired repository comes back
        Assert.Equal("target-absent", await Lookup(container, "x"));
    }

    [Fact]
    public async Task A_root_that_revokes_an_online_key_is_published_with_new_signatures_and_devices_follow()
    {
        var container = new MemoryRepository();
        await First(container);
        var client = new SimulatedClient(container, (await container.Read("1.root.json", Token))!.Content.ToArray(), _clock);
        Assert.Equal("", await client.Refresh());
        var (newTimestamp, newSnapshot) = (TestKeys.Named("p-timestamp-2"), TestKeys.Named("p-snapshot-2"));
        var root2 = await Signed(RootDraft(2, newSnapshot, newTimestamp), _root);
        var publisher = new Publisher(container, newSnapshot, newTimestamp, PublishPolicy.Default, _clock);
        Assert.Equal("timestamp-threshold", (await Publisher(container).Publish(new Change(new Dictionary<string, byte[]>(), root2, []), Token)).Fault?.Code);
        Assert.Null((await publisher.Publish(new Change(new Dictionary<string, byte[]>(), root2, []), Token)).Fault);
        Assert.Equal("", await client.Refresh());
        Assert.Equal(2, client.Version("root"));
        Assert.Null((await publisher.Publish(Change.Refresh, Token)).Fault);
        Assert.Equal("", await client.Refresh());
    }

    private Publisher Publisher(MemoryRepository container) => new(container, _snapshot, _timestamp, PublishPolicy.Default, _clock);

    private async Task First(MemoryRepository container, params string[] products)
    {
        if (products.Length == 0) products = ["gw100"];
        var delegations = products.Select(product => Draft.Product(product, [_pipeline.Key, _engineer.Key], 2)).ToList();
        var targets = await Signed(Draft.Targets(1, Day0.AddDays(365), new Dictionary<string, TargetFile>(), delegations), _targets);
        var roles = products.Select(product => (product, ProductRole(1).Result)).Append(("targets", targets));
        var root = await Signed(RootDraft(1, _snapshot, _timestamp), _root);
        Assert.Null((await Publisher(container).Publish(Change.Of(roles) with { Root = root }, Token)).Fault);
    }

    private Trust.Json.JsonObject RootDraft(long version, FileKey snapshot, FileKey timestamp) => Draft.Root(version, Day0.AddDays(365), new Dictionary<string, RoleDraft>
    {
        ["root"] = new([_root.Key], 1),
        ["targets"] = new([_targets.Key], 1),
        ["snapshot"] = new([snapshot.Key], 1),
        ["timestamp"] = new([timestamp.Key], 1),
    });

    private Task<byte[]> ProductRole(long version, params string[] names) => Signed(
        Draft.Targets(version, Day0.AddDays(90), names.ToDictionary(name => name, _ => new TargetFile(1, Hashes.Of("x"u8), Releases.Gateway("1.0.0", 1).ToJson())), []), _pipeline, _engineer);

    private static async Task<byte[]> Signed(Trust.Json.JsonObject draft, params IDigestSigner[] signers)
    {
        Assert.True((await SignedFile.Create(draft, signers, Token)).TryGet(out var file, out _));
        return file;
    }

    private async Task<string> Lookup(MemoryRepository container, string name)
    {
        var client = new SimulatedClient(container, (await container.Read("1.root.json", Token))!.Content.ToArray(), _clock);
        if (!(await client.Session()).TryGet(out var session, out var fault)) return fault.Code;
        return (await session.Find(name, Token)).Fault?.Code ?? "";
    }
}
