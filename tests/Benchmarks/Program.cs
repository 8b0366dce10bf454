using Serverless.Benchmarks;

// One row a subject: what it measures, and the program that measures it.
var subjects = new SortedDictionary<string, (string What, Func<string[], Task<int>> Run)>(StringComparer.Ordinal)
{
    ["coldstart"] = (ColdStart.ColdStartSubject.What, ColdStart.ColdStartSubject.Run),
    ["edge"] = (Edge.EdgeSubject.What, Edge.EdgeSubject.Run),
    ["fleet"] = ("alerts of a stream of telemetry", Scoring.Fleet.Run),
    ["fuzz"] = (Validation.FuzzSubject.What, Validation.FuzzSubject.Run),
    ["hashing"] = ("SHA-256 and a signature of a 1 GiB image, against openssl", Hashing.Run),
    ["ingest"] = (Ingest.IngestSubject.What, Ingest.IngestSubject.Run),
    ["memory"] = (Memory.MemorySubject.What, Memory.MemorySubject.Run),
    ["nab"] = ("anomaly scores of univariate series, in the NAB layout", Scoring.Nab.Run),
    ["pipeline"] = ("events through the whole local pipeline, and where the time goes", PipelineBenchmark.Run),
    ["refresh"] = ("a device's first update check, 10,000 targets and 100 delegations, against tuf-js", Refresh.Run),
    ["skab"] = ("anomaly scores of a group of sensors, in the SKAB layout", Scoring.Skab.Run),
    ["validation"] = (Validation.ValidationSubject.What, Validation.ValidationSubject.Run),
    ["verify"] = ("P-256 signature checks a second", Verify.Run),
};

if (args.Length == 0 || !subjects.TryGetValue(args[0], out var subject))
{
    Console.Error.WriteLine("usage: dotnet run --project tests/Benchmarks -c Release -- <subject> [options]");
    foreach (var (name, (what, _)) in subjects) Console.Error.WriteLine($"  {name,-12} {what}");
    return 2;
}

return await subject.Run(args[1..]).ConfigureAwait(false);
