using System.Text;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the public conformance suite's test_basic, in process. The trait names the suite's case.</summary>
public class BasicTests : RepositoryTest
{
    private static readonly string[] All = ["root", "targets", "snapshot", "timestamp"];

    [Fact, Trait("conformance", "test_basic_refresh_requests")]
    public async Task A_refresh_asks_for_four_files_and_nothing_else()
    {
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(["2.root", "timestamp", "1.snapshot", "1.targets"], Repository.Requests);
    }

    [Fact, Trait("conformance", "test_basic_refresh_trusted_data, test_metadata_bytes_match")]
    public async Task The_store_holds_the_very_bytes_received()
    {
        // White space after the document is legal, unsigned, and must be kept: lengths and digests are of the file.
        Repository.Published["timestamp"][0] = [.. Repository.Published["timestamp"][0], (byte)' '];
        Assert.Equal("", await Client.Refresh());
        foreach (var role in All) Assert.Equal(Repository.Published[role][^1], Client.Store.Read(role, 1_000_000));
    }

    [Fact, Trait("conformance", "test_implicit_refresh")]
    public async Task A_missing_target_is_refused_after_a_whole_refresh()
    {
        Assert.Equal("target-absent", await Client.Download("nonexistent artifact"));
        Assert.Equal("root 1, snapshot 1, targets 1, timestamp 1", Client.Trusted());
    }

    [Fact, Trait("conformance", "test_invalid_initial_root")]
    public async Task A_damaged_first_root_stops_everything_before_the_first_request()
    {
        var root = Encoding.UTF8.GetString(Repository.Published["root"][0]).Replace("\"version\":1", "\"verson\":1", StringComparison.Ordinal);
        var client = new SimulatedClient(Repository, Encoding.UTF8.GetBytes(root), Clock);
        Assert.Equal("field-missing", await client.Refresh());
        Assert.Empty(Repository.Requests);
    }

    [Fact, Trait("conformance", "test_unsigned_initial_root")]
    public async Task A_first_root_with_a_foreign_signature_stops_everything_before_the_first_request()
    {
        Repository.Roles["root"].Signers.Clear();
        Repository.Roles["root"].Signers.Add(TestKeys.Named("stranger"));
        var client = new SimulatedClient(Repository, Repository.Sign("root"), Clock);
        Assert.Equal("root-threshold", await client.Refresh());
        Assert.Empty(Repository.Requests);
        var none = new SimulatedClient(Repository, null, Clock);
        Assert.Equal("root-missing", await none.Refresh());
    }

    [Theory, Trait("conformance", "test_unsigned_metadata")]
    [InlineData("root", "root-threshold-old", "root 1")]
    [InlineData("timestamp", "timestamp-threshold", "root 2")]
    [InlineData("snapshot", "snapshot-threshold", "root 2, timestamp 2")]
    [InlineData("targets", "targets-threshold", "root 2, snapshot 2, timestamp 2")]
    public async Task An_unsigned_role_is_refused_and_what_came_before_it_is_kept(string role, string fault, string trusted)
    {
        Repository.Roles[role].Signers.Clear();
        Repository.Publish(All);
        Assert.Equal(fault, await Client.Refresh());
        Assert.Equal(trusted, Client.Trusted());
    }

    [Theory, Trait("conformance", "test_url_and_metadata_version_mismatch")]
    [InlineData("root", "root-version", "root 1")]
    [InlineData("snapshot", "fetch-absent", "root 2, timestamp 2")]
    [InlineData("targets", "fetch-absent", "root 2, snapshot 2, timestamp 2")]
    public async Task A_file_whose_version_is_not_the_one_asked_for_is_refused(string role, string fault, string trusted)
    {
        Repository.Roles[role].Version++; // the file will say 3 where 2 is served
        Repository.Publish(All);
        Assert.Equal(fault, await Client.Refresh());
        Assert.Equal(trusted, Client.Trusted());
    }

