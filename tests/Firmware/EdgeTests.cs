using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Serverless.Firmware.Desk;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.Hosting;
using Serverless.Hosting.Tests;

namespace Serverless.Firmware.Tests;

/// <summary>The HTTP interface of README.md, through the edge: roles, statuses, headers, bodies.</summary>
public partial class EdgeTests
{
    private static readonly string[] Submitter = [Role.ReleaseSubmit];
    private static readonly string[] Approver = [Role.ReleaseApprove];

    [Fact]
    public async Task A_release_goes_through_the_interface_as_the_README_says()
    {
        await using var desk = await Open.Desk();
        var body = Json(desk.Town.Upload("1.0.0"));
        var (status, headers, shown) = await desk.Post("releases", body, Town.Alice, Submitter);
        Assert.Equal((201, "/api/releases/gw100@1.0.0"), (status, headers["Location"]));
        Assert.Equal(("proposed", "two-person", "release"), (Text(shown, "state"), Text(shown, "policy"), Text(shown, "kind")));
        Assert.Equal("no-store", headers["Cache-Control"]);
        (status, _, _) = await desk.Post("releases", body, Town.Alice, Submitter);
        Assert.Equal(200, status);

        (status, _, shown) = await desk.Get("releases/gw100@1.0.0", Town.Bob, Approver);
        Assert.Equal(200, status);
        var release = JsonSerializer.Deserialize(shown.GetRawText(), ReleaseApiJson.Default.ReleaseBody)!;
        var given = await Town.Sign(release, Town.KeyOf(Town.Bob));
        var approval = JsonSerializer.SerializeToUtf8Bytes(new ApprovalBody(given.Sha256, given.KeyId, given.Signature), ReleaseApiJson.Default.ApprovalBody);
        (status, _, shown) = await desk.Post("releases/gw100@1.0.0/approvals", approval, Town.Bob, Approver);
        Assert.Equal((200, "published"), (status, Text(shown, "state")));
        Assert.Equal("", await desk.Town.Device().Download(Town.Target("1.0.0")));

        (status, _, shown) = await desk.Get("releases?product=gw100", Town.Bob, [Role.FleetRead]);
        Assert.Equal((200, 1), (status, shown.GetProperty("releases").GetArrayLength()));
        (status, _, shown) = await desk.Get("products", Town.Bob, Approver);
        Assert.Equal((200, "gw100"), (status, shown.GetProperty("products")[0].GetProperty("id").GetString()));
        (status, _, shown) = await desk.Get("metadata", Town.Bob, Approver);
        Assert.Equal(new[] { "root", "timestamp", "snapshot", "targets", "gw100" }, shown.GetProperty("roles").EnumerateArray().Select(role => role.GetProperty("name").GetString()));

        (status, headers, shown) = await desk.Post("releases/gw100@1.0.0/withdrawal", """{"reason":"bricks"}"""u8.ToArray(), Town.Alice, Submitter);
        Assert.Equal((201, "/api/releases/gw100@1.0.0~withdrawal", "withdrawal", "bricks"), (status, headers["Location"], Text(shown, "kind"), Text(shown, "reason")));
        (status, headers, shown) = await desk.Post("products/gw100/renewal", """{"reason":"yearly"}"""u8.ToArray(), Town.Bob, Approver);
        Assert.Equal((201, "/api/releases/gw100~renewal", "renewal"), (status, headers["Location"], Text(shown, "kind")));
    }

    [Fact]
    public async Task An_envelope_is_shown_to_approvers_and_to_nobody_else()
    {
        await using var desk = await Open.Desk(product: "mcu7");
        static JsonElement Content(JsonElement shown) => shown.GetProperty("proposal").GetProperty("envelopes")[0].GetProperty("content");
        var (_, _, shown) = await desk.Post("releases", Json(desk.Town.Upload("1.0.0", product: "mcu7")), Town.Alice, [Role.ReleaseSubmit, Role.ReleaseApprove]);
        Assert.Equal(JsonValueKind.Null, Content(shown).ValueKind);
        foreach (var role in new[] { Role.ReleaseSubmit, Role.FleetRead })
            Assert.Equal(JsonValueKind.Null, Content((await desk.Get("releases/mcu7@1.0.0", Town.Alice, [role])).Body).ValueKind);
        Assert.Equal(JsonValueKind.String, Content((await desk.Get("releases/mcu7@1.0.0", Town.Bob, Approver)).Body).ValueKind);
        (_, _, shown) = await desk.Get("releases", Town.Bob, Approver);
        Assert.Equal(JsonValueKind.Null, Content(shown.GetProperty("releases")[0]).ValueKind);
    }

