using System.Text.RegularExpressions;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The table of fault codes in the README is the table of the code.</summary>
public partial class FaultTableTests
{
    private static readonly string Folder = Vectors.Path("functions", "Telemetry", "Validation");

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
        var tests = Sources(Vectors.Path("tests", "Telemetry", "Validation")) + File.ReadAllText(Vectors.Path("tests", "vectors", "json", "wellformedness.json"))
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

    private static string Sources(string folder) =>
        string.Concat(Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    [GeneratedRegex("""new(?: Fault)?\("([a-z0-9]+(?:-[a-z0-9]+)+)", """)]
    private static partial Regex Literal();

    [GeneratedRegex(@"^\| `([a-z0-9-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
