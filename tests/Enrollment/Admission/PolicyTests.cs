using System.Text;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class PolicyTests
{
    public static TheoryData<string, string, string?> Changes() => new()
    {
        { "", "", null },
        { "\"version\": 1", "\"version\": 2", "policy-malformed" },
        { "\"version\": 1,", "", "policy-malformed" },
        { "\"version\": 1,", "\"version\": 1, \"more\": 1,", "policy-malformed" },
        { "\"model\": \"pump\"", "\"model\": \"Pump\"", "policy-model" },
        { "\"model\": \"gateway\"", "\"model\": \"pump\"", "policy-repeated" },
        { "\"P-256\", \"P-384\", \"RSA-3072\"", "\"P-256\", \"P-256\"", "policy-model" },
        { "\"P-256\", \"P-384\", \"RSA-3072\"", "\"RSA-2048\"", "policy-model" },
        { "\"P-256\", \"P-384\", \"RSA-3072\"", "", "policy-model" }, // nothing could enrol
        { "\"validityDaysMax\": 365", "\"validityDaysMax\": 3650", null },
        { "\"validityDaysMax\": 365", "\"validityDaysMax\": 3651", "policy-model" },
        { "\"validityDaysMax\": 365", "\"validityDaysMax\": 0", "policy-model" },
        { "\"ring\": \"stable\"", "\"ring\": \"Stable!\"", "policy-model" },
        { "hub-a.azure-devices.net", "not a host", "policy-hub" },
        { "hub-a.azure-devices.net", "HUB-B.azure-devices.net", "policy-repeated" },
        { "\"weight\": 3", "\"weight\": 1000", null },
        { "\"weight\": 3", "\"weight\": 1001", "policy-hub" },
        { "\"weight\": 3", "\"weight\": 0", "policy-hub" },
        { "\"devicePerMinute\": 5", "\"devicePerMinute\": 1000", null },
        { "\"devicePerMinute\": 5", "\"devicePerMinute\": 1001", "policy-rate" },
        { "\"devicePerMinute\": 5", "\"devicePerMinute\": 0", "policy-rate" },
        { "\"groupPerMinute\": 20", "\"groupPerMinute\": 100000", null },
        { "\"groupPerMinute\": 20", "\"groupPerMinute\": 100001", "policy-rate" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_policy_is_read_whole_or_not_at_all(string from, string to, string? fault)
    {
        var json = from.Length == 0 ? Policies.Json : Policies.Json.Replace(from, to, StringComparison.Ordinal);
        Assert.Equal(fault, FleetPolicy.Parse(Encoding.UTF8.GetBytes(json)).Fault?.Code);
    }

    [Fact]
    public void The_example_is_a_policy()
    {
        Assert.True(FleetPolicy.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "policies/enrollment.json"))).TryGet(out var policy, out var fault), fault?.ToString());
        Assert.Equal(["env-sensor", "gateway", "pump"], policy.Models.Keys);
    }

    [Fact]
    public void A_policy_has_at_most_256_KB()
    {
        Assert.Null(FleetPolicy.Parse(Encoding.UTF8.GetBytes(Policies.Json.PadRight(256 * 1024))).Fault);
        Assert.Equal("policy-malformed", FleetPolicy.Parse(Encoding.UTF8.GetBytes(Policies.Json.PadRight(256 * 1024 + 1))).Fault?.Code);
    }
}
