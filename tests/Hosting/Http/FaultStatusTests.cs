using Serverless.Faults;

namespace Serverless.Hosting.Tests;

public class FaultStatusTests
{
    [Theory]
    [InlineData("path-unknown", 404)]
    [InlineData("path-form", 400)]
    [InlineData("method-unsupported", 405)]
    [InlineData("media-type", 415)]
    [InlineData("request-malformed", 400)]
    [InlineData("headers-too-large", 431)]
    [InlineData("body-length-missing", 411)]
    [InlineData("body-missing", 400)]
    [InlineData("body-too-large", 413)]
    [InlineData("body-too-slow", 408)]
    [InlineData("token-missing", 401)]
    [InlineData("token-invalid", 401)]
    [InlineData("token-expired", 401)]
    [InlineData("token-audience", 401)]
    [InlineData("role-missing", 403)]
    [InlineData("rate-limited", 429)]
    [InlineData("outage", 503)]
    [InlineData("bug", 500)]
    [InlineData("device-unknown", 404)]
    [InlineData("device-gone", 410)]
    [InlineData("release-conflict", 409)]
    [InlineData("device-key-taken", 409)]
    [InlineData("release-exists", 409)]
    [InlineData("incident-stale", 412)]
    [InlineData("release-self-approval-forbidden", 403)]
    [InlineData("profile-unsupported", 422)]
    [InlineData("containment-busy", 429)]
    [InlineData("device-id-length", 400)]
    [InlineData("unknown-thing", 400)]
    [InlineData("", 400)]
    public void A_code_has_one_status(string code, int status) => Assert.Equal(status, FaultStatus.Of(new Fault(code, "x")));

    [Fact]
    public void Every_row_of_the_table_is_tested_above()
    {
        var rows = typeof(FaultStatusTests).GetMethod(nameof(A_code_has_one_status))!.GetCustomAttributes(typeof(InlineDataAttribute), false)
            .Cast<InlineDataAttribute>().Select(row => (string)row.Data[0]!).ToArray();
        Assert.Empty(FaultStatus.Codes.Keys.Except(rows));
        Assert.All(FaultStatus.LastWords.Keys, word => Assert.Contains(rows, row => row.EndsWith($"-{word}", StringComparison.Ordinal)));
    }
}
