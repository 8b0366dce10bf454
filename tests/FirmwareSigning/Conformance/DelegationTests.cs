using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_updater_delegation_graphs and test_quoting_issues.</summary>
public class DelegationTests : RepositoryTest
{
    /// <summary>Edges as <c>delegator&gt;role[!][:pattern]</c> (! is terminating), and the roles asked for, in order.</summary>
    public static TheoryData<string, string, string> Graphs() => new()
    {
        { "basic-delegation", "targets>A", "A" },
        { "single-level-delegations", "targets>A targets>B", "A B" },
        { "two-level-delegations", "targets>A targets>B B>C", "A B C" },
        { "two-level-test-DFS-order-of-traversal", "targets>A targets>B A>C A>D", "A C D B" },
        { "three-level-delegation-test-DFS-order-of-traversal", "targets>A targets>B A>C C>D", "A C D B" },
        { "two-level-terminating-ignores-all-but-roles-descendants", "targets>A targets>B A>C! A>D", "A C" },
        { "three-level-terminating-ignores-all-but-roles-descendants", "targets>A targets>B A>C! C>D", "A C D" },
        { "two-level-ignores-all-branches-not-matching-paths", "targets>A:*.py targets>B A>C", "B" },
        { "three-level-ignores-all-branches-not-matching-paths", "targets>A targets>B A>C:*.py C>D", "A B" },
        { "cyclic-graph", "targets>A targets>B B>C C>D D>B", "A B C D" },
        { "two-roles-delegating-to-a-third", "targets>A targets>B B>C A>C", "A C B" },
        { "two-roles-delegating-to-a-third-different-paths", "targets>A targets>B B>C A>C:*.py", "A B C" },
    };

    [Theory, MemberData(nameof(Graphs)), Trait("conformance", "test_graph_traversal")]
    public async Task Delegations_are_searched_in_preorder(string name, string edges, string visited)
    {
        Assert.NotEmpty(name);
        var roles = new List<string>();
        foreach (var edge in edges.Split(' '))
        {
            var (delegator, rest) = (edge[..edge.IndexOf('>', StringComparison.Ordinal)], edge[(edge.IndexOf('>', StringComparison.Ordinal) + 1)..]);
            var parts = rest.Split(':');
            var role = parts[0].TrimEnd('!');
            Repository.Delegate(delegator, role, [parts.Length > 1 ? parts[1] : "*"], terminating: parts[0].EndsWith('!'), key: TestKeys.Named("graph"));
            if (!roles.Contains(role)) roles.Add(role);
        }
        Repository.Publish([.. roles, "targets", "snapshot", "timestamp"]);
        Assert.Equal("target-absent", await Client.Download("missingpath"));
        Assert.Equal(visited.Split(' ').Select(role => $"1.{role}"), Repository.Requests.Skip(4));
    }

    public static TheoryData<string, bool, string> Lookups() => new()
    {
        { "targetfile", true, "" },
        { "README.md", true, "A" },
        { "releases/x/x_v1", true, "B C" },
        { "releases/y/y_v1.zip", true, "B D" },
        { "releases/z/z_v1.zip", false, "B" },
        { "releases/README.md", false, "" },
        { "foo-1.tgz", true, "A" },
        { "foo-alpha.tgz", false, "" },
        { "README.MD", false, "" },
    };

