using Serverless.Faults;

namespace Serverless.FirmwareSigning.OtaClient;

/// <summary>What the command line asks for. The form is fixed by the public conformance suite, which drives this program.</summary>
/// <param name="Command"><c>init</c>, <c>refresh</c> or <c>download</c>.</param>
/// <param name="MetadataDirectory">Where trusted metadata lies.</param>
/// <param name="RootFile">For <c>init</c>: the root this device is born with.</param>
/// <param name="MetadataUrl">For <c>refresh</c> and <c>download</c>.</param>
/// <param name="TargetNames">For <c>download</c>: one or more, in order.</param>
/// <param name="TargetBaseUrl">For <c>download</c>.</param>
/// <param name="TargetDirectory">For <c>download</c>.</param>
internal sealed record CommandLine(
    string Command, string MetadataDirectory, string RootFile, Uri MetadataUrl, IReadOnlyList<string> TargetNames, Uri TargetBaseUrl, string TargetDirectory)
{
    public const string Usage = """
        usage: ota-client --metadata-dir DIR init ROOT_FILE
               ota-client --metadata-url URL --metadata-dir DIR refresh
               ota-client --metadata-url URL --metadata-dir DIR --target-name NAME [--target-name NAME ...]
                          --target-base-url URL --target-dir DIR download
        """;

    private static readonly Uri None = new("about:blank");

    /// <returns>The command, or <c>usage</c>.</returns>
    public static Parsed<CommandLine> Parse(IReadOnlyList<string> args)
    {
        var asked = new CommandLine("", "", "", None, [], None, "");
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            if (!name.StartsWith("--", StringComparison.Ordinal))
            {
                asked = asked.Command.Length == 0 ? asked with { Command = name } : asked with { RootFile = name };
                continue;
            }
            if (++i == args.Count) return new Fault("usage", "value");
            if (Take(asked, name, args[i]) is not { } next) return new Fault("usage", "option");
            asked = next;
        }
        return asked.IsComplete ? asked : new Fault("usage", "command");
    }

    private bool IsComplete => MetadataDirectory.Length > 0 && Command switch
    {
        "init" => RootFile.Length > 0,
        "refresh" => MetadataUrl != None,
        "download" => MetadataUrl != None && TargetBaseUrl != None && TargetDirectory.Length > 0 && TargetNames.Count > 0,
        _ => false,
    };

    private static CommandLine? Take(CommandLine asked, string name, string value) => name switch
    {
        "--metadata-dir" => asked with { MetadataDirectory = value },
        "--metadata-url" => Uri.TryCreate(value, UriKind.Absolute, out var url) ? asked with { MetadataUrl = url } : null,
        "--target-name" => asked with { TargetNames = [.. asked.TargetNames, value] },
        "--target-base-url" => Uri.TryCreate(value, UriKind.Absolute, out var url) ? asked with { TargetBaseUrl = url } : null,
        "--target-dir" => asked with { TargetDirectory = value },
        _ => null,
    };
}
