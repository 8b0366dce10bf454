using System.Text;
using System.Text.Json;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

public class ProfileTests
{
    private const string N = """{"name":"n","type":"number"}""";

    [Theory]
    [InlineData("env-sensor@1", 12)]
    [InlineData("pump@1", 13)]
    [InlineData("gateway@1", 12)]
    public void The_fleets_own_profiles_are_profiles_and_named_as_their_files(string name, int metrics)
    {
        var profile = Profiles.Parse(File.ReadAllText(Vectors.Path("functions", "Telemetry", "Validation", "profiles", name + ".json")));
        Assert.Equal(name, profile.Name);
        Assert.Equal(metrics, profile.Metrics.Count);
        Assert.True(profile.Posture.BootState >= 0 && profile.Posture.DebugPort >= 0 && profile.Posture.OpenPorts >= 0 && profile.Posture.FirmwareVersion >= 0);
    }

    [Fact]
    public void A_profile_compiles_to_what_it_says()
    {
        var profile = Profiles.Of("""{"name":"n","type":"number","unit":"m/s2","minimum":-1,"maximum":2,"step":3,"ratePerSecond":4,"required":true,"intervalSeconds":0.5,"resolution":0.1},{"name":"e","type":"enumeration","members":["a","b"]},{"name":"s","type":"string","bytesMax":9}""", "unknownMetrics=\"drop\";perMinute=7;burst=8;bytesMax=99");
        var metric = profile.Metrics[0];
        Assert.Equal(("n", MetricType.Number, "m/s2", -1.0, 2.0, 3.0, 4.0, true, TimeSpan.FromSeconds(0.5), 0.1),
            (metric.Name, metric.Type, metric.Unit, metric.Minimum, metric.Maximum, metric.Step, metric.RatePerSecond, metric.Required, metric.Interval, metric.Resolution));
        Assert.Equal(["a", "b"], profile.Metrics[1].Members);
        Assert.Equal((0, 9), (profile.Metrics[2].BytesMin, profile.Metrics[2].BytesMax));
        Assert.Equal("test@1", profile.Name);
        Assert.Equal((7, 8, 99, UnknownMetrics.Drop, true, true),
            (profile.Message.PerMinute, profile.Message.Burst, profile.Message.BytesMax, profile.Message.UnknownMetrics, profile.Message.Json, profile.Message.Cbor));
    }

