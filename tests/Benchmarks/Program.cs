using Serverless.Benchmarks;
using Serverless.Benchmarks.ColdStart;
using Serverless.Benchmarks.Crash;
using Serverless.Benchmarks.Edge;
using Serverless.Benchmarks.Enrollment;
using Serverless.Benchmarks.Ingest;
using Serverless.Benchmarks.Lifecycle;
using Serverless.Benchmarks.Memory;
using Serverless.Benchmarks.Scoring;
using Serverless.Benchmarks.State;
using Serverless.Benchmarks.Upgrade;
using Serverless.Benchmarks.Validation;

// One row a subject: what it measures, and the program that measures it.
var subjects = new SortedDictionary<string, (string What, Func<string[], Task<int>> Run)>(StringComparer.Ordinal)
{
    ["allocate"] = (AllocateSubject.What, AllocateSubject.Run),
    ["audit"] = (AuditSubject.What, AuditSubject.Run),
    ["chart"] = (Chart.What, Chart.Run),
    ["coldstart"] = (ColdStartSubject.What, ColdStartSubject.Run),
    ["crash"] = (CrashSubject.What, CrashSubject.Run),
    ["edge"] = (EdgeSubject.What, EdgeSubject.Run),
    ["fleet"] = ("alerts of a stream of telemetry", Fleet.Run),
    ["fuzz"] = (FuzzSubject.What, FuzzSubject.Run),
    ["hashing"] = ("SHA-256 and a signature of a 1 GiB image, against openssl", Hashing.Run),
    ["hashing-blob"] = ("the firmware app's hashing of a blob on Azurite, against plain SDK downloads", HashingFromBlob.Run),
    ["ingest"] = (IngestSubject.What, IngestSubject.Run),
    ["ledger"] = (LedgerSubject.What, LedgerSubject.Run),
    ["memory"] = (MemorySubject.What, MemorySubject.Run),
    ["nab"] = ("anomaly scores of univariate series, in the NAB layout", Nab.Run),
    ["pipeline"] = ("events through the whole local pipeline, and where the time goes", PipelineBenchmark.Run),
    ["refresh"] = ("a device's first update check, 10,000 targets and 100 delegations, against tuf-js", Refresh.Run),
    ["scoring"] = ("speed and allocation of the scorer", Speed.Run),
    ["skab"] = ("anomaly scores of a group of sensors, in the SKAB layout", Skab.Run),
    ["state"] = (StateSubject.What, StateSubject.Run),
    ["upgrade"] = (UpgradeSubject.What, UpgradeSubject.Run),
    ["sweep"] = (SweepSubject.What, SweepSubject.Run),
    ["validation"] = (ValidationSubject.What, ValidationSubject.Run),
    ["verify"] = ("P-256 signature checks a second", Verify.Run),
};

if (args.Length == 0 || !subjects.TryGetValue(args[0], out var subject))
{
    Console.Error.WriteLine("usage: dotnet run --project tests/Benchmarks -c Release -- <subject> [options]");
    foreach (var (name, (what, _)) in subjects) Console.Error.WriteLine($"  {name,-12} {what}");
    return 2;
}

return await subject.Run(args[1..]).ConfigureAwait(false);
