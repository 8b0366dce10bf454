using System.CommandLine;
namespace Serverless.Deploy.Tests;

/// <summary>The program as a person starts it.</summary>
public class ProgramTests
{
    [Fact]
    public async Task Help_names_every_command_and_a_missing_subscription_is_refused()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "pipeline-deploy.dll");
        var help = await ToolRun.Run("dotnet", [program, "--help"], AppContext.BaseDirectory, TestContext.Current.CancellationToken);
        Assert.Equal(0, help!.Status);
        foreach (var command in new[] { "package", "reproduce", "entra", "what-if", "deploy", "apps", "first-run", "smoke", "rotate-webhook-key" })
        {
            Assert.Matches($@"(?m)^\s+{command}\s", help.Output);
        }

        var refused = await ToolRun.Run("dotnet", [program, "deploy", "--environment", "dev"], AppContext.BaseDirectory, TestContext.Current.CancellationToken);
        Assert.Equal(2, refused!.Status);
        Assert.Contains("--subscription", refused.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Required command")]
    [InlineData("bogus", "'bogus'")]
    [InlineData("what-if", "'--environment' is required")]
    [InlineData("what-if --environment ../../etc --subscription x", "--environment '../../etc' is no environment")]
    [InlineData("what-if --environment dev --subscription ''", "--subscription '' is empty")]
    [InlineData("package --packages ''", "--packages '' is empty")]
    [InlineData("package --app ''", "--app '' is empty")]
    [InlineData("first-run --environment dev --subscription x --tuf-root /there/is/none.json", "--tuf-root '/there/is/none.json' is no file")]
    [InlineData("first-run --environment dev --subscription x --profiles /there/is/none", "--profiles '/there/is/none' is no folder")]
    public async Task What_is_not_understood_is_said_before_anything_is_begun_and_ends_with_2(string line, string says)
    {
        var (said, errors) = (new StringWriter(), new StringWriter());
        var args = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word == "''" ? "" : word).ToList();
        var code = await CommandLine.Run(args, new Surroundings(said), new InvocationConfiguration { Output = TextWriter.Null, Error = errors }, TestContext.Current.CancellationToken);
        Assert.Equal((2, ""), (code, said.ToString()));
        Assert.Contains(says, errors.ToString(), StringComparison.Ordinal);
    }
}
