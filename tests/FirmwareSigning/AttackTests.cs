using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>Attacks on updates by their names in the literature (TUF 1.0.34 section 1.5.2), each followed by a normal update.</summary>
public class AttackTests : RepositoryTest
{
    private const string Image = "gw100/1.0.0/image.bin";

    public AttackTests()
    {
        Repository.Delegate("targets", "gw100", ["gw100/*/*"], terminating: true);
        Repository.AddArtifact("gw100", Image, "image one", Releases.Gateway("1.0.0", svn: 5).ToJson());
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
    }

    [Fact]
    public async Task Arbitrary_software_is_refused_when_no_trusted_key_signed_it()
    {
        Assert.Equal("", await Client.Refresh());
        Repository.Roles["gw100"].Signers.Clear();
        Repository.Roles["gw100"].Signers.Add(TestKeys.Named("attacker"));
        Repository.AddArtifact("gw100", Image, "evil image", Releases.Gateway("1.0.0", svn: 5).ToJson());
        Repository.Publish("gw100", "snapshot", "timestamp"); // even with the online keys in hand
        Assert.Equal("targets-threshold", await Client.Download(Image));
        Assert.Empty(Client.Downloads);
        await UpdatesNormally();
    }

    [Theory]
    [InlineData("/metadata/2.root.json")]
    [InlineData("/metadata/timestamp.json")]
    [InlineData("/metadata/2.snapshot.json")]
    [InlineData("/metadata/2.targets.json")]
    public async Task Endless_data_is_cut_off_at_the_roles_bound(string path)
    {
        var endless = new EndlessStream();
        Repository.Mirror = asked => asked == path ? new TransportAnswer(200, null, 0, endless) : null;
        Assert.Equal("fetch-length", await Client.Refresh());
        Assert.InRange(endless.Given, 1, 5_100_000);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Endless_data_in_place_of_an_image_is_cut_off_at_its_length()
    {
        var endless = new EndlessStream();
        Repository.Mirror = asked => asked.StartsWith("/targets/", StringComparison.Ordinal) ? new TransportAnswer(200, 9, 0, endless) : null;
        Assert.Equal("fetch-length", await Client.Download(Image));
        Assert.InRange(endless.Given, 1, 100);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Extraneous_dependency_a_product_key_cannot_add_a_file_outside_its_product()
    {
        Repository.AddArtifact("gw100", "gw200/1.0.0/library.bin", "extra");
        Repository.AddArtifact("gw100", "library.bin", "extra");
        Repository.Publish("gw100", "snapshot", "timestamp");
        Assert.Equal("target-absent", await Client.Download("gw200/1.0.0/library.bin"));
        Assert.Equal("target-absent", await Client.Download("library.bin"));
        await UpdatesNormally();
    }

    [Fact]
    public async Task Fast_forward_with_stolen_online_keys_is_undone_by_a_new_root()
    {
        Repository.Roles["timestamp"].Version = 1_000_000_000;
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.RotateKeys("timestamp");
        Repository.RotateKeys("snapshot");
        Repository.Unpublish("timestamp");
        Repository.Publish("root", "snapshot", "timestamp");
        await UpdatesNormally();
    }

    [Fact]
    public async Task Indefinite_freeze_ends_when_the_timestamp_expires()
    {
        Repository.Roles["timestamp"].Expires = Day0 + TimeSpan.FromDays(7);
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        var frozen = Repository.Published.ToDictionary(role => role.Key, role => role.Value.ToArray());
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
        Repository.Mirror = path => path == "/metadata/timestamp.json" ? Answer(frozen["timestamp"][^1]) : null;
        Clock.Advance(TimeSpan.FromDays(7));
        Assert.Equal("timestamp-expired", await Client.Refresh());
        Repository.Roles["timestamp"].Expires = Repository.Expiry;
        await UpdatesNormally();
    }

    [Fact]
    public async Task Malicious_mirror_that_answers_with_nonsense_changes_nothing()
    {
        Assert.Equal("", await Client.Refresh());
        foreach (var nonsense in new[] { "", "{}", "[]", "null", "<html>", "{\"signed\":{},\"signatures\":[]}", "{\"signed\":{\"_type\":\"timestamp\"},\"signatures\":[{}]}" })
        {
            Repository.Mirror = path => path == "/metadata/timestamp.json" ? Answer(System.Text.Encoding.UTF8.GetBytes(nonsense)) : null;
            Assert.NotEqual("", await Client.Refresh());
            Assert.Equal("root 1, snapshot 2, targets 2, timestamp 2", Client.Trusted());
        }
        // Nonsense for the next root is a failure, not the end of the chain: it could hide a revocation.
        Repository.Mirror = path => path == "/metadata/2.root.json" ? Answer("not json"u8.ToArray()) : null;
        Assert.Equal("json-syntax", await Client.Refresh());
        await UpdatesNormally();
    }

    [Fact]
    public async Task A_server_error_for_the_next_root_is_an_outage_and_not_the_end_of_the_chain()
    {
        Repository.Mirror = path => path == "/metadata/2.root.json" ? new TransportAnswer(500, null, 0, Stream.Null) : null;
        await Assert.ThrowsAsync<HttpRequestException>(Client.Refresh);
        Repository.Mirror = path => path == "/metadata/2.root.json" ? new TransportAnswer(302, null, 0, Stream.Null) : null;
        Assert.Equal("fetch-status", await Client.Refresh());
        Repository.Mirror = path => path == "/metadata/2.root.json" ? new TransportAnswer(403, null, 0, Stream.Null) : null;
        Assert.Equal("", await Client.Refresh());
        await UpdatesNormally();
    }

    [Fact]
    public async Task Mix_and_match_of_two_publications_is_refused()
    {
        Repository.StatesHashes = true;
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
        var old = Repository.Published["gw100"][^1];
        Assert.Equal("", await Client.Refresh());
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
        Repository.Mirror = path => path == "/metadata/3.gw100.json" ? Answer(old) : null;
        Assert.NotEqual("", await Client.Download(Image));
        Assert.Empty(Client.Downloads);
        await UpdatesNormally();
    }

    [Theory]
    [InlineData("timestamp", "timestamp-rollback")]
    [InlineData("snapshot", "snapshot-rollback")]
    [InlineData("targets", "targets-rollback")]
    [InlineData("gw100", "targets-rollback")]
    public async Task Rollback_of_a_role_is_refused(string role, string fault)
    {
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Unpublish(role);
        Repository.Publish(role);
        if (role is not "timestamp")
        {
            if (role is not "snapshot") Repository.Publish("snapshot");
            Repository.Publish("timestamp");
        }
        Assert.Equal(fault, await Client.Refresh());
        // The honest repository is where it was, one publication further on.
        Repository.Unpublish(role, nextVersion: 10);
        for (var i = 0; i < 9; i++) Repository.Serve(role, []);
        foreach (var next in new[] { role, "snapshot", "timestamp" }.Distinct()) Repository.Publish(next);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Rollback_of_root_is_refused()
    {
        Repository.Publish("root");
        Assert.Equal("", await Client.Refresh());
        Repository.Published["root"].Add(Repository.Published["root"][0]); // root 1, served as 3
        Assert.Equal("root-version", await Client.Refresh());
        Assert.Equal(2, Client.Version("root"));
        Repository.Published["root"].RemoveAt(2);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Key_compromise_below_the_threshold_ships_nothing()
    {
        // The product's role needs two keys; the thief has one.
        var (mine, theirs) = (TestKeys.Named("engineer"), TestKeys.Named("pipeline"));
        Repository.Roles["targets"].Delegations.Clear();
        Repository.Roles["targets"].Delegations.Add(FirmwareSigning.Repository.Draft.Product("gw100", [mine.Key, theirs.Key], 2));
        Repository.Roles["gw100"].Signers.Clear();
        Repository.Roles["gw100"].Signers.AddRange([mine, theirs]);
        Repository.Publish("gw100", "targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Download(Image));
        Repository.Roles["gw100"].Signers.Remove(mine);
        Repository.AddArtifact("gw100", "gw100/6.6.6/image.bin", "evil");
        Repository.Publish("gw100", "snapshot", "timestamp");
        Assert.Equal("targets-threshold", await Client.Download("gw100/6.6.6/image.bin"));
        Repository.Roles["gw100"].Signers.Add(mine);
        Repository.Roles["gw100"].Files.Remove("gw100/6.6.6/image.bin");
        Repository.Publish("gw100", "snapshot", "timestamp");
        await UpdatesNormally();
    }

    [Fact]
    public async Task Root_rotation_not_signed_by_the_old_root_is_refused()
    {
        Repository.RootKeys["root"].Keys.Clear();
        Repository.Roles["root"].Signers.Clear();
        Repository.AddKey("root", TestKeys.Named("attacker"));
        Repository.Publish("root");
        Assert.Equal("root-threshold-old", await Client.Refresh());
        Assert.Equal(1, Client.Version("root"));
        Repository.Published["root"].RemoveAt(1);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Swapped_target_is_refused()
    {
        Repository.Artifacts[Image] = "image two"u8.ToArray();
        Assert.Equal("target-hash", await Client.Download(Image));
        Assert.Empty(Client.Downloads);
        await UpdatesNormally();
    }

    [Fact]
    public async Task Truncated_download_is_refused()
    {
        Repository.Artifacts[Image] = "image o"u8.ToArray();
        Assert.Equal("fetch-short", await Client.Download(Image));
        Assert.Empty(Client.Downloads);
        await UpdatesNormally();
    }

    [Fact]
    public async Task One_key_counted_twice_does_not_meet_a_threshold()
    {
        var key = Repository.Roles["snapshot"].Signers[0];
        Assert.True(PublicKey.Parse(key.Key.Json.With("x-note", "again"), "key").TryGet(out var alias, out _));
        Assert.NotEqual(key.Key.KeyId, alias.KeyId);
        Assert.Equal(key.Key.Material, alias.Material);
        Repository.RootKeys["snapshot"].Keys.Add(alias);
        Repository.SetThreshold("snapshot", 2);
        Repository.Publish("root", "snapshot", "timestamp");
        Assert.True(Envelope.Read(Repository.Published["snapshot"][^1]).TryGet(out var envelope, out _));
        var signature = envelope.Signatures[key.Key.KeyId];
        Repository.Published["snapshot"][^1] = SignedFile.Assemble(envelope.Signed, new Dictionary<string, byte[]> { [key.Key.KeyId] = signature, [alias.KeyId] = signature });
        Assert.Equal("snapshot-threshold", await Client.Refresh());
        Repository.SetThreshold("snapshot", 1);
        Repository.Publish("root", "snapshot", "timestamp");
        await UpdatesNormally();
    }

    [Theory]
    [InlineData("/metadata/timestamp.json")]
    [InlineData("/targets/")]
    public async Task Slow_retrieval_is_given_up(string path)
    {
        // A byte a second: never silent, and never done.
        Repository.Mirror = asked => asked.StartsWith(path, StringComparison.Ordinal) ? new TransportAnswer(200, null, 0, new DripStream(Clock)) : null;
        var pending = Client.Download(Image);
        for (var second = 0; second < 30 && !pending.IsCompleted; second++)
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            for (var turn = 0; turn < 50 && !pending.IsCompleted; turn++) await Task.Yield();
        }
        Assert.Equal("fetch-slow", await pending.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Empty(Client.Downloads);
        await UpdatesNormally();
    }

    [Theory]
    [InlineData("gw200", "gw100-r2", 4, "update-product")]
    [InlineData("gw100", "gw100-r9", 4, "update-hardware")]
    public async Task Wrong_software_or_hardware_is_refused_under_good_signatures(string product, string hardware, int svn, string fault) =>
        await RefusesThenInstalls(Releases.Gateway("1.0.0", svn, slotBytes: 1000) with { Product = product, Hardware = [hardware] }, fault);

    [Fact]
    public async Task An_authorised_but_older_image_is_refused_by_the_device()
    {
        await RefusesThenInstalls(Releases.Gateway("1.0.0", SimulatedDevice.OldSvn - 1, slotBytes: 1000), "update-svn");
        var identity = new DeviceIdentity("gw100", "gw100-r2");
        var file = Repository.Roles["gw100"].Files[Image];
        Assert.Null(identity.Judge(Image, file, 1000, minimumSvn: 5).Fault);
        Assert.Equal("update-svn", identity.Judge(Image, file, 1000, minimumSvn: 6).Fault?.Code);
    }

    // The whole device: what it was offered changes nothing, and the next honest release is installed, confirmed and reported.
    private static async Task RefusesThenInstalls(Release record, string fault)
    {
        var device = new SimulatedDevice(ImageHealth.Good, CutStyle.Lost);
        device.Boot.Boot();
        var updater = device.NewUpdater();
        updater.Start();
        Assert.Equal(fault, updater.Offer(Image, new TargetFile(9, Hashes.Of("image one"u8), record.ToJson()))?.Code);
        Assert.Equal(UpdateStage.Idle, updater.Record.Stage);
        Assert.InRange(await device.LiveUntilSettled(), 1, 5);
        Assert.True(device.RunsNew);
        Assert.Equal([UpdateOutcome.Succeeded], device.Delivered.Select(report => report.Outcome));
        // What was current before is now the older image.
        updater = device.NewUpdater();
        updater.Start();
        var older = Releases.Gateway("1.0.0", SimulatedDevice.OldSvn, slotBytes: 1000);
        Assert.Equal("update-svn", updater.Offer(Image, new TargetFile(9, Hashes.Of("image one"u8), older.ToJson()))?.Code);
    }

    private static TransportAnswer Answer(byte[] body) => new(200, body.Length, 0, new MemoryStream(body));

    private sealed class DripStream(TimeProvider clock) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), clock, cancellationToken);
            buffer.Span[0] = 1;
            return 1;
        }
    }

    private sealed class EndlessStream : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Given += count;
            return count;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Given += buffer.Length;
            return new(buffer.Length);
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>Release records the tests use.</summary>
internal static class Releases
{
    public static Release Gateway(string version, int svn, long slotBytes = 64) =>
        new("gw100", ["gw100-r1", "gw100-r2"], version, svn, slotBytes, "notes\nof two lines", new string('a', 64), new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero));
}
