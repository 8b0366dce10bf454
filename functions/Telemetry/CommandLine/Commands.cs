using System.Globalization;
using System.Text;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.CommandLine;

/// <summary>The <c>telemetry</c> command line: what a profile says, and what it would have said of recorded traffic.</summary>
public static class Commands
{
    private const string Usage = """
        usage: telemetry check PROFILE...
               telemetry judge --profile PROFILE FILE
               telemetry draft --model MODEL --version N FILE
               telemetry import dtdl FILE
               telemetry import defender --into PROFILE FILE
               telemetry replay --storage URL --event-hubs NAMESPACE ...     (telemetry replay --help says more)
        FILE is - for standard input. Traffic is one recorded event a line: {"deviceId","enqueuedAt","contentType"?,"contentEncoding"?,"body": base64},
        or one bare JSON message a line. Drafts and imports print a profile; what they could not carry over goes to standard error.
        """;

    /// <summary>Runs one command.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="output">Results.</param>
    /// <param name="errors">Faults, and what an import could not carry over.</param>
    /// <returns>0: all well; 1: a fault or a refused event; 2: wrong usage.</returns>
    public static int Run(string[] args, TextReader input, TextWriter output, TextWriter errors)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(errors);
        try
        {
            switch (args)
            {
                case ["check", _, ..]:
                    return args[1..].Max(file => Check(file, output, errors));
                case ["judge", "--profile", var profile, var file]:
                    return Judge(profile, Lines(file, input), output, errors);
                case ["draft", "--model", var model, "--version", var version, var file] when int.TryParse(version, CultureInfo.InvariantCulture, out var number):
                    return Print(ProfileDraft.From(model, number, Lines(file, input)), output, errors);
                case ["import", "dtdl", var file]:
                    return Print(DtdlImport.From(Text(file, input)), output, errors);
                case ["import", "defender", "--into", var profile, var file]:
                    return Print(DefenderImport.From(Text(file, input), File.ReadAllText(profile)), output, errors);
                default:
                    errors.WriteLine(Usage);
                    return 2;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or System.Text.Json.JsonException)
        {
            errors.WriteLine(e.Message);
            return 1;
        }
    }

    private static int Check(string file, TextWriter output, TextWriter errors)
    {
        if (!Profile.Parse(File.ReadAllBytes(file)).TryGet(out var profile, out var fault))
        {
            errors.WriteLine($"{file}: {fault}");
            return 1;
        }

        var name = Path.GetFileNameWithoutExtension(file);
        output.WriteLine($"{profile.Name}: {profile.Metrics.Count} metrics, {profile.Metrics.Count(metric => metric.Required)} required");
        if (name == profile.Name) return 0;
        errors.WriteLine($"{file}: holds {profile.Name}, so it must be named {profile.Name}.json");
        return 1;
    }

    private static int Judge(string profileFile, IEnumerable<string> lines, TextWriter output, TextWriter errors)
    {
        if (!Profile.Parse(File.ReadAllBytes(profileFile)).TryGet(out var profile, out var fault))
        {
            errors.WriteLine($"{profileFile}: {fault}");
            return 1;
        }

        var (judge, readings, devices, states) = (new Judge(), new Readings(), new DeviceIds(), new JudgedColumn());
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var recorded in RecordedEvent.Read(lines))
        {
            var verdict = judge.Decide(recorded.Event(), profile, ref states[devices.FindOrAdd(Encoding.UTF8.GetBytes(recorded.DeviceId))], readings);
            var outcome = verdict.Fault?.ToString() ?? "accepted";
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            if (!verdict.Accepted || verdict.Notes > VerdictNotes.FirstSeen)
                output.WriteLine($"line {recorded.Line}: {outcome}{(verdict.Notes > VerdictNotes.FirstSeen ? $" ({verdict.Notes})" : "")}");
        }

        foreach (var (outcome, count) in outcomes) output.WriteLine($"{count,8} {outcome}");
        return outcomes.Keys.All(outcome => outcome == "accepted") ? 0 : 1;
    }

    /// <summary>Prints a profile that was made, only if it is one.</summary>
    private static int Print(MadeProfile made, TextWriter output, TextWriter errors)
    {
        foreach (var lost in made.NotCarriedOver) errors.WriteLine($"not carried over: {lost}");
        foreach (var guess in made.Chosen) errors.WriteLine($"chosen: {guess}");
        if (!Profile.Parse(Encoding.UTF8.GetBytes(made.Json)).TryGet(out _, out var fault))
        {
            errors.WriteLine($"no profile came of it: {fault}");
            return 1;
        }

        output.WriteLine(made.Json);
        return 0;
    }

    private static IEnumerable<string> Lines(string file, TextReader input)
    {
        if (file != "-") return File.ReadLines(file);
        return Standard();

        IEnumerable<string> Standard()
        {
            while (input.ReadLine() is { } line) yield return line;
        }
    }

    private static string Text(string file, TextReader input) => file == "-" ? input.ReadToEnd() : File.ReadAllText(file);
}
