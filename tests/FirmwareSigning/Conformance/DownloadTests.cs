using System.Security.Cryptography;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_file_download.</summary>
public class DownloadTests : RepositoryTest
{
    [Theory, Trait("conformance", "test_client_downloads_expected_file, test_client_downloads_expected_file_in_sub_dir, test_artifact_cache")]
    [InlineData("target_file.txt")]
    [InlineData("path/to/a/target_file.txt")]
    public async Task A_target_is_downloaded_once(string name)
    {
        Repository.AddArtifact("targets", name, "target file contents");
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Download(name));
        Assert.Equal("", await Client.Download(name));
        Assert.Equal("target file contents"u8.ToArray(), Client.Downloads[name]);
        Assert.Equal([name], Repository.ArtifactRequests);
    }

    [Fact, Trait("conformance", "test_repository_substitutes_target_file, test_multiple_changes_to_target")]
    public async Task A_substituted_file_is_refused_and_the_held_one_kept()
    {
        Repository.AddArtifact("targets", "one", "target file contents");
        Repository.AddArtifact("targets", "two", "content");
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("", await Client.Download("one"));
        Repository.Artifacts["one"] = "malicious data.."u8.ToArray();
        Repository.Artifacts["two"] = "MALICIO"u8.ToArray();
        Assert.Equal("", await Client.Download("one")); // held, and still what the metadata says
        Assert.Equal("target-hash", await Client.Download("two"));
        Repository.Artifacts["two"] = "malicious and longer"u8.ToArray();
        Assert.Equal("fetch-length", await Client.Download("two"));
        Assert.Equal(["one"], Client.Downloads.Keys);
    }

    [Theory, Trait("conformance", "test_download_with_hash_algorithms, test_download_with_unknown_hash_algorithm")]
    [InlineData("sha256", "")]
    [InlineData("sha512", "")]
    [InlineData("sha256 sha512", "")]
    [InlineData("md5", "hash-unknown")]
    [InlineData("unknown-hash", "hash-unknown")]
    public async Task A_file_is_trusted_by_digests_we_know_and_only_by_them(string algorithms, string fault)
    {
        var content = "target file contents"u8.ToArray();
        var digests = JsonObject.Of(algorithms.Split(' ').Select(name => (name, (JsonValue)Convert.ToHexStringLower(name == "sha512" ? SHA512.HashData(content) : SHA256.HashData(content)))));
        Repository.Artifacts["file"] = content;
        Repository.Roles["targets"].Edit = targets => targets.With("targets", JsonObject.Of(("file", JsonObject.Of(("length", content.Length), ("hashes", digests)))));
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal(fault, await Client.Download("file"));
        Assert.Equal(fault.Length == 0 ? ["file"] : [], Client.Downloads.Keys);
    }

    [Fact]
    public async Task Both_digests_must_fit_when_both_are_stated()
    {
        var content = "target file contents"u8.ToArray();
        Repository.Artifacts["file"] = content;
        Repository.Roles["targets"].Files["file"] = new TargetFile(content.Length, new Hashes(SHA256.HashData(content), new byte[64]), null);
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("target-hash", await Client.Download("file"));
    }
}
