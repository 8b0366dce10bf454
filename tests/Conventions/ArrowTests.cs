using System.Reflection;

namespace Serverless.Conventions.Tests;

public class ArrowTests
{
    /// <summary>Rules: assemblies that decide, and so may know only the base library and each other.</summary>
    public static TheoryData<string> RuleAssemblies() =>
    [
        "Serverless.Faults",
        "Serverless.Devices",
        "Serverless.Enrollment.Admission",
        "Serverless.Telemetry.Validation",
        "Serverless.Telemetry.Scoring",
        "Serverless.FirmwareSigning.Trust",
        "Serverless.FirmwareSigning.Signing",
        "Serverless.FirmwareSigning.Repository",
        "Serverless.FirmwareSigning.Suit",
        "Serverless.FirmwareSigning.Mcuboot",
        "Serverless.FirmwareSigning.ReleaseApi",
        "Serverless.Firmware.Releases",
        "Serverless.Lifecycle.Endings",
    ];

    [Theory]
    [MemberData(nameof(RuleAssemblies))]
    public void Rules_reference_no_http_azure_or_host_type(string rule)
    {
        var foreign = Assembly.Load(rule).GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => !Inward(name))
            .ToArray();
        Assert.Empty(foreign);
    }

    private static bool Inward(string name) =>
        name is "System.Private.CoreLib" or "netstandard"
        || (name.StartsWith("System.", StringComparison.Ordinal) && !name.StartsWith("System.Net", StringComparison.Ordinal))
        || RuleAssemblies().Any(row => row.Data == name);
}