    [Theory, MemberData(nameof(Lookups)), Trait("conformance", "test_targetfile_search")]
    public async Task A_target_is_found_only_where_every_delegation_on_the_way_covers_it(string target, bool found, string visited)
    {
        Repository.Delegate("targets", "A", ["*.doc", "*.md", "foo-?.tgz"]);
        Repository.Delegate("targets", "B", ["releases/*/*"]);
        Repository.Delegate("B", "C", ["releases/x/*"]);
        Repository.Delegate("B", "D", ["releases/y/*.zip"]);
        foreach (var (role, name) in new[] { ("targets", "targetfile"), ("A", "README.md"), ("A", "releases/README.md"), ("A", "foo-1.tgz"), ("A", "foo-alpha.tgz"), ("C", "releases/x/x_v1"), ("D", "releases/y/y_v1.zip"), ("D", "releases/z/z_v1.zip") })
            Repository.AddArtifact(role, name, $"{name} by {role}");
        Repository.Publish("A", "B", "C", "D", "targets", "snapshot", "timestamp");
        Assert.Equal(found ? "" : "target-absent", await Client.Download(target));
        Assert.Equal(visited.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(role => $"1.{role}"), Repository.Requests.Skip(4));
        if (found) Assert.Equal(Repository.Artifacts[target], Client.Downloads[target]);
    }

    [Fact, Trait("conformance", "test_cached_role_is_verified_against_current_delegator")]
    public async Task A_cached_role_is_judged_anew_for_each_delegator()
    {
        Repository.Delegate("targets", "parent-a", ["team-a/*"]);
        Repository.Delegate("targets", "parent-b", ["team-b/*"]);
        Repository.Delegate("parent-a", "release", ["team-a/*"]);
        Repository.Delegate("parent-b", "release", ["team-b/*"]);
        Repository.Roles["release"].Signers.RemoveAt(1); // parent-b's key does not sign
        Repository.AddArtifact("release", "team-a/image", "trusted A");
        Repository.AddArtifact("release", "team-b/image", "malicious B");
        Repository.Publish("release", "parent-a", "parent-b", "targets", "snapshot", "timestamp");
        Assert.Equal("targets-threshold", await Client.Download("team-a/image", "team-b/image"));
        Assert.Equal(["team-a/image"], Client.Downloads.Keys);
        await UpdatesNormally();
    }

    [Fact, Trait("conformance", "test_delegation_not_in_snapshot")]
    public async Task A_delegated_role_outside_the_snapshot_is_not_even_fetched()
    {
        Repository.Delegate("targets", "delegated", ["delegatedpath/*"]);
        Repository.Publish("delegated", "targets");
        Repository.SnapshotMeta.Remove("delegated");
        Repository.Publish("snapshot", "timestamp");
        Assert.Equal("", await Client.Refresh());
        Repository.Requests.Clear();
        Assert.Equal("targets-unlisted", await Client.Download("delegatedpath/foo"));
        Assert.Equal(["2.root", "timestamp"], Repository.Requests);
    }

    [Theory, Trait("conformance", "test_unusual_role_name")]
    [InlineData("?", "1.%3F")]
    [InlineData("#", "1.%23")]
    [InlineData("/delegatedrole", "1.%2Fdelegatedrole")]
    [InlineData("../delegatedrole", "1...%2Fdelegatedrole")]
    public async Task A_role_name_is_one_quoted_segment_in_urls_and_file_names(string role, string asked)
    {
        Repository.Delegate("targets", role, ["*"]);
        Repository.Publish(role, "targets", "snapshot", "timestamp");
        Assert.Equal("target-absent", await Client.Download("nonexistent target"));
        Assert.Equal(asked, Repository.Requests[^1]);
        Assert.Contains(asked[2..] + ".json", Client.Files.Names);
        Assert.Equal(5, Client.Files.Names.Count());
    }

    [Fact]
    public async Task A_search_ends_after_thirty_two_roles()
    {
        var names = Enumerable.Range(0, 33).Select(i => $"r{i}").ToArray();
        foreach (var name in names) Repository.Delegate("targets", name, ["*"], key: TestKeys.Named("graph"));
        Repository.Publish([.. names, "targets", "snapshot", "timestamp"]);
        Assert.Equal("target-search", await Client.Download("missing"));
        Assert.Equal(4 + 32, Repository.Requests.Count);
    }

    [Theory]
    [InlineData("root")]
    [InlineData("timestamp")]
    public async Task A_delegation_may_not_take_a_top_level_roles_name(string name)
    {
        Repository.Delegate("targets", name, ["*"]);
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("role-name", await Client.Refresh());
    }
}
