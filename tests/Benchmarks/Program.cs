// One row a subject: what it measures, and the program that measures it.
var subjects = new SortedDictionary<string, (string What, Func<string[], Task<int>> Run)>(StringComparer.Ordinal)
{
    ["hashing"] = ("SHA-256 and a signature of a 1 GiB image, against openssl", Serverless.Benchmarks.Hashing.Run),
    ["refresh"] = ("a device's first update check, 10,000 targets and 100 delegations, against tuf-js", Serverless.Benchmarks.Refresh.Run),
    ["verify"] = ("P-256 signature checks a second", Serverless.Benchmarks.Verify.Run),
};

if (args.Length == 0 || !subjects.TryGetValue(args[0], out var subject))
{
    Console.Error.WriteLine("usage: dotnet run --project tests/Benchmarks -c Release -- <subject> [options]");
    foreach (var (name, (what, _)) in subjects) Console.Error.WriteLine($"  {name,-12} {what}");
    return 2;
}

return await subject.Run(args[1..]).ConfigureAwait(false);
