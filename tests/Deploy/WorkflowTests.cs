using System.Text.RegularExpressions;

namespace Serverless.Deploy.Tests;

/// <summary>What deploys must not be the weakest part.</summary>
public partial class WorkflowTests
{
    private static readonly string Workflow = File.ReadAllText(Path.Combine(Site.Repository, ".github/workflows/deploy.yml"));

    [Fact]
    public void Every_action_is_pinned_to_a_commit_and_says_which_release_that_is()
    {
        var uses = Workflow.Split('\n').Where(line => line.Contains("uses:", StringComparison.Ordinal)).ToList();
        Assert.True(uses.Count >= 5);
        Assert.All(uses, line => Assert.Matches(@"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line));
        // One release of an action, everywhere.
        Assert.All(uses.Select(line => line.Trim().TrimStart('-', ' ')).GroupBy(line => line.Split('@')[0]), action => Assert.Single(action.Distinct()));
    }

    [Fact]
    public void No_secret_is_stored_and_only_the_deploying_job_may_ask_for_a_token()
    {
        Assert.DoesNotContain("secrets.", Workflow, StringComparison.Ordinal);
        var jobs = Regex.Split(Workflow[Workflow.IndexOf("\njobs:", StringComparison.Ordinal)..], @"^  (?=\w+:$)", RegexOptions.Multiline).Skip(1).ToDictionary(job => job.Split(':')[0]);
        Assert.Equal(["check", "deploy", "package"], jobs.Keys.Order());
        Assert.All(jobs, job => Assert.Equal(job.Key == "deploy", job.Value.Contains("id-token: write", StringComparison.Ordinal)));
        Assert.All(jobs, job => Assert.Equal(job.Key == "deploy", job.Value.Contains("\n    environment: ", StringComparison.Ordinal)));
        Assert.Contains("\npermissions:\n  contents: read\n", Workflow, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_that_a_person_typed_is_put_into_a_shell_line()
    {
        // An input in a run line is code of whoever may start the workflow; in the environment it is a value.
        Assert.All(Workflow.Split('\n').Where(line => Regex.IsMatch(line, @"\brun:")), line => Assert.DoesNotContain("${{", line, StringComparison.Ordinal));
    }

    [Fact]
    public void Commands_in_the_workflow_in_azd_and_in_the_readmes_exist()
    {
        var texts = new[] { ".github/workflows/deploy.yml", "azure.yaml", "infra/README.md", "infra/deploy/README.md" }.Select(file => File.ReadAllText(Path.Combine(Site.Repository, file)))
            .Concat(Directory.EnumerateFiles(Path.Combine(Site.Repository, "infra/runbooks"), "*.md").Select(File.ReadAllText)).ToList();
        var used = texts.SelectMany(text => Command().Matches(text).Select(match => match.Groups[1].Value)).Distinct().ToList();
        var known = CommandLine.Build(new Surroundings(TextWriter.Null)).Subcommands.Select(command => command.Name).ToList();
        Assert.Empty(used.Except(known));
        Assert.Empty(known.Except(used)); // and each is told of somewhere
    }

    [GeneratedRegex(@"infra/deploy -- ([a-z][a-z-]+)")]
    private static partial Regex Command();
}
