using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Serverless.Local;

namespace Serverless.Infra.Tests;

/// <summary>The published apps are started with what the templates would give them, and with one setting less.</summary>
public class SettingTests
{
    private static readonly string[] OfTheHost = ["AzureWebJobsStorage__", "AzureFunctionsJobHost__", "APPLICATIONINSIGHTS_", "EventHubs__credential", "EventHubs__clientId"];
    // INFRA_APPS=artifacts/native looks at the packages of infra/deploy instead, after they were made.
    private static readonly string Published = Environment.GetEnvironmentVariable("INFRA_APPS") is { } folder ? Path.GetFullPath(folder, Path.Combine(Bicep.Folder, "..")) : new LocalCloudOptions().Apps;

    public static TheoryData<string, string> Apps() =>
        [.. from environment in new[] { "dev", "prod" } from folder in Directory.EnumerateDirectories(Published).Order(StringComparer.Ordinal) select (environment, Path.GetFileName(folder))];

    [Fact]
    public void Every_app_that_is_built_is_deployed() =>
        Assert.Empty(Directory.EnumerateDirectories(Published).Select(folder => Path.GetFileName(folder)).Except(AppSettings.Apps(Snapshot.Read("dev"))));

    [Theory]
    [MemberData(nameof(Apps))]
    public async Task An_app_starts_with_the_settings_of_the_templates_and_answers_the_hosts_probe(string environment, string app)
    {
        var (id, line, probed) = await FirstWord(app, AppSettings.Of(Snapshot.Read(environment), app));
        Assert.True(id == 1000, line);
        Assert.Equal(HttpStatusCode.OK, probed);
    }

    [Theory]
    [MemberData(nameof(Apps))]
    public async Task An_app_reads_every_setting_that_it_is_given_and_stops_with_its_name_when_it_is_missing(string environment, string app)
    {
        if (environment == "prod") return; // the same names; the values were looked at above
        var settings = AppSettings.Of(Snapshot.Read(environment), app);
        var own = settings.Keys.Where(name => !OfTheHost.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(own);
        var unread = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(own, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = TestContext.Current.CancellationToken }, async (name, _) =>
        {
            var (id, line, _) = await FirstWord(app, settings.ToDictionary(one => one.Key, one => one.Key == name ? "" : one.Value));
            if (id != 1001 || !line.Contains($"setting {name} is missing", StringComparison.Ordinal) && !line.Contains($"setting {name.Replace("__", ":", StringComparison.Ordinal)} is missing", StringComparison.Ordinal)) unread.Add($"{name}: {line}");
        });
        Assert.Empty(unread);
    }

    /// <summary>Starts a handler as the host does, takes its first record and kills it. The rules over logs stand on the record's form: one
    /// line of JSON with the event's number in <c>id</c>. One that is ready is asked for <c>/</c> first, as the host does.</summary>
    private static async Task<(int Id, string Line, HttpStatusCode? Probed)> FirstWord(string app, Dictionary<string, string> settings)
    {
        var folder = Path.Combine(Published, app);
        var start = new ProcessStartInfo(Path.Combine(folder, "handler")) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name is not ("PATH" or "HOME" or "TMPDIR") && !name.StartsWith("DOTNET", StringComparison.Ordinal)).ToList()) start.Environment.Remove(name);
        foreach (var (name, value) in settings) start.Environment[name] = value;
        start.Environment["WEBSITE_HOSTNAME"] = $"func-{app}.azurewebsites.net"; // the platform's own
        var port = FreePort().ToString(CultureInfo.InvariantCulture);
        start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = port;
        using var handler = Process.Start(start)!;
        var errors = handler.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            var line = await handler.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) ?? "nothing: " + await errors;
            if (!line.StartsWith('{')) return (0, line, null);
            using var record = JsonDocument.Parse(line);
            var id = record.RootElement.GetProperty("id").GetInt32();
            if (id != 1000) return (id, line, null);
            using var http = new HttpClient();
            using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/"), TestContext.Current.CancellationToken);
            return (id, line, answer.StatusCode);
        }
        finally
        {
            if (!handler.HasExited) handler.Kill();
            await handler.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
