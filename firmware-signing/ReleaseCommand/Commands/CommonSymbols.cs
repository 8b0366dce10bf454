using System.CommandLine;
using System.CommandLine.Parsing;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Options as the commands spell them.</summary>
internal static class CommonSymbols
{
    /// <summary>A required text.</summary>
    public static Option<string> Needed(string name, string what, string help) => new(name) { Description = what, Required = true, HelpName = help };

    /// <summary>An optional text.</summary>
    public static Option<string?> Maybe(string name, string what, string help) => new(name) { Description = what, HelpName = help };

    /// <summary>A text that may be given several times.</summary>
    public static Option<string[]> Many(string name, string what, string help, bool required = false) =>
        new(name) { Description = what, HelpName = help, Required = required, AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };

    /// <summary>A whole number in a range.</summary>
    public static Option<int> Number(string name, string what, int min, int max, int? otherwise = null)
    {
        var option = new Option<int>(name) { Description = $"{what}, {min} to {max}.", Required = otherwise is null };
        if (otherwise is { } value) option.DefaultValueFactory = _ => value;
        option.Validators.Add(result => Range(result, name, min, max));
        return option;
    }

    /// <summary>A whole number in a range, or as it was.</summary>
    public static Option<int?> MaybeNumber(string name, string what, int min, int max)
    {
        var option = new Option<int?>(name) { Description = $"{what}, {min} to {max}." };
        option.Validators.Add(result => Range(result, name, min, max));
        return option;
    }

    /// <summary>How long something lives.</summary>
    public static Option<int> Days(string name, int otherwise) => Number(name, $"Days until it expires; {otherwise} by default", 1, 3650, otherwise);

    /// <summary>Pairs <c>NAME=VALUE</c>.</summary>
    /// <param name="pairs">As given.</param>
    /// <param name="option">For the fault.</param>
    /// <returns>Value by name, in order; or <c>pair</c>: no <c>=</c>, or a name twice.</returns>
    public static Parsed<IReadOnlyList<(string Name, string Value)>> Pairs(IEnumerable<string> pairs, string option)
    {
        var read = new List<(string Name, string Value)>();
        foreach (var pair in pairs)
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || at == pair.Length - 1 || read.Any(one => one.Name == pair[..at])) return new Fault("pair", option);
            read.Add((pair[..at], pair[(at + 1)..]));
        }
        return read;
    }

    private static void Range(OptionResult result, string name, int min, int max)
    {
        // A token that is no number is the parser's own error.
        if (result.Tokens is [var token] && int.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out var value) && (value < min || value > max))
            result.AddError($"{name} takes {min} to {max}.");
    }
}
