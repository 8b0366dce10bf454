using System.CommandLine;
using System.CommandLine.Invocation;
using Azure;
using Azure.Identity;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>The command line, from arguments to exit code.</summary>
internal static class FwSign
{
    /// <summary>Runs one command.</summary>
    /// <param name="args">Arguments.</param>
    /// <param name="at">Terminal, clock, environment.</param>
    /// <param name="cancel">Stops it, as Ctrl-C does.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> Run(IReadOnlyList<string> args, Surroundings at, CancellationToken cancel)
    {
        var parsed = Build(at).Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors) await at.Error.WriteLineAsync(Printable.Of(error.Message)).ConfigureAwait(false);
            await at.Error.WriteLineAsync("try --help").ConfigureAwait(false);
            return ExitCode.Usage;
        }
        // Without the library's own handler: it would turn a bug into exit code 1, which says "refused".
        var configuration = new InvocationConfiguration { Output = at.Out, Error = at.Error, EnableDefaultExceptionHandler = false };
        return await parsed.InvokeAsync(configuration, cancel).ConfigureAwait(false);
    }

    /// <summary>The commands.</summary>
    /// <param name="at">Terminal, clock, environment.</param>
    public static RootCommand Build(Surroundings at)
    {
        var common = new CommonOptions();
        var tree = new CommandTree(at, common);
        var root = new RootCommand("Firmware releases: offline key ceremonies, submission, approval, verification. Exit codes: 0 done, 1 refused, 2 usage, 3 outage, 130 stopped.")
        {
            common.Json, common.Yes, common.DryRun, common.Profile, common.SignIn,
            CeremonyCommands.Init(tree), CeremonyCommands.Sign(tree), CeremonyCommands.RotateRoot(tree), CeremonyCommands.AddProduct(tree), CeremonyCommands.RenewTargets(tree),
            KeyCommands.ExportKey(tree), ReleaseCommands.Publish(tree),
            SubmitCommand.Create(tree), ApproveCommand.Create(tree), ReleaseCommands.Status(tree), ReleaseCommands.Renew(tree),
            new Command("revoke", "Take back a release, or a key.") { ReleaseCommands.RevokeRelease(tree), CeremonyCommands.RevokeKey(tree) },
            DeviceCommands.Verify(tree), DeviceCommands.Inspect(tree), DeviceCommands.ExportSuit(tree), McubootCommands.Sign(tree),
            CompletionCommand.Create(at),
        };
        return root;
    }
}

/// <summary>Options that every command takes.</summary>
internal sealed class CommonOptions
{
    public Option<bool> Json { get; } = new("--json") { Description = "Print the result as one JSON object.", Recursive = true };

    public Option<bool> Yes { get; } = new("--yes", "-y") { Description = "Ask nothing.", Recursive = true };

    public Option<bool> DryRun { get; } = new("--dry-run") { Description = "Check and show everything; sign, send and write nothing.", Recursive = true };

    public Option<string?> Profile { get; } = new("--profile") { Description = "Deployment: a name in the configuration folder, or a file. Default: FWSIGN_PROFILE, then \"default\".", Recursive = true, HelpName = "NAME|FILE" };

    public Option<string?> SignIn { get; } = new("--sign-in") { Description = "cli, managed-identity or device-code, instead of the profile's way.", Recursive = true, HelpName = "KIND" };
}

/// <summary>Makes commands whose outcome is shown, and whose failures become exit codes, in one place.</summary>
/// <remarks>The blob service's 401 and 403 become <c>blob-forbidden</c>; every other failure of a service is an outage.</remarks>
/// <param name="at">Terminal, clock, environment.</param>
/// <param name="common">Options of every command.</param>
internal sealed class CommandTree(Surroundings at, CommonOptions common)
{
    /// <summary>A command.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="what">What it does.</param>
    /// <param name="symbols">Its arguments and options.</param>
    /// <param name="act">Does it.</param>
    public Command Make(string name, string what, IEnumerable<Symbol> symbols, Func<ParseResult, Session, CancellationToken, Task<Parsed<Outcome>>> act)
    {
        var command = new Command(name, what);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        command.SetAction((parsed, cancel) => Run(parsed, act, cancel));
        return command;
    }

    /// <summary>How the person wants to sign in, or as the profile says.</summary>
    /// <param name="parsed">The command line.</param>
    public string? SignInOf(ParseResult parsed) => parsed.GetValue(common.SignIn);

    private async Task<int> Run(ParseResult parsed, Func<ParseResult, Session, CancellationToken, Task<Parsed<Outcome>>> act, CancellationToken cancel)
    {
        var session = new Session(at, parsed.GetValue(common.Json), parsed.GetValue(common.Yes), parsed.GetValue(common.DryRun), parsed.GetValue(common.Profile));
        try
        {
            var result = await act(parsed, session, cancel).ConfigureAwait(false);
            if (!result.TryGet(out var outcome, out var fault)) return Refuse(session, fault);
            if (session.Json) await at.Out.WriteLineAsync(Utf8(outcome.Json)).ConfigureAwait(false);
            else outcome.Show(at.ConsoleOn(at.Out));
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return ExitCode.Stopped;
        }
        catch (RequestFailedException refused) when (refused.Status is 401 or 403)
        {
            return Refuse(session, new Fault("blob-forbidden", refused.ErrorCode ?? "blobs"));
        }
        catch (Exception outage) when (outage is IOException or HttpRequestException or RequestFailedException or AuthenticationFailedException or UnauthorizedAccessException or AggregateException)
        {
            return await Fail(session, outage).ConfigureAwait(false);
        }
    }

    private int Refuse(Session session, Fault fault)
    {
        if (session.Json) at.Out.WriteLine(Utf8(JsonObject.Of(("fault", JsonObject.Of(("code", fault.Code), ("where", fault.Where))))));
        else session.Say($"refused: {fault}");
        if (!session.Json && Advice.On(fault.Code) is { } advice) session.Say(advice);
        return fault.Code == "not-confirmed" ? ExitCode.Stopped : ExitCode.Refused;
    }

    // The first line says what; the rest of an SDK's message is headers and stacks.
    private async Task<int> Fail(Session session, Exception outage)
    {
        var cause = outage is AggregateException { InnerExceptions: [var first, ..] } ? first : outage;
        var line = Printable.Of($"{cause.GetType().Name}: {cause.Message.Split('\n')[0].Trim()}", 512);
        if (session.Json) await at.Out.WriteLineAsync(Utf8(JsonObject.Of(("outage", line)))).ConfigureAwait(false);
        else session.Say($"failed: {line}");
        return ExitCode.Outage;
    }

    private static string Utf8(JsonObject json) => System.Text.Encoding.UTF8.GetString(JsonWriting.Encode(json));
}
