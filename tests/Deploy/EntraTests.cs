using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Serverless.Hosting;

namespace Serverless.Deploy.Tests;

public sealed class EntraTests : IDisposable
{
    private readonly Site _site = new();

    [Fact]
    public void The_registration_has_exactly_the_roles_that_code_and_templates_name_and_asks_for_v2_tokens()
    {
        using var api = JsonDocument.Parse(File.ReadAllText(Path.Combine(Site.Repository, "infra/entra/api.json")));
        var roles = api.RootElement.GetProperty("appRoles").EnumerateArray().ToList();
        var inCode = typeof(Role).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);
        var values = roles.Select(role => role.GetProperty("value").GetString()!).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(inCode.Order(StringComparer.Ordinal), values);
        var names = File.ReadAllText(Path.Combine(Site.Repository, "infra/modules/names.bicep"));
        Assert.Equal(Regex.Matches(names, @"^  '(\w+\.\w+)'$", RegexOptions.Multiline).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal), values);
        Assert.Equal(roles.Count, roles.Select(role => role.GetProperty("id").GetGuid()).Distinct().Count());
        Assert.Equal(2, api.RootElement.GetProperty("api").GetProperty("requestedAccessTokenVersion").GetInt32());
        Assert.Equal("AzureADMyOrg", api.RootElement.GetProperty("signInAudience").GetString());
        Assert.False(api.RootElement.TryGetProperty("passwordCredentials", out _));
    }

    [Fact]
    public async Task It_is_made_or_updated_by_name_and_nobody_gets_a_token_unassigned()
    {
        _site.SignedIn().When("rest --method PATCH*").When("rest --method GET*", """{"appId":"55555555-5555-5555-5555-555555555555","passwordCredentials":[],"keyCredentials":[]}""");
        Assert.Equal(0, await _site.On("entra"));
        var writes = _site.CallsOf("rest --method PATCH").ToList();
        Assert.Equal(2, writes.Count);
        Assert.Contains("applications(uniqueName='device-pipeline-test')", writes[0], StringComparison.Ordinal);
        Assert.Contains("servicePrincipals(appId='55555555-5555-5555-5555-555555555555')", writes[1], StringComparison.Ordinal);
        Assert.All(writes, write => Assert.Contains("Prefer=create-if-missing", write, StringComparison.Ordinal));
        Assert.Contains("param apiClientId = '55555555-5555-5555-5555-555555555555'", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_with_a_secret_is_not_accepted()
    {
        _site.SignedIn().When("rest --method PATCH*").When("rest --method GET*", """{"appId":"55555555-5555-5555-5555-555555555555","passwordCredentials":[{}]}""");
        Assert.Equal(2, await _site.On("entra"));
        Assert.Contains("has credentials", _site.Said, StringComparison.Ordinal);
    }

    public void Dispose() => _site.Dispose();
}
