using Serverless.Local.Processes;
using Serverless.Local.Run;
using Spectre.Console;

var wall = TimeProvider.System;
var command = CommandLine.Build(async (options, cancel) =>
{
    IRunView view = Console.IsOutputRedirected ? new PlainView(Console.Out, wall) : new TerminalView(AnsiConsole.Console, wall);
    try
    {
        return await MainJob.Run(options, view, wall, cancel).ConfigureAwait(false);
    }
    catch (LocalCloudException problem)
    {
        await Console.Error.WriteLineAsync($"error: {problem.Message}").ConfigureAwait(false);
        return 2;
    }
    catch (OperationCanceledException) when (cancel.IsCancellationRequested)
    {
        await Console.Error.WriteLineAsync("stopped before the end: nothing was judged").ConfigureAwait(false);
        return 130;
    }
});
return await command.Parse(args).InvokeAsync().ConfigureAwait(false);
