using Spectre.Console;

namespace Serverless.FirmwareSigning.ReleaseCommand.Terminal;

/// <summary>What the program has around it: a terminal, a clock, an environment. Tests bring their own.</summary>
/// <param name="Out">Results: text, or one JSON object.</param>
/// <param name="Error">Everything else: progress, questions, refusals.</param>
/// <param name="Width">Columns of <paramref name="Out"/>.</param>
/// <param name="IsInteractive">Whether a person sits there: only then is anything asked, and only then do bars move.</param>
/// <param name="Ask">Asks a question and reads a line; <see langword="null"/> at the end of input.</param>
/// <param name="AskSecret">The same without echo.</param>
/// <param name="Environment">Reads an environment variable.</param>
/// <param name="Clock">The clock.</param>
internal sealed record Surroundings(
    TextWriter Out, TextWriter Error, int Width, bool IsInteractive, Func<string, string?> Ask, Func<string, string?> AskSecret, Func<string, string?> Environment, TimeProvider Clock)
{
    /// <summary>The process's own.</summary>
    public static Surroundings OfThisProcess() => new(
        Console.Out,
        Console.Error,
        Console.IsOutputRedirected ? 120 : Math.Clamp(Console.WindowWidth, 60, 240),
        !Console.IsInputRedirected && !Console.IsErrorRedirected,
        question =>
        {
            Console.Error.Write(question);
            return Console.ReadLine();
        },
        ReadSecret,
        System.Environment.GetEnvironmentVariable,
        TimeProvider.System);

    /// <summary>A console that writes to one of the two.</summary>
    /// <param name="writer">Which.</param>
    public IAnsiConsole ConsoleOn(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = IsInteractive ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!IsInteractive) console.Profile.Width = Width;
        return console;
    }

    // Console.ReadLine would echo; Spectre's prompt needs reflection on the type converter of its value.
    private static string? ReadSecret(string question)
    {
        Console.Error.Write(question);
        var text = new System.Text.StringBuilder();
        while (true)
        {
            var key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter) break;
            if (key.Key == ConsoleKey.Backspace && text.Length > 0) text.Length--;
            else if (!char.IsControl(key.KeyChar)) text.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return text.ToString();
    }
}
