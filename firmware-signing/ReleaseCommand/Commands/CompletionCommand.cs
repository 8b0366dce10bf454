using System.CommandLine;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary><c>completion</c>: a script for the shell, which asks this program what may come next.</summary>
internal static class CompletionCommand
{
    /// <summary>The command.</summary>
    public static Command Create(Surroundings at)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or pwsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        var command = new Command("completion", "Prints a completion script: source <(fwsign completion bash).") { shell };
        command.SetAction(parsed => at.Out.Write(ScriptFor(parsed.GetRequiredValue(shell)).ReplaceLineEndings("\n")));
        return command;
    }

    // Each passes the line up to the cursor; the answers are one a line.
    private static string ScriptFor(string shell) => shell switch
    {
        "bash" => """
            _fwsign() {
              local IFS=$'\n'
              COMPREPLY=($(compgen -W "$(fwsign "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _fwsign fwsign

            """,
        "zsh" => """
            _fwsign() {
              local -a found
              found=("${(@f)$(fwsign "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
              compadd -a found || _files
            }
            compdef _fwsign fwsign

            """,
        "fish" => """
            complete -c fwsign -a '(set -l line (commandline -cp); fwsign "[suggest:"(string length -- $line)"]" $line 2>/dev/null)'

            """,
        _ => """
            Register-ArgumentCompleter -Native -CommandName fwsign -ScriptBlock {
              param($word, $line, $position)
              fwsign "[suggest:$position]" "$line" 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
            }

            """,
    };
}
