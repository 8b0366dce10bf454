using System.Globalization;
using System.Runtime.CompilerServices;

namespace Serverless.Deploy.Tests;

/// <summary>A small tree with two apps, and an <c>az</c> that writes down how it is called and answers what the test told it to.</summary>
internal sealed class Site : IDisposable
{
    public const string Subscription = "11111111-1111-1111-1111-111111111111";

    private const string Script = """
        #!/bin/sh
        # Answers with the first rule that matches the whole command line and is not used up.
        here=$(dirname "$0")
        printf '%s\n' "$*" >> "$here/calls"
        for word in "$@"; do case "$word" in @*) cat "${word#@}" >> "$here/bodies"; echo >> "$here/bodies"; stat -c %a "${word#@}" >> "$here/modes";; esac; done
        for rule in "$here"/rules/*; do
          [ -d "$rule" ] || continue
          pattern=$(cat "$rule/pattern")
          left=$(cat "$rule/left")
          [ "$left" -eq 0 ] && continue
          case "$*" in
            $pattern) echo $((left - 1)) > "$rule/left"; cat "$rule/errors" >&2; cat "$rule/output"; exit "$(cat "$rule/status")";;
          esac
        done
        echo "no answer for: $*" >&2
        exit 9
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("deploy-tests-");
    private readonly StringWriter _said = new();
    private int _rules;

    public Site()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("the stand-in for az is a shell script");
        Write("infra/test.bicepparam", $"using 'main.bicep'\n\nparam location = 'westeurope'\nparam opsEmail = 'ops@contoso.net'\nparam apiClientId = '22222222-2222-2222-2222-222222222222'\n");
        File.Copy(Path.Combine(Repository, "infra/entra/api.json"), Write("infra/entra/api.json", ""), overwrite: true);
        foreach (var (app, function) in new[] { ("Enrollment", "Allocate"), ("Telemetry", "IngestTelemetry") })
        {
            Write($"functions/{app}/{app}.csproj", "<Project />");
            Write($"functions/{app}/{function}/function.json", "{}");
            Write($"packages/{app.ToLowerInvariant()}.zip", "zip");
        }

        Write("functions/Telemetry/Validation/profiles/pump@1.json", "{}");
        var az = Write("az/az", Script.Replace("\r", "", StringComparison.Ordinal));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(az, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(At("az/rules"));
        Around = new Surroundings(_said) { Root = _root.FullName, Az = az, Pause = TimeSpan.Zero, Tries = 3, Http = () => Http };
    }

    public static string Repository { get; } = Path.GetFullPath(Path.Combine(Here(), "../.."));

    public Surroundings Around { get; set; }

    public HttpMessageHandler Http { get; set; } = new HttpClientHandler();

    public string Packages => At("packages");

    public string Said => _said.ToString();

    /// <summary>Every call of <c>az</c> so far, one line each.</summary>
    public IReadOnlyList<string> Calls => File.Exists(At("az/calls")) ? File.ReadAllLines(At("az/calls")) : [];

    public IEnumerable<string> CallsOf(string words) => Calls.Where(call => call.StartsWith(words, StringComparison.Ordinal));

    public string At(string path) => Path.Combine(_root.FullName, path);

    public string Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
        return At(path);
    }

    /// <summary>Tells <c>az</c> what to answer.</summary>
    /// <param name="pattern">Shell pattern over the whole command line.</param>
    /// <param name="output">What it prints.</param>
    /// <param name="status">Its exit code.</param>
    /// <param name="errors">What it complains.</param>
    /// <param name="times">How often; -1 for always. Rules told first are tried first.</param>
    /// <param name="first">Before those told already.</param>
    public Site When(string pattern, string output = "{}", int status = 0, string errors = "", int times = -1, bool first = false)
    {
        var rule = $"az/rules/{(first ? "0" : "")}{(_rules++).ToString("000", CultureInfo.InvariantCulture)}";
        Write($"{rule}/pattern", pattern);
        Write($"{rule}/output", output);
        Write($"{rule}/errors", errors);
        Write($"{rule}/status", status.ToString(CultureInfo.InvariantCulture));
        Write($"{rule}/left", times.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>Somebody is signed in, in the right subscription, and the templates were deployed.</summary>
    public Site Deployed() => SignedIn().When(
        "deployment sub show --name pipeline-test*",
        """
        {"resourceGroup":{"value":"rg-test"},"functionApps":{"value":{"enrollment":"func-enrollment","telemetry":"func-telemetry"}},
         "provisioningName":{"value":"dps-test"},"keyVaultName":{"value":"kv-test"},"webhookVaultName":{"value":"kv-hook"},"stateAccount":{"value":"ststate"},"otaAccount":{"value":"stota"},
         "otaHost":{"value":"ota.test"}}
        """);

    public Site SignedIn() => When(
        "account show*", $$"""{"id":"{{Subscription}}","name":"Test","tenantId":"33333333-3333-3333-3333-333333333333","user":{"type":"user","name":"me@contoso.net"} }""");

    public Task<int> Run(params string[] arguments) => CommandLine.Run(
        arguments, Around, new System.CommandLine.InvocationConfiguration { Output = _said, Error = _said }, TestContext.Current.CancellationToken);

    /// <summary>Runs a command on the test's environment.</summary>
    public Task<int> On(string command, params string[] arguments) =>
        Run([command, "--environment", "test", "--subscription", Subscription, .. arguments]);

    public void Dispose() => _root.Delete(recursive: true);

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
