using System.Text.RegularExpressions;

namespace Serverless.Infra.Tests;

/// <summary>An app's settings as a deployment would write them: what only Azure knows is stood in for by a value of its shape.</summary>
internal static partial class AppSettings
{
    /// <summary>The settings of one app.</summary>
    public static Dictionary<string, string> Of(Snapshot cloud, string app)
    {
        var site = cloud.Of("Microsoft.Web/sites/config").SingleOrDefault(one => one.Name.Split('-')[2] == app) ?? throw new InvalidOperationException($"no function app '{app}' is deployed");
        return site.At("properties")!.Value.EnumerateObject().ToDictionary(setting => setting.Name, setting => Evaluated(setting.Value.GetString()!), StringComparer.Ordinal);
    }

    /// <summary>The apps that are deployed.</summary>
    public static IEnumerable<string> Apps(Snapshot cloud) => cloud.Of("Microsoft.Web/sites").Select(site => site.Name.Split('-')[2]).Order(StringComparer.Ordinal);

    private static string Evaluated(string value)
    {
        if (!value.StartsWith('[')) return value;
        var text = value.Replace("environment().authentication.loginEndpoint", "'https://login.microsoftonline.com/'", StringComparison.Ordinal);
        text = Reference().Replace(text, match => $"'{Property(match.Groups[1].Value.Split('/')[^1], match.Groups[2].Value)}'");
        var format = Format().Match(text);
        if (format.Success)
        {
            var values = Literal().Matches(format.Groups[2].Value).Select(match => (object)match.Groups[1].Value).ToArray();
            return string.Format(System.Globalization.CultureInfo.InvariantCulture, format.Groups[1].Value, values);
        }

        var literal = Whole().Match(text);
        return literal.Success ? literal.Groups[1].Value : throw new InvalidOperationException($"an expression this test cannot evaluate: {value}");
    }

    private static string Property(string resource, string property) => property switch
    {
        "primaryEndpoints.blob" => $"https://{resource}.blob.core.windows.net/",
        "primaryEndpoints.queue" => $"https://{resource}.queue.core.windows.net/",
        "primaryEndpoints.table" => $"https://{resource}.table.core.windows.net/",
        "clientId" => "00000000-0000-0000-0000-0000000000c1",
        "serviceOperationsHostName" => $"{resource}.azure-devices-provisioning.net",
        "hostName" => $"{resource}.azure-devices.net",
        "vaultUri" => $"https://{resource}.vault.azure.net/",
        "defaultHostName" => $"{resource}.azurewebsites.net",
        "ConnectionString" => "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://westeurope.in.applicationinsights.azure.com/",
        _ => throw new InvalidOperationException($"a property this test does not know: {property}"),
    };

    [GeneratedRegex(@"reference\('([^']+)', '[^']+'\)\.([A-Za-z.]+)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"^\[format\('([^']*)', (.*)\)\]$")]
    private static partial Regex Format();

    [GeneratedRegex("'([^']*)'")]
    private static partial Regex Literal();

    [GeneratedRegex(@"^\['([^']*)'\]$")]
    private static partial Regex Whole();
}
