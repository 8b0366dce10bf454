using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>Profiles for tests.</summary>
internal static class Profiles
{
    public const string AllMetrics = """
        {"name":"n","type":"number","minimum":-10,"maximum":10},
        {"name":"i","type":"integer","minimum":-5,"maximum":9007199254740991},
        {"name":"b","type":"boolean"},
        {"name":"e","type":"enumeration","members":["on","off"]},
        {"name":"s","type":"string","bytesMin":2,"bytesMax":5},
        {"name":"v","type":"vector","minimum":-1,"maximum":1},
        {"name":"any","type":"number"}
        """;

    public static Profile Plain() => Of(AllMetrics);

    public static Profile Of(string metrics, string message = "", string posture = "{}") =>
        Parse(Document(metrics, message, posture));

    /// <summary>A profile document; members given in <paramref name="message"/> take the place of the usual ones.</summary>
    public static string Document(string metrics, string message = "", string posture = "{}")
    {
        var usual = new Dictionary<string, string>
        {
            ["bytesMax"] = "262144",
            ["perMinute"] = "60000",
            ["burst"] = "10000",
            ["clockSkewSeconds"] = "60",
            ["lateSeconds"] = "3600",
            ["contentTypes"] = """["application/json","application/cbor"]""",
        };
        foreach (var pair in message.Split(';', StringSplitOptions.RemoveEmptyEntries))
            usual[pair.Split('=')[0]] = pair.Split('=')[1];
        var members = string.Join(',', usual.Where(pair => pair.Value != "-").Select(pair => $"\"{pair.Key}\":{pair.Value}"));
        return $$$"""{"model":"test","version":1,"message":{{{{members}}}},"metrics":[{{{metrics}}}],"posture":{{{posture}}}}""";
    }

    public static Profile Parse(string json) =>
        Profile.Parse(Encoding.UTF8.GetBytes(json)).TryGet(out var profile, out var fault)
            ? profile : throw new InvalidOperationException(fault.ToString());
}
