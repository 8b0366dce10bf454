using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;
using Release = Serverless.FirmwareSigning.Trust.Release;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>Each refusal of the metadata parsers, by its code, beside the document next to it that is taken.</summary>
public class MetadataFaultTests
{
    private const string Common = """ "spec_version":"1.0.34","version":1,"expires":"2030-01-01T00:00:00Z" """;

    [Theory]
    [InlineData("""{"_type":"targets","targets":{},@}""", null)]
    [InlineData("""{"_type":"snapshot","targets":{},@}""", "metadata-type")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"2.0.0","version":1,"expires":"2030-01-01T00:00:00Z"}""", "spec-version")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0.x","version":1,"expires":"2030-01-01T00:00:00Z"}""", "spec-version")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":1,"expires":"2030-01-01T00:00:00Z"}""", null)]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":0,"expires":"2030-01-01T00:00:00Z"}""", "field-range")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":"1","expires":"2030-01-01T00:00:00Z"}""", "field-type")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":1,"expires":"never"}""", "expires-format")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":1,"expires":"2030-01-01T00:00:00.5Z"}""", "expires-format")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":1,"expires":"2030-01-01T00:00:00+00:00"}""", "expires-format")]
    [InlineData("""{"_type":"targets","targets":{},"spec_version":"1.0","version":1}""", "field-missing")]
    [InlineData("""{"_type":"targets","targets":{"":{"length":1,"hashes":{"md5":"00"}}},@}""", "target-name")]
    [InlineData("""{"_type":"targets","targets":{"a":{"length":1,"hashes":{"md5":"00"}}},@}""", null)]
    [InlineData("""{"_type":"targets","targets":{"a":{"length":-1,"hashes":{"md5":"00"}}},@}""", "field-range")]
    [InlineData("""{"_type":"targets","targets":{"a":{"length":1,"hashes":{"sha256":"00"}}},@}""", "hash-format")]
    [InlineData("""{"_type":"targets","targets":{"a":{"length":1,"hashes":{}}},@}""", "field-range")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"succinct_roles":{},"keys":{},"roles":[]},@}""", "succinct-roles")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":1,"terminating":true,"paths":["*"]}]},@}""", null)]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":0,"terminating":true,"paths":["*"]}]},@}""", "field-range")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":["x","x"],"threshold":1,"terminating":true,"paths":["*"]}]},@}""", "keyid-twice")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"targets","keyids":[],"threshold":1,"terminating":true,"paths":["*"]}]},@}""", "role-name")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":1,"terminating":true}]},@}""", "delegation-paths")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":1,"terminating":true,"paths":["[ab]"]}]},@}""", "delegation-paths")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":1,"terminating":true,"path_hash_prefixes":["g"]}]},@}""", "delegation-paths")]
    [InlineData("""{"_type":"targets","targets":{},"delegations":{"keys":{},"roles":[{"name":"a","keyids":[],"threshold":1,"terminating":true,"path_hash_prefixes":["00"]},{"name":"a","keyids":[],"threshold":1,"terminating":true,"paths":["*"]}]},@}""", "delegation-twice")]
    public void Targets_documents(string json, string? fault) => Assert.Equal(fault, Targets.Parse(Read(json)).Fault?.Code);

    [Theory]
    [InlineData("""{"_type":"timestamp","meta":{"snapshot.json":{"version":1}},@}""", null)]
    [InlineData("""{"_type":"timestamp","meta":{"snapshot.json":{"version":1},"x.json":{"version":1}},@}""", "timestamp-meta")]
    [InlineData("""{"_type":"timestamp","meta":{"snapshot.json":{"version":0}},@}""", "field-range")]
    [InlineData("""{"_type":"timestamp","meta":{"snapshot.json":{"version":1,"hashes":{"md5":"00"}}},@}""", "hash-unknown")]
    [InlineData("""{"_type":"timestamp","meta":{},@}""", "field-missing")]
    public void Timestamp_documents(string json, string? fault) => Assert.Equal(fault, Timestamp.Parse(Read(json)).Fault?.Code);

    [Theory]
    [InlineData("""{"_type":"snapshot","meta":{"targets.json":{"version":1}},@}""", null)]
    [InlineData("""{"_type":"snapshot","meta":{"other.json":{"version":1}},@}""", "snapshot-meta")]
    [InlineData("""{"_type":"snapshot","meta":{"targets.json":{"version":1},"x":{"version":1}},@}""", "snapshot-meta")]
    [InlineData("""{"_type":"snapshot","meta":{"targets.json":1},@}""", "field-type")]
    public void Snapshot_documents(string json, string? fault) => Assert.Equal(fault, Snapshot.Parse(Read(json)).Fault?.Code);

    [Theory]
    [InlineData("""{"_type":"root","consistent_snapshot":false,"keys":{},"roles":{},@}""", "root-inconsistent")]
    [InlineData("""{"_type":"root","consistent_snapshot":true,"keys":{},"roles":{},@}""", "field-missing")]
    public void Root_documents(string json, string fault) => Assert.Equal(fault, Root.Parse(Read(json)).Fault?.Code);

    [Fact]
    public void Too_many_keys_are_refused_before_any_is_parsed()
    {
        var keys = JsonObject.Of(Enumerable.Range(0, 1025).Select(i => ($"k{i}", (JsonValue)JsonObject.Empty)));
        Assert.Equal("keys-too-many", RoleKeys.ReadKeys(keys, "keys").Fault?.Code);
    }

    [Theory]
    [InlineData("product", "GW", "release-id")]
    [InlineData("version", ".1", "release-version")]
    [InlineData("version", "1/2", "release-version")]
    [InlineData("sbom_sha256", "00", "hash-format")]
    [InlineData("support_until", "2030", "expires-format")]
    public void Release_records(string member, string value, string fault)
    {
        var good = Releases.Gateway("1.0.0", 1).ToJson();
        Assert.True(Release.Parse(good).TryGet(out var release, out _));
        Assert.Equal(CanonicalJson.Encode(good), CanonicalJson.Encode(release.ToJson()));
        Assert.Equal(fault, Release.Parse(good.With(member, value)).Fault?.Code);
    }

    [Fact]
    public void Hardware_ids_are_some_and_different()
    {
        var good = Releases.Gateway("1.0.0", 1).ToJson();
        Assert.Equal("release-hardware", Release.Parse(good.With("hardware", new JsonArray())).Fault?.Code);
        Assert.Equal("release-hardware", Release.Parse(good.With("hardware", new JsonArray("a", "a"))).Fault?.Code);
    }

    [Fact]
    public void Hash_prefixes_cover_names_by_their_digest()
    {
        // SHA-256 of "image" begins with 6105d6cc76af (checked with sha256sum).
        Assert.True(PathPattern.HashCovers(["ff", "6105"], "image"));
        Assert.False(PathPattern.HashCovers(["6106"], "image"));
    }

    private static JsonObject Read(string json) =>
        (JsonObject)(JsonReading.Read(System.Text.Encoding.UTF8.GetBytes(json.Replace("@", Common, StringComparison.Ordinal))).TryGet(out var value, out var fault) ? value : throw new InvalidOperationException(fault.ToString()));
}
