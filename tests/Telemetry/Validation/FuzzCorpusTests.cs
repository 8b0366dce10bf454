using Serverless.Benchmarks.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The fuzzer's saved corpus, once through on every run: no exception, one verdict, the framework's parsers agree, and what is
/// accepted normalises to the same.</summary>
public class FuzzCorpusTests
{
    [Fact]
    public void Every_saved_input_keeps_the_fuzzers_promises()
    {
        var example = File.ReadAllText(Vectors.Path("functions", "Telemetry", "Validation", "profiles", "env-sensor@1.json"));
        var target = new FuzzTarget(FuzzTarget.Everything(example));
        var inputs = File.ReadAllLines(Vectors.Path("tests", "vectors", "telemetry", "fuzz-corpus.txt"));
        var outcomes = inputs.Select(input => target.Run(Convert.FromHexString(input))).ToHashSet();
        // Each was kept for an outcome of its own when it was found, and most still have one.
        Assert.InRange(outcomes.Count, inputs.Length / 2, inputs.Length);
        Assert.Contains(outcomes, outcome => outcome.StartsWith("accepted", StringComparison.Ordinal));
    }
}
