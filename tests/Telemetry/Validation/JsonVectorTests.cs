using System.Text;
using System.Text.Json;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The well-known cases of JSON parsing by RFC 8259, and the ones it leaves open as decided here.</summary>
public class JsonVectorTests
{
    public static TheoryData<string> Names() => [.. Vectors.Read("json", "wellformedness.json").Select(vector => vector.Member("name")!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_document_is_well_formed_or_refused_as_stated(string name)
    {
        var vector = Array.Find(Vectors.Read("json", "wellformedness.json"), vector => vector.Member("name") == name);
        var body = vector.Member("hex") is { } hex ? Convert.FromHexString(hex) : Encoding.UTF8.GetBytes(vector.Member("text")!);
        var code = new Bench().Judged(body).Fault!.Code;
        // What is well-formed is still no message: it is refused for that, and for nothing earlier.
        var wellFormed = code is "message-not-object" or "member-unknown" or "message-id-missing";
        Assert.Equal(vector.Member("expect"), wellFormed ? "well-formed" : code);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_same_value_inside_a_dropped_metric_is_read_alike(string name)
    {
        var vector = Array.Find(Vectors.Read("json", "wellformedness.json"), vector => vector.Member("name") == name);
        var expect = vector.Member("expect")!;
        // Two levels deeper, more names, and no longer the whole text: those cases differ there by intent.
        if (vector.Member("text") is not { } text || expect is "json-trailing-data" or "depth-too-great" || name is "depth 8" or "256 names") return;
        var bench = new Bench { Profile = Profiles.Of(Profiles.AllMetrics, "unknownMetrics=\"drop\"") };
        var outcome = Bench.Outcome(bench.Judged(Bench.Message(1, "\"other\":" + text)));
        if (expect == "well-formed") Assert.Equal("accepted", outcome);
        else Assert.NotEqual("accepted", outcome);
    }

    [Fact]
    public void The_framework_agrees_on_every_case_that_the_RFC_decides()
    {
        string[] decidedHere = ["depth-too-great", "text-too-long", "number-too-long", "members-too-many", "number-not-finite", "json-lone-surrogate"];
        foreach (var vector in Vectors.Read("json", "wellformedness.json"))
        {
            var expect = vector.Member("expect")!;
            if (decidedHere.Contains(expect)) continue;
            var body = vector.Member("hex") is { } hex ? Convert.FromHexString(hex) : Encoding.UTF8.GetBytes(vector.Member("text")!);
            Assert.True((expect == "well-formed") == Parses(body), vector.Member("name"));
        }
    }

    private static bool Parses(byte[] body)
    {
        // The document parser looks at a text's bytes only when asked for the text.
        if (!System.Text.Unicode.Utf8.IsValid(body)) return false;
        try
        {
            JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false }).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
