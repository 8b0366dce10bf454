// One row a subject: what it measures, and the program that measures it.
var subjects = new SortedDictionary<string, (string What, Func<string[], Task<int>> Run)>(StringComparer.Ordinal)
{
    ["fleet"] = ("alerts of a stream of telemetry", Serverless.Benchmarks.Scoring.Fleet.Run),
    ["nab"] = ("anomaly scores of univariate series, in the NAB layout", Serverless.Benchmarks.Scoring.Nab.Run),
    ["scoring"] = ("speed and allocation of the scorer", Serverless.Benchmarks.Scoring.Speed.Run),
    ["skab"] = ("anomaly scores of a group of sensors, in the SKAB layout", Serverless.Benchmarks.Scoring.Skab.Run),
};

if (args.Length == 0 || !subjects.TryGetValue(args[0], out var subject))
{
    Console.Error.WriteLine("usage: dotnet run --project tests/Benchmarks -c Release -- <subject> [options]");
    foreach (var (name, (what, _)) in subjects) Console.Error.WriteLine($"  {name,-12} {what}");
    return 2;
}

return await subject.Run(args[1..]).ConfigureAwait(false);