    [Fact]
    public async Task A_long_image_is_accepted_and_says_where_to_ask_and_when()
    {
        await using var desk = await Open.Desk(inlineBytes: 100);
        var (status, headers, shown) = await desk.Post("releases", Json(desk.Town.Upload("1.0.0")), Town.Alice, Submitter);
        Assert.Equal((202, "/api/releases/gw100@1.0.0", "5"), (status, headers["Location"], headers["Retry-After"]));
        Assert.Equal((0, 2000), (shown.GetProperty("progress").GetProperty("doneBytes").GetInt64(), shown.GetProperty("progress").GetProperty("totalBytes").GetInt64()));
        desk.Town.Clock.SetUtcNow(TimeProvider.System.GetUtcNow().AddSeconds(1));
        await desk.Town.TickAdvance();
        (_, _, shown) = await desk.Get("releases/gw100@1.0.0", Town.Bob, Approver);
        var given = await Town.Sign(JsonSerializer.Deserialize(shown.GetRawText(), ReleaseApiJson.Default.ReleaseBody)!, Town.KeyOf(Town.Bob));
        var approval = JsonSerializer.SerializeToUtf8Bytes(new ApprovalBody(given.Sha256, given.KeyId, given.Signature), ReleaseApiJson.Default.ApprovalBody);
        (status, headers, shown) = await desk.Post("releases/gw100@1.0.0/approvals", approval, Town.Bob, Approver);
        Assert.Equal((202, "approved", "5"), (status, Text(shown, "state"), headers["Retry-After"]));
    }

    public static TheoryData<string, string, string> Calls() => new()
    {
        { "POST", "releases", Role.ReleaseSubmit },
        { "GET", "releases", $"{Role.ReleaseSubmit} {Role.ReleaseApprove} {Role.FleetRead}" },
        { "GET", "releases/gw100@1.0.0", $"{Role.ReleaseSubmit} {Role.ReleaseApprove} {Role.FleetRead}" },
        { "POST", "releases/gw100@1.0.0/approvals", Role.ReleaseApprove },
        { "POST", "releases/gw100@1.0.0/withdrawal", $"{Role.ReleaseSubmit} {Role.ReleaseApprove}" },
        { "POST", "products/gw100/renewal", Role.ReleaseApprove },
        { "GET", "products", $"{Role.ReleaseSubmit} {Role.ReleaseApprove} {Role.FleetRead}" },
        { "GET", "metadata", $"{Role.ReleaseSubmit} {Role.ReleaseApprove} {Role.FleetRead}" },
        { "POST", "metadata", Role.ReleaseApprove },
    };

    [Theory, MemberData(nameof(Calls))]
    public async Task Every_call_needs_a_token_and_one_of_its_roles(string method, string path, string roles)
    {
        await using var desk = await Open.Desk();
        Task<(int Status, Dictionary<string, string> Headers, JsonElement Body)> Call(string? person, string[] has) =>
            method == "GET" ? desk.Get(path, person, has) : desk.Post(path, "[]"u8.ToArray(), person, has);
        Assert.Equal("token-missing", Text((await Call(null, [])).Body, "code"));
        foreach (var role in new[] { Role.ReleaseSubmit, Role.ReleaseApprove, Role.FleetRead, Role.DeviceEnroll })
        {
            var (status, _, body) = await Call(Town.Bob, [role]);
            if (roles.Split(' ').Contains(role)) Assert.NotEqual(403, status);
            else Assert.Equal((403, "role-missing"), (status, Text(body, "code")));
        }
    }

