// One row a subject: what it measures, and the program that measures it.
var subjects = new SortedDictionary<string, (string What, Func<string[], Task<int>> Run)>(StringComparer.Ordinal)
{
    ["edge"] = (Serverless.Benchmarks.Edge.EdgeSubject.What, Serverless.Benchmarks.Edge.EdgeSubject.Run),
    ["fuzz"] = (Serverless.Benchmarks.Validation.FuzzSubject.What, Serverless.Benchmarks.Validation.FuzzSubject.Run),
    ["ingest"] = (Serverless.Benchmarks.Ingest.IngestSubject.What, Serverless.Benchmarks.Ingest.IngestSubject.Run),
    ["memory"] = (Serverless.Benchmarks.Memory.MemorySubject.What, Serverless.Benchmarks.Memory.MemorySubject.Run),
    ["validation"] = (Serverless.Benchmarks.Validation.ValidationSubject.What, Serverless.Benchmarks.Validation.ValidationSubject.Run),
};

if (args.Length == 0 || !subjects.TryGetValue(args[0], out var subject))
{
    Console.Error.WriteLine("usage: dotnet run --project tests/Benchmarks -c Release -- <subject> [options]");
    foreach (var (name, (what, _)) in subjects) Console.Error.WriteLine($"  {name,-12} {what}");
    return 2;
}

return await subject.Run(args[1..]).ConfigureAwait(false);
