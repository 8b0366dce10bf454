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
        Assert.NotEqual(0, refused!.Status);
        Assert.Contains("--subscription", refused.Errors, StringComparison.Ordinal);
    }
}
