using System.Text.RegularExpressions;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The table of fault codes in the README is the table of the code.</summary>
public partial class FaultTableTests
{
    private static readonly string Folder = Vectors.Path("functions", "Telemetry", "Validation");

    /// <summary>Codes are a public contract and metric labels: this list may grow; a code that leaves it or changes breaks somebody.</summary>
    private static readonly string[] Contract =
    [
        "cbor-duplicate-key", "cbor-invalid-utf8", "cbor-key-type", "cbor-malformed", "cbor-tag", "cbor-trailing-data", "cbor-truncated",
        "clock-ahead", "content-encoding-unsupported", "content-type-missing", "content-type-not-allowed", "content-type-unsupported",
        "depth-too-great", "device-id-type", "event-empty", "event-too-large", "gzip-malformed", "gzip-too-large", "identity-ended", "identity-missing",
        "identity-spoofed", "json-bom", "json-duplicate-member", "json-invalid-utf8", "json-lone-surrogate", "json-malformed", "json-trailing-data",
        "member-unknown", "members-too-many", "message-id-length", "message-id-missing", "message-id-repeated", "message-id-type",
        "message-not-object", "metric-length", "metric-member", "metric-missing", "metric-not-integer", "metric-range", "metric-rate", "metric-step",
        "metric-type", "metric-unknown", "metrics-missing", "metrics-type", "not-judged", "number-not-finite", "number-too-long", "profile-bounds",
        "profile-content-type", "profile-json", "profile-member-duplicate", "profile-member-missing", "profile-member-unknown",
        "profile-metric-duplicate", "profile-not-for-type", "profile-posture", "profile-range", "profile-size", "profile-step-interval",
        "profile-text", "profile-tracked", "profile-type", "profile-unit", "profile-unknown", "rate-exceeded", "sent-at-backwards", "sent-at-format",
        "sent-at-missing", "sent-at-type", "sent-too-late", "sequence-missing", "sequence-range", "sequence-replayed", "sequence-stale",
        "sequence-type", "text-too-long",
    ];

    [Fact]
    public void The_codes_are_the_ones_promised() => Assert.Equal(Contract, Codes().Order(StringComparer.Ordinal));

    [Fact]
    public void The_README_lists_every_code_with_its_path_and_no_other()
    {
        var readme = File.ReadAllText(Path.Combine(Folder, "README.md"));
        var listed = Row().Matches(readme).Select(row => row.Groups[1].Value).ToList();
        Assert.Equal(listed.Count, listed.Distinct().Count());
        Assert.Equal(Codes().Order(), listed.Order());
    }

    [Fact]
    public void Every_code_is_documented_beside_its_fault_and_tested_by_name()
    {
        var documented = Sources(Folder);
        // The contract above names every code without a case: it does not count.
        var tests = Sources(Vectors.Path("tests", "Telemetry", "Validation"), except: "FaultTableTests.cs") + File.ReadAllText(Vectors.Path("tests", "vectors", "json", "wellformedness.json"))
            + File.ReadAllText(Vectors.Path("tests", "vectors", "cbor", "items.json"));
        foreach (var code in Codes())
        {
            Assert.Contains($"<c>{code}</c>", documented, StringComparison.Ordinal);
            Assert.True(tests.Contains($"\"{code}\"", StringComparison.Ordinal) || tests.Contains($"\"{code} at ", StringComparison.Ordinal), code);
        }
    }

    [Fact]
    public void No_two_codes_share_a_stored_alert_kind()
    {
        var kinds = Codes().Select(code => AlertKinds.Of(code, atOnce: false)).ToList();
        kinds.AddRange(Enumerable.Range(0, 16).Select(bit => (ushort)(AlertKinds.Of((VerdictNotes)(1 << bit)) & 0xFFFE)));
        Assert.Equal(kinds.Count, kinds.Distinct().Count());
        Assert.DoesNotContain((ushort)0, kinds);
        Assert.DoesNotContain((ushort)2, kinds);
    }

    private static HashSet<string> Codes() => [.. Literal().Matches(Sources(Folder)).Select(code => code.Groups[1].Value)];

    private static string Sources(string folder, string except = "") =>
        string.Concat(Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != except).Select(File.ReadAllText));

    [GeneratedRegex("""new(?: Fault)?\("([a-z0-9]+(?:-[a-z0-9]+)+)", """)]
    private static partial Regex Literal();

    [GeneratedRegex(@"^\| `([a-z0-9-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
