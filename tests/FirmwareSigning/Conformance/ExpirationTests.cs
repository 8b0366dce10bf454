using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_expiration.</summary>
public class ExpirationTests : RepositoryTest
{
    private static readonly string[] AfterRoot = ["targets", "snapshot", "timestamp"];

    [Fact, Trait("conformance", "test_root_expired")]
    public async Task An_expired_root_is_stored_and_nothing_after_it()
    {
        Assert.Equal("", await Client.Refresh());
        Repository.Roles["root"].Expires = Day0 - TimeSpan.FromDays(1);
        Repository.Publish("root", "targets", "snapshot", "timestamp");
        Assert.Equal("root-expired", await Client.Refresh());
        Assert.Equal("root 2, snapshot 1, targets 1, timestamp 1", Client.Trusted());
    }

    [Theory, Trait("conformance", "test_timestamp_expired, test_snapshot_expired, test_targets_expired")]
    [InlineData("timestamp", "timestamp-expired", "root 1, snapshot 1, targets 1, timestamp 1")]
    [InlineData("snapshot", "snapshot-expired", "root 1, snapshot 1, targets 1, timestamp 2")]
    [InlineData("targets", "targets-expired", "root 1, snapshot 2, targets 1, timestamp 2")]
    public async Task An_expired_role_is_not_stored(string role, string fault, string trusted)
    {
        Assert.Equal("", await Client.Refresh());
        Repository.Roles[role].Expires = Day0 - TimeSpan.FromDays(5);
        Repository.Publish(AfterRoot);
        Assert.Equal(fault, await Client.Refresh());
        Assert.Equal(trusted, Client.Trusted());
    }

    [Theory]
    [InlineData("root", "root-expired")]
    [InlineData("timestamp", "timestamp-expired")]
    [InlineData("snapshot", "snapshot-expired")]
    [InlineData("targets", "targets-expired")]
    public async Task The_instant_of_expiry_is_already_too_late_and_the_second_before_is_not(string role, string fault)
    {
        Repository.Roles[role].Expires = Day0 + TimeSpan.FromDays(7);
        Repository.Publish("root", "targets", "snapshot", "timestamp");
        Clock.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
        Assert.Equal("", await Client.Refresh());
        Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(fault, await Client.Refresh());
    }

    [Fact, Trait("conformance", "test_expired_local_root, test_faketime")]
    public async Task A_device_long_asleep_comes_back_through_an_expired_root()
    {
        Repository.Roles["root"].Expires = Day0 + TimeSpan.FromDays(7);
        Repository.Publish("root");
        Assert.Equal("", await Client.Refresh());
        Repository.Roles["root"].Expires = Day0 + TimeSpan.FromDays(21);
        Repository.Publish("root");
        Clock.Advance(TimeSpan.FromDays(18)); // root 2 is expired, root 3 is not
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(3, Client.Version("root"));
    }

    [Fact, Trait("conformance", "test_expired_local_timestamp")]
    public async Task A_device_long_asleep_comes_back_through_an_expired_timestamp()
    {
        Repository.Roles["timestamp"].Expires = Day0 + TimeSpan.FromDays(7);
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Roles["timestamp"].Expires = Day0 + TimeSpan.FromDays(21);
        Repository.Publish(AfterRoot);
        Clock.Advance(TimeSpan.FromDays(18));
        Assert.Equal("", await Client.Refresh());
        Assert.Equal("root 1, snapshot 2, targets 2, timestamp 3", Client.Trusted());
    }

    [Fact]
    public async Task An_expired_timestamp_on_the_device_still_notices_a_rollback()
    {
        Repository.Roles["timestamp"].Expires = Day0 + TimeSpan.FromDays(7);
        Repository.Publish("timestamp");
        Assert.Equal("", await Client.Refresh());
        Clock.Advance(TimeSpan.FromDays(18));
        Repository.Roles["timestamp"].Expires = Day0 + TimeSpan.FromDays(30);
        Repository.Unpublish("timestamp");
        Repository.Publish("timestamp");
        Assert.Equal("timestamp-rollback", await Client.Refresh());
    }
}
