namespace Serverless.Deploy.Tests;

public sealed class RolloutTests : IDisposable
{
    private readonly Site _site = new();

    [Fact]
    public async Task Templates_go_first_and_then_every_package()
    {
        _site.Deployed().When("deployment sub create*").When("functionapp deployment source config-zip*");
        Assert.Equal(0, await _site.On("deploy", "--packages", _site.Packages));
        Assert.Equal(
            [
                $"deployment sub create --name pipeline-test --location westeurope --parameters {_site.At("infra/test.bicepparam")} --output json --only-show-errors",
                $"functionapp deployment source config-zip --resource-group rg-test --name func-enrollment --src {_site.At("packages/enrollment.zip")} --output json --only-show-errors",
                $"functionapp deployment source config-zip --resource-group rg-test --name func-telemetry --src {_site.At("packages/telemetry.zip")} --output json --only-show-errors",
            ],
            _site.Calls.Where(call => !call.StartsWith("account", StringComparison.Ordinal) && !call.Contains(" show ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_package_is_tried_again_while_the_rights_of_its_site_spread()
    {
        _site.Deployed()
            .When("*config-zip*func-enrollment*", status: 1, errors: "ERROR: AuthorizationPermissionMismatch", times: 2)
            .When("*config-zip*");
        Assert.Equal(0, await _site.On("apps", "--packages", _site.Packages));
        Assert.Equal(3, _site.Calls.Count(call => call.Contains("func-enrollment --src", StringComparison.Ordinal)));
        Assert.Contains("role assignments take minutes", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_never_works_is_told_after_the_last_try()
    {
        _site.Deployed().When("*config-zip*", status: 1, errors: "WARNING: x\nERROR: the disk is full");
        Assert.Equal(2, await _site.On("apps", "--packages", _site.Packages));
        Assert.Equal(3, _site.CallsOf("functionapp deployment").Count());
        Assert.Contains("error: az functionapp deployment source config-zip failed with 1: ERROR: the disk is full", _site.Said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deploy")]
    [InlineData("apps")]
    public async Task Nothing_is_deployed_while_a_package_is_missing(string command)
    {
        _site.Deployed().When("*");
        File.Delete(_site.At("packages/telemetry.zip"));
        Assert.Equal(2, await _site.On(command, "--packages", _site.Packages));
        Assert.Contains("telemetry.zip is not there: run 'package' first", _site.Said, StringComparison.Ordinal);
        Assert.Empty(_site.CallsOf("deployment sub create").Concat(_site.CallsOf("functionapp")));
    }

    [Fact]
    public async Task One_app_can_be_rolled_back_alone()
    {
        _site.Deployed().When("*config-zip*");
        Assert.Equal(0, await _site.On("apps", "--packages", _site.Packages, "--app", "telemetry"));
        Assert.Contains("func-telemetry", Assert.Single(_site.CallsOf("functionapp")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("param apiClientId = '00000000-0000-0000-0000-000000000000'", "apiClientId")]
    [InlineData("param opsEmail = 'ops@example.com'", "opsEmail")]
    public async Task An_example_value_is_not_deployed(string line, string says)
    {
        _site.Deployed().When("*");
        File.AppendAllText(_site.At("infra/test.bicepparam"), line);
        Assert.Equal(2, await _site.On("deploy", "--packages", _site.Packages));
        Assert.Contains(says, _site.Said, StringComparison.Ordinal);
        Assert.Empty(_site.Calls);
    }

    [Fact]
    public async Task The_subscription_that_az_works_in_must_be_the_one_that_is_meant()
    {
        _site.Deployed().When("*");
        Assert.Equal(2, await _site.Run("deploy", "--environment", "test", "--subscription", "Production", "--packages", _site.Packages));
        Assert.Contains("az works in subscription 'Test' (11111111-1111-1111-1111-111111111111), not in 'Production'", _site.Said, StringComparison.Ordinal);
        Assert.Single(_site.Calls);
    }

    [Fact]
    public async Task Nobody_signed_in_is_told_to_sign_in()
    {
        _site.When("account show*", status: 1, errors: "ERROR: Please run 'az login' to setup account.");
        Assert.Equal(2, await _site.On("what-if"));
        Assert.Contains("error: az account show failed with 1: sign in with 'az login'", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_without_az_is_told_to_get_it()
    {
        _site.Around = _site.Around with { Az = _site.At("az/none") };
        Assert.Equal(2, await _site.On("what-if"));
        Assert.Contains("is not on this machine: install it", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_if_shows_and_changes_nothing()
    {
        _site.SignedIn().When("deployment sub what-if*", "+ Create Microsoft.Devices/IotHubs\n");
        Assert.Equal(0, await _site.On("what-if"));
        Assert.Contains("+ Create Microsoft.Devices/IotHubs", _site.Said, StringComparison.Ordinal);
        Assert.Equal(["account", "deployment sub what-if --name"], _site.Calls.Select(call => call.StartsWith("account", StringComparison.Ordinal) ? "account" : call[..29]));
    }

    [Theory]
    [InlineData("apps")]
    [InlineData("smoke")]
    [InlineData("first-run")]
    [InlineData("rotate-webhook-key")]
    public async Task What_was_never_deployed_is_told_so(string command)
    {
        _site.SignedIn().When("deployment sub show*", status: 3, errors: "ERROR: (DeploymentNotFound)");
        string[] more = command == "apps" ? ["--packages", _site.Packages] : [];
        Assert.Equal(2, await _site.On(command, more));
        Assert.Contains("'test' was never deployed to this subscription: run 'deploy' first", _site.Said, StringComparison.Ordinal);
    }

    public void Dispose() => _site.Dispose();
}
