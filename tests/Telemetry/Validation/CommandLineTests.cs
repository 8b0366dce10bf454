using System.Globalization;
using System.Text;
using Serverless.Telemetry.CommandLine;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("telemetry-").FullName;
    private readonly StringWriter _output = new(CultureInfo.InvariantCulture);
    private readonly StringWriter _errors = new(CultureInfo.InvariantCulture);

    [Fact]
    public void Check_tells_a_profile_from_what_is_none_and_from_a_wrong_name()
    {
        var good = Write("test@1.json", Profiles.Document(Profiles.AllMetrics));
        Assert.Equal(0, Run("check", good));
        Assert.Equal("test@1: 7 metrics, 0 required", Output());
        Assert.Equal(1, Run("check", Write("other@1.json", Profiles.Document(Profiles.AllMetrics))));
        Assert.Equal(1, Run("check", good, Write("bad@1.json", "{}")));
        Assert.Contains("bad@1.json: profile-member-missing at model", _errors.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, Run("check"));
        Assert.Equal(2, Run());
        Assert.Equal(1, Run("check", Path.Combine(_folder, "absent.json")));
    }

    [Fact]
    public void Judge_names_the_line_and_the_fault_and_counts()
    {
        var profile = Write("test@1.json", Profiles.Document(Profiles.AllMetrics));
        var body = Convert.ToBase64String(Encoding.UTF8.GetBytes(Bench.Message(3, "\"n\":3")));
        var traffic = Write("traffic.ndjson", string.Join('\n',
            Bench.Message(1, "\"n\":1"), Bench.Message(2, "\"n\":99"), "", "{", Bench.Message(1, "\"n\":1", id: "again"),
            $$"""{"deviceId":"another","enqueuedAt":"2026-06-01T12:00:01Z","contentType":"application/json","body":"{{body}}"}"""));
        Assert.Equal(1, Run("judge", "--profile", profile, traffic));
        Assert.Equal(
            ["line 2: metric-range at metrics.n", "line 4: json-malformed at body", "line 5: sequence-replayed at sequence", "2 accepted", "1 json-malformed at body", "1 metric-range at metrics.n", "1 sequence-replayed at sequence"],
            Output().Split('\n').Select(line => line.Trim()));
    }

    [Fact]
    public void A_draft_accepts_the_traffic_it_was_drafted_from()
    {
        var random = new Random(4);
        var lines = new List<string>();
        for (var i = 0; i < 200; i++)
        {
            lines.Add(Bench.Message(i, string.Create(CultureInfo.InvariantCulture,
                $"\"t\":{20 + random.NextDouble():0.00},\"count\":{i},\"on\":{(i % 2 == 0 ? "true" : "false")},\"mode\":\"{(i % 3 == 0 ? "idle" : "run")}\",\"note\":\"n{i}\",\"axis\":[{random.NextDouble():0.0},0,9.8]{(i % 5 == 0 ? ",\"rare\":-1.5" : "")}"),
                Bench.Noon.AddSeconds(10 * i)));
        }

        var made = ProfileDraft.From("drafted", 3, lines);
        var profile = Profiles.Parse(made.Json);
        Assert.Equal("drafted@3", profile.Name);
        Assert.Empty(made.NotCarriedOver);
        var types = profile.Metrics.ToDictionary(metric => metric.Name, metric => metric.Type);
        Assert.Equal((MetricType.Number, MetricType.Integer, MetricType.Boolean, MetricType.Enumeration, MetricType.String, MetricType.Vector),
            (types["t"], types["count"], types["on"], types["mode"], types["note"], types["axis"]));
        Assert.False(profile.Metrics.Single(metric => metric.Name == "rare").Required);
        Assert.Equal(TimeSpan.FromSeconds(10), profile.Metrics.Single(metric => metric.Name == "t").Interval);

        Assert.Equal(0, Run("judge", "--profile", Write("drafted@3.json", made.Json), Write("traffic.ndjson", string.Join('\n', lines))));
        // And it is no blank cheque.
        var bench = new Bench { Profile = profile };
        Assert.Equal("metric-range at metrics.t", Bench.Outcome(bench.Sent(1, "\"t\":99,\"count\":1,\"on\":true,\"mode\":\"run\",\"note\":\"n\",\"axis\":[0,0,9.8]")));
    }

    [Fact]
    public void A_draft_says_what_it_leaves_out()
    {
        var made = ProfileDraft.From("m", 1, [Bench.Message(1, "\"a\":1,\"b\":{}"), Bench.Message(2, "\"a\":\"x\",\"c\":1"), "not json"]);
        Assert.Equal(["line 3: not a JSON message of this format", "metric a: values of several types", "metric b: values of no metric type"], made.NotCarriedOver);
        Assert.Equal("m@1", Profiles.Parse(made.Json).Name);
    }

    [Fact]
    public void Telemetry_of_a_DTDL_interface_is_imported_and_the_rest_is_listed()
    {
        const string dtdl = """
            {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],"@id":"dtmi:com:example:Cold_Room;2","@type":"Interface","extends":"dtmi:com:example:Base;1","contents":[
              {"@type":["Telemetry","Temperature"],"name":"temperature","schema":"double","unit":"degreeCelsius"},
              {"@type":"Telemetry","name":"doors","schema":"integer"},
              {"@type":"Telemetry","name":"total","schema":"long"},
              {"@type":"Telemetry","name":"open","schema":"boolean"},
              {"@type":"Telemetry","name":"label","schema":"string"},
              {"@type":"Telemetry","name":"at","schema":"dateTime"},
              {"@type":"Telemetry","name":"state","schema":{"@type":"Enum","valueSchema":"string","enumValues":[{"name":"a","enumValue":"on"},{"name":"b","enumValue":"off"}]}},
              {"@type":"Telemetry","name":"code","schema":{"@type":"Enum","valueSchema":"integer","enumValues":[{"name":"a","enumValue":1}]}},
              {"@type":"Telemetry","name":"position","schema":{"@type":"Object","fields":[]}},
              {"@type":["Telemetry","Luminance"],"name":"shine","schema":"float","unit":"candelaPerSquareMetre"},
              {"@type":"Property","name":"target","schema":"double","writable":true},
              {"@type":"Command","name":"reboot"}]}
            """;
        var made = DtdlImport.From(dtdl);
        var profile = Profiles.Parse(made.Json);
        Assert.Equal("cold-room@2", profile.Name);
        Assert.Equal(["temperature", "doors", "total", "open", "label", "at", "state", "shine"], profile.Metrics.Select(metric => metric.Name));
        Assert.Equal(("Cel", int.MaxValue), (profile.Metrics[0].Unit, profile.Metrics[1].Maximum));
        Assert.Equal(["on", "off"], profile.Metrics[6].Members);
        string[] lost = ["total", "at", "code", "position", "shine", "target", "reboot", "extends"];
        Assert.Equal(lost.Length, made.NotCarriedOver.Count);
        Assert.All(lost, name => Assert.Contains(made.NotCarriedOver, line => line.Contains(name, StringComparison.Ordinal)));
        Assert.Throws<FormatException>(() => DtdlImport.From("{\"@type\":\"Interface\",\"@context\":\"dtmi:dtdl:context;4\"}"));
        Assert.Equal(0, Run("import", "dtdl", Write("room.json", dtdl)));
    }

    [Fact]
    public void Behaviours_of_a_Defender_security_profile_are_imported_and_the_rest_is_listed()
    {
        const string security = """
            {"securityProfileName":"p","alertTargets":{},"behaviors":[
              {"name":"size","metric":"aws:message-byte-size","criteria":{"comparisonOperator":"less-than","value":{"count":1025},"consecutiveDatapointsToAlarm":1}},
              {"name":"count","metric":"aws:num-messages-sent","criteria":{"comparisonOperator":"less-than-equals","value":{"count":50},"durationSeconds":300,"consecutiveDatapointsToAlarm":3}},
              {"name":"ports","metric":"aws:listening-tcp-ports","criteria":{"comparisonOperator":"in-port-set","value":{"ports":[443,8883]}}},
              {"name":"battery","metric":"battery","criteria":{"comparisonOperator":"greater-than","value":{"number":20}}},
              {"name":"leaving","metric":"aws:num-disconnects","criteria":{"comparisonOperator":"less-than","value":{"count":10},"durationSeconds":300}},
              {"name":"from","metric":"aws:source-ip-address","criteria":{"comparisonOperator":"in-cidr-set","value":{"cidrs":["10.0.0.0/8"]}}},
              {"name":"normal","metric":"aws:num-messages-sent","criteria":{"comparisonOperator":"less-than","statisticalThreshold":{"statistic":"p99"},"durationSeconds":300}},
              {"name":"learnt","metric":"aws:num-messages-sent","criteria":{"mlDetectionConfig":{"confidenceLevel":"HIGH"}}},
              {"name":"least","metric":"aws:message-byte-size","criteria":{"comparisonOperator":"greater-than","value":{"count":10}}}]}
            """;
        var made = DefenderImport.From(security, Profiles.Document("""{"name":"n","type":"number"}"""));
        var profile = Profiles.Parse(made.Json);
        Assert.Equal((1024, 10, 50), (profile.Message.BytesMax, profile.Message.PerMinute, profile.Message.Burst));
        Assert.Equal([443, 8883], profile.Posture.AllowedPorts);
        Assert.Equal(Math.BitIncrement(20.0), profile.Metrics.Single(metric => metric.Name == "battery").Minimum);
        string[] lost = ["count: consecutiveDatapointsToAlarm", "leaving", "from", "normal", "learnt", "least", "alertTargets"];
        Assert.Equal(lost.Length, made.NotCarriedOver.Count);
        Assert.All(lost, name => Assert.Contains(made.NotCarriedOver, line => line.StartsWith(name, StringComparison.Ordinal)));
        Assert.Equal(4, made.Chosen.Count);
        Assert.Equal(0, Run("import", "defender", "--into", Write("test@1.json", Profiles.Document("""{"name":"n","type":"number"}""")), Write("security.json", security)));
        Assert.Equal(1, Run("import", "defender", "--into", Path.Combine(_folder, "test@1.json"), Write("not.json", "{}")));
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _output.Dispose();
        _errors.Dispose();
    }

    private int Run(params string[] args) => Commands.Run(args, TextReader.Null, _output, _errors);

    private string Output() => _output.ToString().Trim();

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
