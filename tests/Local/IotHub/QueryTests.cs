using System.Text.Json.Nodes;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Tests.IotHub;

/// <summary>The query subset, over HTTPS.</summary>
public sealed class QueryTests
{
    [Fact]
    public async Task Conditions_select_the_devices_they_say()
    {
        await using var hub = await HubFixture.Start();
        Fill(hub);

        foreach (var (condition, expected) in new[]
        {
            ("", "a b c d"),
            ("WHERE deviceId = 'a'", "a"),
            ("WHERE deviceId = 'A'", ""),
            ("where DeviceId = 'a'", ""), // members have a case, keywords do not
            ("WHERE deviceId != 'a'", "b c d"),
            ("WHERE deviceId <> 'a'", "b c d"),
            ("WHERE deviceId IN ['a', 'c', 'x']", "a c"),
            ("WHERE deviceId NIN ['a', 'c']", "b d"),
            ("WHERE status = 'disabled'", "d"),
            ("WHERE tags.site = 'north'", "a b"),
            ("WHERE tags.site = \"north\"", "a b"),
            ("WHERE tags.site != 'north'", "c"), // d has no site: undefined matches nothing
            ("WHERE NOT tags.site = 'north'", "c"),
            ("WHERE is_defined(tags.site)", "a b c"),
            ("WHERE NOT is_defined(tags.site)", "d"),
            ("WHERE tags.floor > 1", "b c"),
            ("WHERE tags.floor >= 2 AND tags.floor <= 2", "b"),
            ("WHERE tags.floor = '1'", ""), // types differ
            ("WHERE tags.floor = -1.5e1", ""),
            ("WHERE tags.spare = true", "c"),
            ("WHERE tags.spare != true", ""),
            ("WHERE properties.desired.mode = 'slow'", "c"),
            ("WHERE tags.site = 'north' AND tags.floor = 1 OR deviceId = 'd'", "a d"),
            ("WHERE tags.site = 'north' AND (tags.floor = 2 OR deviceId = 'd')", "b"),
            ("WHERE connectionState = 'Disconnected' AND capabilities.iotEdge = false", "a b c d"),
        })
        {
            var answer = await hub.Call("POST", "/devices/query", Query($"SELECT * FROM devices {condition}"));
            Assert.Equal((condition, expected), (condition, string.Join(' ', answer.Json.AsArray().Select(twin => (string?)twin!["deviceId"]))));
        }
    }

    [Fact]
    public async Task What_is_outside_the_subset_is_refused_not_guessed()
    {
        await using var hub = await HubFixture.Start();
        Fill(hub);

        foreach (var query in new[]
        {
            "", "SELECT", "SELECT deviceId FROM devices", "SELECT * FROM devices.jobs", "SELECT * FROM devices WHERE", "SELECT * FROM devices WHERE deviceId", "SELECT * FROM devices WHERE deviceId =",
            "SELECT * FROM devices WHERE deviceId = a", "SELECT * FROM devices WHERE deviceId = 'a", "SELECT * FROM devices WHERE deviceId IN []", "SELECT * FROM devices WHERE deviceId IN 'a'",
            "SELECT * FROM devices WHERE (deviceId = 'a'", "SELECT * FROM devices WHERE deviceId = 'a' GROUP BY status", "SELECT * FROM devices; DROP", "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'a')",
            "SELECT * FROM devices WHERE tags.floor = 1e400", $"SELECT * FROM devices WHERE {new string('(', 40)}deviceId = 'a'{new string(')', 40)}",
            $"SELECT * FROM devices WHERE deviceId = '{new string('a', 9000)}'",
        })
        {
            (await hub.Call("POST", "/devices/query", Query(query))).IsError(400, "ArgumentInvalid"); // query-syntax
        }

        (await hub.Call("POST", "/devices/query", "{}")).IsError(400, "ArgumentInvalid");
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gap_or_repeat_while_devices_come_and_go()
    {
        await using var hub = await HubFixture.Start();
        Fill(hub);
        async Task<(string Ids, string? Next)> Page(string? token)
        {
            (string, string)[] headers = token is null ? [("x-ms-max-item-count", "2")] : [("x-ms-max-item-count", "2"), ("x-ms-continuation", token)];
            var answer = await hub.Call("POST", "/devices/query", Query("SELECT * FROM devices"), null, headers);
            return (string.Join(' ', answer.Json.AsArray().Select(twin => (string?)twin!["deviceId"])), answer.Continuation);
        }

        var (ids, next) = await Page(null);
        Assert.Equal("a b", ids);
        hub.Service.Delete("b");
        (ids, next) = await Page(next);
        Assert.Equal(("c d", null), (ids, next));
        (await hub.Call("POST", "/devices/query", Query("SELECT * FROM devices"), null, ("x-ms-continuation", "!"))).IsError(400, "ArgumentInvalid");
        (await hub.Call("POST", "/devices/query", Query("SELECT * FROM devices"), null, ("x-ms-max-item-count", "0"))).IsError(400, "ArgumentInvalid");
    }

    private static string Query(string text) => new JsonObject { ["query"] = text }.ToJsonString();

    private static void Fill(HubFixture hub) => Assert.Null(hub.Service.Create(
        Device("a", """{"site":"north","floor":1}"""),
        Device("b", """{"site":"north","floor":2}"""),
        Device("c", """{"site":"south","floor":3,"spare":true}""") with { Desired = new JsonObject { ["mode"] = "slow" } },
        Device("d", "{}") with { Status = DeviceStatus.Disabled }).Fault);

    private static DeviceSpec Device(string id, string tags) => new(id, DeviceCredentials.CertificateAuthority, Tags: (JsonObject)JsonNode.Parse(tags)!);
}