    [Theory]
    [InlineData("releases", "[]", 400, "json-body")]
    [InlineData("releases", "{", 400, "json-body")]
    [InlineData("releases/gw100@1.0.0/approvals", "{}", 400, "json-body")]
    [InlineData("releases/gw100@1.0.0/approvals", """{"sha256":"x","keyId":"y","signature":"z"}""", 400, "hash-format")]
    [InlineData("releases/nonsense/withdrawal", """{"reason":"x"}""", 404, "release-unknown")]
    [InlineData("releases/gw100@1.0.0/withdrawal", """{"reason":"x"}""", 404, "release-unknown")]
    [InlineData("releases/gw100@1.0.0/withdrawal", """{"why":"x"}""", 400, "json-body")]
    [InlineData("products/GW/renewal", """{"reason":"x"}""", 404, "product-unknown")]
    [InlineData("products/gw100/renewal", """{"reason":"x"}""", 409, "release-state-conflict")]
    [InlineData("metadata", "{}", 400, "json-body")]
    public async Task Refusals_have_the_statuses_of_the_README(string path, string body, int status, string code)
    {
        await using var desk = await Open.Desk();
        var (answered, headers, problem) = await desk.Post(path, Encoding.UTF8.GetBytes(body), Town.Bob, [Role.ReleaseSubmit, Role.ReleaseApprove]);
        Assert.Equal((status, code, "application/problem+json"), (answered, Text(problem, "code"), headers["Content-Type"]));
    }

    [Fact]
    public async Task Refusals_of_approvals_have_their_statuses_and_large_bodies_their_own()
    {
        await using var desk = await Open.Desk();
        await desk.Post("releases", Json(desk.Town.Upload("1.0.0")), Town.Alice, Submitter);
        var record = await desk.Town.Record("gw100@1.0.0");
        async Task<(int, string?)> Approve(string person, string sha256)
        {
            var body = new ApprovalBody(sha256, Town.KeyOf(person).Key.KeyId, "00");
            var (status, _, problem) = await desk.Post("releases/gw100@1.0.0/approvals", JsonSerializer.SerializeToUtf8Bytes(body, ReleaseApiJson.Default.ApprovalBody), person, Approver);
            return (status, Text(problem, "code"));
        }

        Assert.Equal((412, "approval-stale"), await Approve(Town.Bob, new string('0', 64)));
        Assert.Equal((403, "approval-submitter-forbidden"), await Approve(Town.Alice, record.Proposal!.Sha256));
        Assert.Equal((403, "approval-key-forbidden"), await Approve("dddddddd-0000-4000-8000-000000000004", record.Proposal.Sha256));
        Assert.Equal((400, "approval-signature"), await Approve(Town.Bob, record.Proposal.Sha256));
        Assert.Equal((409, "release-exists"), await Refused(desk, desk.Town.Upload("1.0.0") with { Notes = "other" }, Town.Bob));
        Assert.Equal(413, (await desk.Post("releases", new byte[(64 * 1024) + 1], Town.Alice, Submitter)).Status);
        // A check that fails while the caller waits is the answer, and stays readable.
        Assert.Equal((400, "image-digest"), await Refused(desk, desk.Town.Upload("2.0.0") with { Sha256 = new string('0', 64) }, Town.Alice));
        var (_, _, shown) = await desk.Get("releases/gw100@2.0.0", Town.Alice, Submitter);
        Assert.Equal(("refused", "image-digest"), (Text(shown, "state"), shown.GetProperty("fault").GetProperty("code").GetString()));
    }

