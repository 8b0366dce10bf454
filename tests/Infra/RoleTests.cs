using Serverless.Local;
using Serverless.Local.Identity;

namespace Serverless.Infra.Tests;

/// <summary>Who may do what, in one list: the templates', README.md's, and the one that the local cloud enforces.</summary>
public class RoleTests
{
    private const string Begin = "<!-- roles: generated from prod.snapshot.json, INFRA_RENEW=1 dotnet test --project tests/Infra/Infra.Tests.csproj renews it -->";
    private const string End = "<!-- roles: end -->";

    /// <summary>What Azure needs and the local cloud has no counterpart of: telemetry of the apps themselves, the accounts of the Functions
    /// hosts (one account here), the vault of the webhook's key (a setting here), and the copy of telemetry for forensics.</summary>
    private static bool OfThePlatform(Right right) => right.On is "insights" or "host-storage" or "webhook-vault" || right.Identity == "capture";

    [Fact]
    public void The_table_in_the_readme_lists_every_right_there_is()
    {
        var readme = Path.Combine(Bicep.Folder, "README.md");
        var rows = Right.Of(Snapshot.Read("prod")).Select(right => $"| {right.Identity} | {right.Role} | {right.Where} |");
        var table = string.Join('\n', [Begin, "| identity | role | on |", "| --- | --- | --- |", .. rows, End]);
        var text = File.ReadAllText(readme);
        var (from, to) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        Assert.True(from >= 0 && to > from, "README.md has no place for the table");
        if (Environment.GetEnvironmentVariable("INFRA_RENEW") == "1") File.WriteAllText(readme, text = text[..from] + table + text[(to + End.Length)..]);
        Assert.Contains(table, text, StringComparison.Ordinal);
    }

    /// <summary>The apps that are built, and IoT Hub. What an app that is not built yet will hold is known to the templates alone.</summary>
    public static TheoryData<string> Apps() => [.. Directory.EnumerateDirectories(new LocalCloudOptions().Apps).Select(folder => Path.GetFileName(folder)).Append("iothub").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Apps))]
    public void The_local_cloud_enforces_the_same_list(string app)
    {
        var here = LocalTenant.Directory().Principals.Single(principal => principal.Name == app).Assignments
            .Where(held => !held.Scope.StartsWith("storage/blob/azure-webjobs-", StringComparison.Ordinal))
            .Select(held => $"{held.Role} on {held.Scope}").Order(StringComparer.Ordinal);
        var inAzure = Right.Of(Snapshot.Read("prod")).Where(right => right.Identity == app && !OfThePlatform(right))
            .Select(right => $"{right.Role} on {right.On}").Order(StringComparer.Ordinal);
        Assert.Equal(inAzure, here);
    }

    [Fact]
    public void Nobody_holds_a_right_in_only_one_of_the_two_clouds()
    {
        var inAzure = Right.Of(Snapshot.Read("prod")).Select(right => right.Identity).Distinct();
        // People are no resources; their roles in Azure are app roles. Response is not built yet, capture copies for forensics and has no counterpart here.
        var here = LocalTenant.Directory().Principals.Where(principal => principal.AppRoles.Count == 0).Select(principal => principal.Name);
        Assert.Equal(here.Except(["response"]).Append("capture").Order(StringComparer.Ordinal), inAzure.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    public void A_custom_role_lists_each_action_it_grants_and_the_local_cloud_grants_the_same(string environment)
    {
        var roles = Snapshot.Read(environment).Of("Microsoft.Authorization/roleDefinitions").ToList();
        Assert.NotEmpty(roles);
        foreach (var role in roles)
        {
            var permission = role.At("properties.permissions")!.Value[0];
            Assert.Equal(0, permission.GetProperty("actions").GetArrayLength());
            var granted = permission.GetProperty("dataActions").EnumerateArray().Select(action => action.GetString()!).ToList();
            Assert.NotEmpty(granted);
            Assert.DoesNotContain(granted, action => action.Contains('*', StringComparison.Ordinal));
            Assert.DoesNotContain(granted, action => action.Contains("attestationmechanism", StringComparison.OrdinalIgnoreCase)); // keys of enrolments
            var enforced = Roles.DataActions[role.Text("properties.roleName").Split(" (")[0] + " (custom)"];
            Assert.Equal(granted.Order(StringComparer.Ordinal), enforced.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    public void A_right_is_held_on_one_thing_by_an_app_or_service_and_is_on_the_list(string environment)
    {
        // Right.Of throws for a role that is not on its list and for a scope as wide as a namespace, vault, group or subscription.
        Assert.NotEmpty(Right.Of(Snapshot.Read(environment)));
        Assert.All(Snapshot.Read(environment).Of("Microsoft.Authorization/roleAssignments"), one => Assert.Equal("ServicePrincipal", one.Text("properties.principalType")));
    }
}