    [Theory, Trait("conformance", "test_url_and_metadata_version_mismatch")]
    [InlineData("snapshot", "snapshot-version")]
    [InlineData("targets", "targets-version")]
    public async Task A_file_served_under_another_version_is_refused(string role, string fault)
    {
        Assert.Equal("", await Client.Refresh());
        Repository.Publish(All);
        Repository.Published[role][1] = Repository.Published[role][0]; // version 1 again, honestly signed
        Assert.Equal(fault, await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_timestamp_content_changes")]
    public async Task Another_timestamp_of_the_same_version_changes_nothing()
    {
        Assert.Equal("", await Client.Refresh());
        Repository.TimestampMeta = new MetaFile(100, null, null);
        Repository.Unpublish("timestamp");
        Repository.Publish("timestamp");
        Repository.Requests.Clear();
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(["2.root", "timestamp"], Repository.Requests);
    }

    [Fact, Trait("conformance", "test_basic_metadata_hash_support")]
    public async Task Stated_lengths_and_digests_that_fit_are_accepted()
    {
        Repository.StatesHashes = true;
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
    }

    [Theory, Trait("conformance", "test_targets_hash_mismatch, test_snapshot_hash_mismatch")]
    [InlineData("targets", "root 1, snapshot 2, targets 1, timestamp 2")]
    [InlineData("snapshot", "root 1, snapshot 1, targets 1, timestamp 2")]
    public async Task A_file_that_has_not_the_stated_digest_is_refused(string role, string trusted)
    {
        Assert.Equal("", await Client.Refresh());
        Repository.StatesHashes = true;
        Repository.Publish("targets");
        if (role == "targets") Repository.SnapshotMeta["targets"] = Repository.SnapshotMeta["targets"] with { Hashes = Hashes.Of("other"u8) };
        Repository.Publish("snapshot");
        if (role == "snapshot") Repository.TimestampMeta = Repository.TimestampMeta with { Hashes = Hashes.Of("other"u8) };
        Repository.Publish("timestamp");
        Assert.Equal("metadata-hash", await Client.Refresh());
        Assert.Equal(trusted, Client.Trusted());
    }

    [Fact]
    public async Task A_file_shorter_than_stated_is_refused_for_its_length()
    {
        Repository.StatesHashes = true;
        Repository.Publish("targets", "snapshot");
        Repository.TimestampMeta = Repository.TimestampMeta with { Length = Repository.TimestampMeta.Length + 1 };
        Repository.Publish("timestamp");
        Assert.Equal("metadata-length", await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_custom_fields, test_deprecated_keyid_hash_algorithms")]
    public async Task Members_nobody_defined_are_covered_by_signatures_and_do_no_harm()
    {
        Repository.Roles["root"].Edit = root => root
            .With("custom-field", "value")
            .With("roles", ((JsonObject)root.Find("roles")!).With("root", ((JsonObject)((JsonObject)root.Find("roles")!).Find("root")!).With("another-field", "value")));
        Repository.Publish("root");
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(2, Client.Version("root"));
    }

    [Theory, Trait("conformance", "test_snapshot_404, test_targets_404")]
    [InlineData("snapshot", "root 1, snapshot 1, targets 1, timestamp 2")]
    [InlineData("targets", "root 1, snapshot 2, targets 1, timestamp 2")]
    public async Task A_listed_file_that_is_not_there_fails_the_refresh(string role, string trusted)
    {
        Assert.Equal("", await Client.Refresh());
        if (role == "targets") Repository.SnapshotMeta["targets"] = new MetaFile(2, null, null);
        if (role == "targets") Repository.Publish("snapshot");
        else Repository.TimestampMeta = new MetaFile(2, null, null);
        Repository.Publish("timestamp");
        Assert.Equal("fetch-absent", await Client.Refresh());
        Assert.Equal($"2.{role}", Repository.Requests[^1]);
        Assert.Equal(trusted, Client.Trusted());
    }

    [Fact, Trait("conformance", "test_timestamp_404")]
    public async Task Without_a_timestamp_there_is_no_refresh()
    {
        Assert.Equal("", await Client.Refresh());
        Repository.Published.Remove("timestamp");
        Assert.Equal("fetch-absent", await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_incorrect_metadata_type")]
    public async Task A_snapshot_signed_by_the_timestamps_key_is_no_timestamp()
    {
        var timestampKey = Repository.Roles["timestamp"].Signers[0];
        Repository.AddKey("snapshot", timestampKey);
        Repository.Publish("root");
        Repository.SnapshotMeta.Clear();
        Repository.SnapshotMeta["snapshot"] = new MetaFile(1, null, null);
        Repository.Roles["snapshot"].Version = 1;
        Repository.Publish("snapshot");
        Repository.Published["timestamp"].Add(Repository.Published["snapshot"][^1]);
        Assert.Equal("metadata-type", await Client.Refresh());
        Assert.Equal("root 2", Client.Trusted());
    }
}
