using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_rollback.</summary>
public class RollbackTests : RepositoryTest
{
    [Fact, Trait("conformance", "test_new_timestamp_version_rollback")]
    public async Task A_timestamp_older_than_the_stored_one_is_refused()
    {
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Unpublish("timestamp");
        Repository.Publish("timestamp");
        Assert.Equal("timestamp-rollback", await Client.Refresh());
        Assert.Equal(2, Client.Version("timestamp"));
        Assert.Equal("timestamp", Repository.Requests[^1]);
    }

    [Theory, Trait("conformance", "test_snapshot_rollback")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_timestamp_that_points_to_an_older_snapshot_is_refused(bool hashes)
    {
        Repository.StatesHashes = hashes;
        Repository.Publish("snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Unpublish("snapshot");
        Repository.Publish("snapshot", "timestamp");
        Assert.Equal("snapshot-rollback", await Client.Refresh());
        Assert.Equal("root 1, snapshot 2, targets 1, timestamp 2", Client.Trusted());
        Assert.Equal("timestamp", Repository.Requests[^1]);
    }

    [Theory, Trait("conformance", "test_targets_rollback")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_that_lists_an_older_role_is_refused(bool hashes)
    {
        Repository.StatesHashes = hashes;
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Unpublish("targets");
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("targets-rollback", await Client.Refresh());
        Assert.Equal("root 1, snapshot 2, targets 2, timestamp 3", Client.Trusted());
    }

    [Fact, Trait("conformance", "test_targets_role_removal")]
    public async Task A_snapshot_that_lost_a_role_is_refused()
    {
        Repository.Delegate("targets", "delegated", ["delegatedpath/*"]);
        Repository.Publish("delegated", "targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.SnapshotMeta.Remove("delegated");
        Repository.Publish("snapshot", "timestamp");
        Assert.Equal("targets-removed", await Client.Refresh());
        Assert.Equal(2, Client.Version("snapshot"));
    }

    [Theory, Trait("conformance", "test_targets_fast_forward_recovery, test_new_snapshot_fast_forward_recovery, test_new_timestamp_fast_forward_recovery")]
    [InlineData("targets", new[] { "snapshot" })]
    [InlineData("snapshot", new[] { "snapshot", "timestamp" })]
    [InlineData("timestamp", new[] { "timestamp" })]
    public async Task A_role_driven_far_ahead_is_brought_back_by_rotating_keys(string role, string[] rotated)
    {
        Repository.Delegate("targets", "delegated", ["delegatedpath/*"]);
        Repository.Publish("delegated");
        for (var i = 0; i < 99; i++) Repository.Publish(role);
        if (role != "timestamp") Repository.Publish("snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Assert.True(Client.Version(role) >= 100);
        foreach (var key in rotated) Repository.RotateKeys(key);
        Repository.Unpublish(role);
        Repository.SnapshotMeta.Remove("delegated");
        if (role == "snapshot") Repository.Publish("root", "targets", "snapshot", "timestamp");
        else if (role == "targets") Repository.Publish("root", "targets", "snapshot", "timestamp");
        else Repository.Publish("root", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(1, Client.Version(role));
    }

    [Fact]
    public async Task A_key_merely_added_forgets_no_version()
    {
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.AddKey("timestamp");
        Repository.Unpublish("timestamp");
        Repository.Publish("root", "timestamp");
        Assert.Equal("timestamp-rollback", await Client.Refresh());
    }
}