    [Fact]
    public void Every_function_of_the_README_has_its_binding()
    {
        var folder = Path.Combine(SourceFolder(), "..", "..", "functions", "Firmware");
        var routes = Directory.EnumerateFiles(folder, "function.json", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Select(file => JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("bindings")[0])
            .Where(trigger => trigger.GetProperty("type").GetString() == "httpTrigger")
            .Select(trigger => $"{trigger.GetProperty("methods")[0].GetString()!.ToUpperInvariant()} api/{trigger.GetProperty("route").GetString()}")
            .Where(route => route != "GET api/openapi.json")
            .Order(StringComparer.Ordinal);
        var readme = File.ReadAllText(Path.Combine(folder, "README.md"));
        var documented = ReadmeCall().Matches(readme).Select(match => match.Groups[1].Value.Split('?')[0]).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(documented, routes);
    }

    [Theory]
    [InlineData("0", true)]
    [InlineData("1073741824", true)]
    [InlineData("1073741825", false)]
    [InlineData("-1", false)]
    public void The_inline_limit_is_taken_up_to_its_limits(string value, bool accepted)
    {
        var refusal = Record.Exception(() => DeskSettings.Read(Settings("Releases:InlineBytes", value, DeskSettings.Section)));
        if (accepted) Assert.Null(refusal);
        else Assert.Equal("Releases__InlineBytes", Assert.IsType<SettingException>(refusal).Setting);
    }

    [Fact]
    public void Places_have_no_defaults()
    {
        Assert.Equal("KeyVault__vaultUri", Assert.Throws<SettingException>(() => VaultPlace.Read(Settings("x", "", VaultPlace.Section))).Setting);
        Assert.Equal("Storage__tableServiceUri", Assert.Throws<SettingException>(() => TablePlace.Read(Settings("x", "", TablePlace.Section))).Setting);
        Assert.Equal("Firmware__blobServiceUri", Assert.Throws<SettingException>(() => ImagePlace.Read(Settings("x", "", ImagePlace.Section))).Setting);
        Assert.Equal("Ota__blobServiceUri", Assert.Throws<SettingException>(() => OtaPlace.Read(Settings("x", "", OtaPlace.Section))).Setting);
        Assert.Equal(64 << 20, DeskSettings.Read(Settings("x", "", DeskSettings.Section)).InlineBytes);
    }

    private static async Task<(int, string?)> Refused(Open desk, SubmissionBody body, string person)
    {
        var (status, _, problem) = await desk.Post("releases", Json(body), person, Submitter);
        return (status, Text(problem, "code"));
    }

    private static byte[] Json(SubmissionBody body) => JsonSerializer.SerializeToUtf8Bytes(body, ReleaseApiJson.Default.SubmissionBody);

    private static string? Text(JsonElement json, string member) => json.GetProperty(member).GetString();

    private static SettingsReader Settings(string name, string value, string section) =>
        new(new ConfigurationBuilder().AddInMemoryCollection([new(name, value)]).Build(), section);

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex("^\\| `((?:GET|POST) api/[^`]*)` \\|", RegexOptions.Multiline)]
    private static partial Regex ReadmeCall();

    /// <summary>The app's edge on a loopback port, around stores in memory.</summary>
    private sealed class Open : IAsyncDisposable
    {
        private readonly EdgeServer _edge;
        private readonly TestTenant _tenant;
        private readonly HttpClient _http;

        private Open(Town town, EdgeServer edge, TestTenant tenant) =>
            (Town, _edge, _tenant, _http) = (town, edge, tenant, new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{edge.Port}/api/") });

        public Town Town { get; }

        public static async Task<Open> Desk(long inlineBytes = 1 << 20, string product = "gw100")
        {
            var town = await Town.Found(inlineBytes: inlineBytes, products: [product]);
            var tenant = await TestTenant.Start();
            var edge = await EdgeServer.Start(
                app =>
                {
                    FirmwareServices.Map(app);
                    town.AddTo(app.Services, inlineBytes);
                    // Tokens are of this moment; releases are of the town's.
                    app.Services.Remove(app.Services.Last(service => service.ServiceType == typeof(TimeProvider)));
                },
                tenant.Settings);
            return new Open(town, edge, tenant);
        }

        public Task<(int Status, Dictionary<string, string> Headers, JsonElement Body)> Get(string path, string? person, string[] roles) =>
            Send(new HttpRequestMessage(HttpMethod.Get, path), person, roles);

        public Task<(int Status, Dictionary<string, string> Headers, JsonElement Body)> Post(string path, byte[] body, string? person, string[] roles) =>
            Send(new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } } }, person, roles);

        public async ValueTask DisposeAsync()
        {
            _http.Dispose();
            await _edge.DisposeAsync();
            await _tenant.DisposeAsync();
            Town.Dispose();
        }

        private async Task<(int Status, Dictionary<string, string> Headers, JsonElement Body)> Send(HttpRequestMessage request, string? person, string[] roles)
        {
            using (request)
            {
                if (person is not null) request.Headers.Authorization = new("Bearer", _tenant.Token(roles, caller: person));
                using var answer = await _http.SendAsync(request, Town.Token);
                var headers = answer.Headers.Concat(answer.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
                return ((int)answer.StatusCode, headers, JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(Town.Token)).RootElement);
            }
        }
    }
}