    public static TheoryData<string, string> Messages() => new()
    {
        { "bytesMax=1", "profile-range at message.bytesMax" }, { "bytesMax=2", "accepted" },
        { "bytesMax=262144", "accepted" }, { "bytesMax=262145", "profile-range at message.bytesMax" }, { "bytesMax=2.5", "profile-range at message.bytesMax" },
        { "bytesMax=1e999", "profile-range at message.bytesMax" }, { "bytesMax=\"2\"", "profile-type at message.bytesMax" }, { "bytesMax=-", "profile-member-missing at message.bytesMax" },
        { "perMinute=0", "profile-range at message.perMinute" }, { "perMinute=1", "accepted" }, { "perMinute=60000", "accepted" }, { "perMinute=60001", "profile-range at message.perMinute" },
        { "burst=0", "profile-range at message.burst" }, { "burst=1", "accepted" }, { "burst=10000", "accepted" }, { "burst=10001", "profile-range at message.burst" },
        { "clockSkewSeconds=-1", "profile-range at message.clockSkewSeconds" }, { "clockSkewSeconds=0", "accepted" },
        { "clockSkewSeconds=86400;lateSeconds=86400", "accepted" }, { "clockSkewSeconds=86401;lateSeconds=90000", "profile-range at message.clockSkewSeconds" },
        { "clockSkewSeconds=60;lateSeconds=59", "profile-bounds at message.lateSeconds" }, { "lateSeconds=31536000", "accepted" }, { "lateSeconds=31536001", "profile-range at message.lateSeconds" },
        { "contentTypes=[]", "profile-range at message.contentTypes" }, { "contentTypes=[\"text/plain\"]", "profile-content-type at message.contentTypes" },
        { "contentTypes=[\"application/json\",\"application/json\"]", "profile-content-type at message.contentTypes" }, { "contentTypes=[1]", "profile-type at message.contentTypes[0]" },
        { "unknownMetrics=\"keep\"", "profile-text at message.unknownMetrics" }, { "extra=1", "profile-member-unknown at message" },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void Limits_of_messages_are_bounded_themselves(string message, string expected) => Assert.Equal(expected, Outcome(Profiles.Document(N, message)));

    public static TheoryData<string, string> Metrics() => new()
    {
        { "", "profile-range at metrics" }, { "1", "profile-type at metrics[0]" }, { N + "," + N, "profile-metric-duplicate at metrics[1].name" },
        { "{\"type\":\"number\"}", "profile-member-missing at metrics[0].name" }, { "{\"name\":\"n\"}", "profile-member-missing at metrics[0].type" },
        { "{\"name\":\"n\",\"type\":\"float\"}", "profile-text at metrics[0].type" }, { "{\"name\":\"n\",\"type\":\"number\",\"x\":1}", "profile-member-unknown at metrics[0]" },
        { "{\"name\":\"\",\"type\":\"number\"}", "profile-text at metrics[0].name" }, { "{\"name\":\"1n\",\"type\":\"number\"}", "profile-text at metrics[0].name" },
        { "{\"name\":\"n\\u00e9\",\"type\":\"number\"}", "profile-text at metrics[0].name" }, { "{\"name\":\"\\ud800\",\"type\":\"number\"}", "profile-text at metrics[0].name" },
        { $"{{\"name\":\"{new string('n', 64)}\",\"type\":\"number\"}}", "accepted" }, { $"{{\"name\":\"{new string('n', 65)}\",\"type\":\"number\"}}", "profile-text at metrics[0].name" },
        { string.Join(',', Enumerable.Range(0, 64).Select(i => $"{{\"name\":\"n{i}\",\"type\":\"number\"}}")), "accepted" },
        { string.Join(',', Enumerable.Range(0, 65).Select(i => $"{{\"name\":\"n{i}\",\"type\":\"number\"}}")), "profile-range at metrics" },
        { "{\"name\":\"n\",\"type\":\"number\",\"minimum\":1,\"maximum\":1}", "accepted" }, { "{\"name\":\"n\",\"type\":\"number\",\"minimum\":1,\"maximum\":0.9}", "profile-bounds at metrics[0].maximum" },
        { "{\"name\":\"n\",\"type\":\"number\",\"step\":1}", "profile-step-interval at metrics[0].step" }, { "{\"name\":\"n\",\"type\":\"number\",\"step\":0,\"intervalSeconds\":1}", "profile-range at metrics[0].step" },
        { "{\"name\":\"n\",\"type\":\"number\",\"ratePerSecond\":-1}", "profile-range at metrics[0].ratePerSecond" }, { "{\"name\":\"n\",\"type\":\"number\",\"resolution\":0}", "profile-range at metrics[0].resolution" },
        { "{\"name\":\"n\",\"type\":\"number\",\"intervalSeconds\":0.001}", "accepted" }, { "{\"name\":\"n\",\"type\":\"number\",\"intervalSeconds\":0.0009}", "profile-range at metrics[0].intervalSeconds" },
        { "{\"name\":\"n\",\"type\":\"number\",\"intervalSeconds\":31536001}", "profile-range at metrics[0].intervalSeconds" },
        { "{\"name\":\"n\",\"type\":\"number\",\"required\":1}", "profile-type at metrics[0].required" },
        { "{\"name\":\"n\",\"type\":\"number\",\"members\":[\"a\"]}", "profile-not-for-type at metrics[0].members" }, { "{\"name\":\"n\",\"type\":\"boolean\",\"unit\":\"m\"}", "profile-not-for-type at metrics[0].unit" },
        { "{\"name\":\"n\",\"type\":\"string\",\"bytesMax\":4096}", "accepted" }, { "{\"name\":\"n\",\"type\":\"string\",\"bytesMax\":4097}", "profile-range at metrics[0].bytesMax" },
        { "{\"name\":\"n\",\"type\":\"string\",\"bytesMin\":2,\"bytesMax\":1}", "profile-bounds at metrics[0].bytesMax" }, { "{\"name\":\"n\",\"type\":\"string\"}", "profile-member-missing at metrics[0].bytesMax" },
        { "{\"name\":\"n\",\"type\":\"enumeration\"}", "profile-member-missing at metrics[0].members" }, { "{\"name\":\"n\",\"type\":\"enumeration\",\"members\":[]}", "profile-range at metrics[0].members" },
        { "{\"name\":\"n\",\"type\":\"enumeration\",\"members\":[\"a\",\"a\"]}", "profile-member-duplicate at metrics[0].members" },
        { "{\"name\":\"a\",\"type\":\"vector\",\"ratePerSecond\":1},{\"name\":\"b\",\"type\":\"vector\",\"ratePerSecond\":1},{\"name\":\"c\",\"type\":\"number\",\"ratePerSecond\":1},{\"name\":\"d\",\"type\":\"number\",\"ratePerSecond\":1}", "accepted" },
        { "{\"name\":\"a\",\"type\":\"vector\",\"ratePerSecond\":1},{\"name\":\"b\",\"type\":\"vector\",\"ratePerSecond\":1},{\"name\":\"c\",\"type\":\"vector\",\"ratePerSecond\":1}", "profile-tracked at metrics[2].step" },
    };

    [Theory]
    [MemberData(nameof(Metrics))]
    public void Metrics_are_parsed_strictly(string metrics, string expected) => Assert.Equal(expected, Outcome(Profiles.Document(metrics)));

    [Theory]
    [InlineData("Cel", true), InlineData("%", true), InlineData("1", true), InlineData("m/s2", true), InlineData("m.s-2", true), InlineData("kW.h", true)]
    [InlineData("10*3/ul", true), InlineData("[degF]", true), InlineData("mm[Hg]", true), InlineData("{rev}/min", true), InlineData("/min", true), InlineData("dB[mW]", true)]
    [InlineData("(m.s)/kg", true), InlineData("ml/(min.kg)", true), InlineData("m{wet}", true), InlineData("[in_i'H2O]", true)]
    [InlineData("degrees Celsius", false), InlineData("\u00b0C", false), InlineData("m/", false), InlineData("m..s", false), InlineData("(m", false), InlineData("m)", false)]
    [InlineData("[degF", false), InlineData("{rev", false), InlineData("m s", false), InlineData("[]", false), InlineData("((((((m))))))", false), InlineData("m+", false)]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdef", true), InlineData("abcdefghijklmnopqrstuvwxyzabcdefg", false)]
    public void A_unit_has_the_form_of_a_UCUM_code(string unit, bool accepted)
    {
        var expected = accepted ? "accepted" : Encoding.UTF8.GetByteCount(unit) > 32 ? "profile-text at metrics[0].unit" : "profile-unit at metrics[0].unit";
        Assert.Equal(expected, Outcome(Profiles.Document($$"""{"name":"n","type":"number","unit":"{{unit}}"}""")));
    }

    [Theory]
    [InlineData("""{"bootState":{"metric":"n","trusted":["a"]}}""", "profile-posture at posture.bootState.metric")]
    [InlineData("""{"bootState":{"metric":"e","trusted":["c"]}}""", "profile-posture at posture.bootState.trusted")]
    [InlineData("""{"bootState":{"metric":"e","trusted":[]}}""", "profile-range at posture.bootState.trusted")]
    [InlineData("""{"debugPort":{"metric":"n"}}""", "profile-posture at posture.debugPort.metric")]
    [InlineData("""{"openPorts":{"metric":"s","allowed":[0]}}""", "profile-range at posture.openPorts.allowed[0]")]
    [InlineData("""{"openPorts":{"metric":"s","allowed":[65536]}}""", "profile-range at posture.openPorts.allowed[0]")]
    [InlineData("""{"openPorts":{"metric":"s","allowed":[]}}""", "accepted")]
    [InlineData("""{"firmwareVersion":{"metric":"s","atLeast":"1.x"}}""", "profile-text at posture.firmwareVersion.atLeast")]
    [InlineData("""{"firmwareVersion":{"metric":"s"}}""", "profile-member-missing at posture.firmwareVersion.atLeast")]
    [InlineData("""{"battery":{"metric":"s"}}""", "profile-member-unknown at posture")]
    [InlineData("[]", "profile-type at posture")]
    public void Posture_names_metrics_of_the_type_it_needs(string posture, string expected) =>
        Assert.Equal(expected, Outcome(Profiles.Document("""{"name":"n","type":"number"},{"name":"e","type":"enumeration","members":["a","b"]},{"name":"s","type":"string","bytesMax":9}""", posture: posture)));

    [Theory]
    [InlineData("", "profile-size at ")]
    [InlineData("{", "profile-json at ")]
    [InlineData("[]", "profile-type at ")]
    [InlineData("{\"model\":\"a\",\"model\":\"b\"}", "profile-json at ")]
    [InlineData("{\"s\\udc00\":1}", "profile-json at ")] // found by fuzzing: threw
    [InlineData("{\"model\":\"Upper\"}", "profile-text at model")]
    [InlineData("{\"model\":\"-a\"}", "profile-text at model")]
    [InlineData("{\"model\":\"a\"}", "profile-member-missing at version")]
    [InlineData("{\"model\":\"a\",\"version\":0}", "profile-range at version")]
    [InlineData("{\"model\":\"a\",\"version\":1000001}", "profile-range at version")]
    [InlineData("{\"name\":\"a\"}", "profile-member-unknown at ")]
    public void A_document_that_is_no_profile_is_refused(string json, string expected) => Assert.Equal(expected, Outcome(json));

    [Fact]
    public void A_document_has_at_most_65536_bytes()
    {
        Assert.Equal("accepted", Outcome(Profiles.Document(N).PadRight(65_536)));
        Assert.Equal("profile-size at ", Outcome(Profiles.Document(N).PadRight(65_537)));
    }

    [Fact]
    public void The_published_schema_has_the_members_the_parser_knows_and_no_other()
    {
        using var schema = JsonDocument.Parse(File.ReadAllText(Vectors.Path("functions", "Telemetry", "Validation", "profile.schema.json")));
        var properties = schema.RootElement.GetProperty("properties");
        var metric = schema.RootElement.GetProperty("$defs").GetProperty("metric").GetProperty("properties");
        Assert.Equal(ProfileReader.RootMembers.Order(), Names(properties).Order());
        Assert.Equal(ProfileReader.MessageMembers.Order(), Names(properties.GetProperty("message").GetProperty("properties")).Order());
        Assert.Equal(PostureReader.Fields.Order(), Names(properties.GetProperty("posture").GetProperty("properties")).Order());
        Assert.Equal(MetricReader.Members.Order(), Names(metric).Order());
        Assert.Equal(MetricReader.Types, metric.GetProperty("type").GetProperty("enum").EnumerateArray().Select(type => type.GetString()));

        static IEnumerable<string> Names(JsonElement element) => element.EnumerateObject().Select(property => property.Name);
    }

    private static string Outcome(string json) =>
        Profile.Parse(Encoding.UTF8.GetBytes(json)).TryGet(out _, out var fault) ? "accepted" : fault.ToString();
}
