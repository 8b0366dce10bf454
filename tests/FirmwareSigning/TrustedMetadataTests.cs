using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>The workflow class by itself: its order is a contract with the caller, not with the server.</summary>
public class TrustedMetadataTests : RepositoryTest
{
    [Fact]
    public void Steps_out_of_order_are_bugs_and_not_refusals()
    {
        Assert.True(TrustedMetadata.Begin(Repository.Published["root"][0], Day0).TryGet(out var trusted, out _));
        Assert.Throws<InvalidOperationException>(() => trusted.TakeTimestamp(Repository.Published["timestamp"][0]));
        Assert.Null(trusted.FinishRoot());
        Assert.Throws<InvalidOperationException>(() => trusted.TakeRoot(Repository.Published["root"][0]));
        Assert.Throws<InvalidOperationException>(() => trusted.TakeSnapshot(Repository.Published["snapshot"][0], Origin.Server));
        Assert.Null(trusted.TakeTimestamp(Repository.Published["timestamp"][0]).Fault);
        Assert.Throws<InvalidOperationException>(() => trusted.TakeTargets(Repository.Published["targets"][0]));
        Assert.Null(trusted.TakeSnapshot(Repository.Published["snapshot"][0], Origin.Server).Fault);
        Assert.Null(trusted.TakeTargets(Repository.Published["targets"][0]).Fault);
    }

    [Fact]
    public void A_refused_file_changes_nothing_and_the_same_timestamp_is_told_apart_from_a_rollback()
    {
        Repository.Publish("timestamp");
        Assert.True(TrustedMetadata.Begin(Repository.Published["root"][0], Day0).TryGet(out var trusted, out _));
        Assert.Null(trusted.FinishRoot());
        Assert.Null(trusted.TakeTimestamp(Repository.Published["timestamp"][1]).Fault);
        var before = trusted.Timestamp;
        Assert.Equal("timestamp-same", trusted.TakeTimestamp(Repository.Published["timestamp"][1]).Fault?.Code);
        Assert.Equal("timestamp-rollback", trusted.TakeTimestamp(Repository.Published["timestamp"][0]).Fault?.Code);
        Assert.Equal("json-syntax", trusted.TakeTimestamp("x"u8.ToArray()).Fault?.Code);
        Assert.Same(before, trusted.Timestamp);
    }
}
