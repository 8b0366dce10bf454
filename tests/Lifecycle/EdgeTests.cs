using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Serverless.Devices;
using Serverless.Hosting;
using Serverless.Hosting.Tests;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Desk;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Tests;

/// <summary>The HTTP interface of README.md, through the edge: tokens, roles, bodies, statuses, codes.</summary>
public sealed class EdgeTests : IAsyncLifetime
{
    private const string Ops = "22222222-2222-2222-2222-222222222222";
    private static readonly string[] Roles = [Role.DeviceDecommission];
    private readonly World _world = new();
    private readonly MemoryFindings _findings = new();
    private TestTenant _tenant = null!;
    private EdgeServer _edge = null!;
    private HttpClient _http = null!;

    /// <summary>Every call, and who may make it beside those who decommission.</summary>
    public static TheoryData<string, string, bool> Calls() => new()
    {
        { "POST", "devices/d/decommission", false },
        { "GET", "devices/d/decommission", true },
        { "DELETE", "devices/d/decommission", false },
        { "POST", "devices/d/transfer", false },
        { "POST", "decommissions", false },
        { "GET", "devices/d/death-certificate", true },
        { "GET", "forecast", true },
        { "GET", "findings", true },
        { "PUT", "findings/device-unowned/d/acceptance", false },
    };

    [Theory, MemberData(nameof(Calls))]
    public async Task Every_call_needs_a_token_and_a_role(string method, string path, bool readers)
    {
        Assert.Equal((401, "token-missing"), Refused(await Send(method, path, "{}", token: null)));
        Assert.Equal((401, "token-invalid"), Refused(await Send(method, path, "{}", token: "x.y.z")));
        foreach (var role in new[] { Role.DeviceEnroll, Role.FleetRead, Role.ReleaseSubmit, Role.IncidentRespond, Role.DeviceDecommission })
        {
            var answer = await Send(method, path, "{}", [role]);
            if (role == Role.DeviceDecommission || (readers && role == Role.FleetRead)) Assert.NotEqual(403, answer.Status);
            else Assert.Equal((403, "role-missing"), Refused(answer));
        }

        Assert.Equal(DeviceState.Active, (await _world.Memory.Get(DeviceId.From("d"), Cancel))!.State); // and none of them did anything
    }

    [Fact]
    public void Every_call_has_its_binding()
    {
        var folder = Path.Combine(SourceFolder(), "..", "..", "functions", "Lifecycle");
        var bound = Directory.EnumerateDirectories(folder).Select(child => Path.Combine(child, "function.json")).Where(File.Exists)
            .Select(file => JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("bindings")[0])
            .Where(trigger => trigger.GetProperty("type").GetString() == "httpTrigger")
            .SelectMany(trigger => trigger.GetProperty("methods").EnumerateArray().Select(method => $"{method.GetString()!.ToUpperInvariant()} {trigger.GetProperty("route").GetString()}"))
            .Where(call => call != "GET openapi.json").Order(StringComparer.Ordinal);
        var here = Calls().Select(row => $"{row.Data.Item1} {row.Data.Item2}".Replace("/d/", "/{id}/", StringComparison.Ordinal).Replace("device-unowned/{id}", "{code}/{subject}", StringComparison.Ordinal));
        Assert.Equal(here.Order(StringComparer.Ordinal), bound);
    }

    [Theory]
    [InlineData("POST", "devices/d/decommission", "[]", 400, "json-body")]
    [InlineData("POST", "devices/d/decommission", "{", 400, "json-body")]
    [InlineData("POST", "devices/d/decommission", """{"reason":"sold","when":"now"}""", 400, "json-body")]
    [InlineData("POST", "devices/d/decommission", """{"reason":"sold","graceSeconds":99999999999}""", 400, "json-body")]
    [InlineData("POST", "devices/d/decommission", """{"reason":" "}""", 400, "reason-missing")]
    [InlineData("POST", "devices/d/decommission", """{"reason":"a\nb"}""", 400, "reason-length")]
    [InlineData("POST", "devices/d/decommission", """{"reason":"sold","graceSeconds":-1}""", 400, "grace-range")]
    [InlineData("POST", "devices/d/decommission", """{"reason":"sold","graceSeconds":2147483647}""", 400, "grace-range")]
    [InlineData("POST", "devices/d!/decommission", """{"reason":"sold"}""", 400, "device-id-alphabet")]
    [InlineData("POST", "devices/none/decommission", """{"reason":"sold"}""", 404, "device-unknown")]
    [InlineData("GET", "devices/none/decommission", null, 404, "device-unknown")]
    [InlineData("DELETE", "devices/none/decommission", """{"reason":"kept"}""", 404, "device-unknown")]
    [InlineData("DELETE", "devices/d/decommission", """{}""", 400, "json-body")]
    [InlineData("POST", "devices/d/transfer", """{"reason":"sold"}""", 400, "json-body")]
    [InlineData("POST", "devices/d/transfer", """{"reason":"sold","newOwner":""}""", 400, "owner-length")]
    [InlineData("POST", "devices/d/transfer", """{"reason":"sold","newOwner":"owner-1"}""", 409, "owner-conflict")]
    [InlineData("POST", "devices/none/transfer", """{"reason":"sold","newOwner":"owner-2"}""", 404, "device-unknown")]
    [InlineData("POST", "decommissions", """{"reason":"sold"}""", 422, "selection-empty-unsupported")]
    [InlineData("POST", "decommissions", """{"owner":"owner-1"}""", 400, "json-body")]
    [InlineData("POST", "decommissions", """{"reason":"sold","owner":"owner-1","confirm":{"count":1}}""", 400, "json-body")]
    [InlineData("POST", "decommissions", """{"reason":"sold","owner":"owner-1","confirm":{"count":2,"digest":"x"}}""", 412, "selection-stale")]
    [InlineData("GET", "devices/d/death-certificate", null, 404, "death-certificate-unknown")]
    [InlineData("GET", "devices/none/death-certificate", null, 404, "device-unknown")]
    [InlineData("GET", "forecast?weeks=0", null, 400, "weeks-range")]
    [InlineData("GET", "forecast?weeks=105", null, 400, "weeks-range")]
    [InlineData("GET", "forecast?weeks=soon", null, 400, "weeks-range")]
    [InlineData("PUT", "findings/device-unowned/d/acceptance", """{"reason":"a spare"}""", 400, "json-body")]
    [InlineData("PUT", "findings/device-unowned/d/acceptance", """{"reason":"","days":1}""", 400, "reason-missing")]
    [InlineData("PUT", "findings/device-unowned/d/acceptance", """{"reason":"a spare","days":366}""", 400, "acceptance-range")]
    [InlineData("PUT", "findings/device-unowned/d/acceptance", """{"reason":"a spare","days":2147483647}""", 400, "acceptance-range")]
    [InlineData("PUT", "findings/device-unowned/other/acceptance", """{"reason":"a spare","days":1}""", 404, "finding-unknown")]
    [InlineData("PATCH", "devices/d/decommission", "{}", 405, "method-unsupported")]
    [InlineData("GET", "devices/d/resurrection", null, 404, "path-unknown")]
    public async Task Refusals_are_problems_with_a_code_and_change_nothing(string method, string path, string? body, int status, string code)
    {
        var answer = await Send(method, path, body, Roles);
        Assert.Equal((status, code, "application/problem+json"), (answer.Status, Text(answer.Body, "code"), answer.ContentType));
        Assert.Equal(DeviceState.Active, (await _world.Memory.Get(DeviceId.From("d"), Cancel))!.State);
    }

    [Theory]
    [InlineData("POST", "devices/d/decommission")]
    [InlineData("DELETE", "devices/d/decommission")]
    [InlineData("POST", "devices/d/transfer")]
    [InlineData("POST", "decommissions")]
    [InlineData("PUT", "findings/device-unowned/d/acceptance")]
    public async Task A_body_is_there_is_json_and_is_short(string method, string path)
    {
        Assert.Equal((400, "body-missing"), Refused(await Send(method, path, "", Roles)));
        foreach (var type in new[] { "text/plain", "application/x-www-form-urlencoded", "application/jsonp", null })
            Assert.Equal((415, "media-type"), Refused(await Send(method, path, """{"reason":"sold"}""", Roles, type: type)));
        Assert.NotEqual(415, (await Send(method, path, "{}", Roles, type: "application/json; charset=utf-8")).Status);
        // One byte either side: what is read to its end is not a body of ours, what is longer is not read.
        Assert.Equal((400, "json-body"), Refused(await Send(method, path, new string(' ', LifecycleJson.BytesMax), Roles)));
        Assert.Equal((413, "body-too-large"), Refused(await Send(method, path, new string(' ', LifecycleJson.BytesMax + 1), Roles)));
    }

    [Fact]
    public async Task A_device_is_decommissioned_once_however_often_it_is_asked_and_taken_back_in_grace()
    {
        var first = await Send("POST", "devices/d/decommission", """{"reason":"sold","graceSeconds":3600}""", Roles);
        Assert.Equal((200, "decommissioned", "sold"), (first.Status, Text(first.Body, "state"), Text(first.Body, "reason")));
        var again = await Send("POST", "devices/d/decommission", """{"reason":"sold","graceSeconds":3600}""", Roles);
        Assert.Equal((200, first.Body.GetRawText()), (again.Status, again.Body.GetRawText()));
        var shown = await Send("GET", "devices/d/decommission", null, [Role.FleetRead]);
        Assert.Equal((200, first.Body.GetRawText()), (shown.Status, shown.Body.GetRawText()));
        Assert.Equal((409, "ending-conflict"), Refused(await Send("POST", "devices/d/transfer", """{"reason":"sold","newOwner":"owner-2"}""", Roles)));

        Assert.Equal("active", Text((await Send("DELETE", "devices/d/decommission", """{"reason":"kept"}""", Roles)).Body, "state"));
        Assert.Equal((200, "active"), await State("DELETE", "devices/d/decommission", """{"reason":"kept"}""")); // twice is once
        var trail = (await _world.Memory.Audit(DeviceId.From("d"), Cancel)).Where(entry => entry.Deed.By is Act.Decommission or Act.Restore).ToList();
        Assert.Equal([(Act.Decommission, "sold"), (Act.Restore, "kept")], trail.Select(entry => (entry.Deed.By, entry.Deed.Why)));
        Assert.All(trail, entry => Assert.Contains(Ops, entry.Deed.Who, StringComparison.Ordinal));

        Assert.Equal((200, "decommissioned"), await State("POST", "devices/d/decommission", """{"reason":"sold"}"""));
        Assert.Equal((409, "ending-begun-conflict"), Refused(await Send("DELETE", "devices/d/decommission", """{"reason":"kept"}""", Roles)));
    }

    [Fact]
    public async Task A_query_lists_first_and_ends_exactly_what_was_listed()
    {
        await _world.Add("e");
        await _world.Add("f", record => record with { Owner = "owner-2" });
        var dry = await Send("POST", "decommissions", """{"reason":"they left","owner":"owner-1"}""", Roles);
        Assert.Equal((200, true, 2, "d e"), (dry.Status, dry.Body.GetProperty("dryRun").GetBoolean(), dry.Body.GetProperty("count").GetInt32(),
            string.Join(' ', dry.Body.GetProperty("devices").EnumerateArray().Select(item => Text(item, "id")))));
        var confirmed = """{"reason":"they left","owner":"owner-1","confirm":{"count":2,"digest":"DIGEST"}}""".Replace("DIGEST", Text(dry.Body, "digest"), StringComparison.Ordinal);
        var done = await Send("POST", "decommissions", confirmed, Roles);
        Assert.Equal((200, false, 2), (done.Status, done.Body.GetProperty("dryRun").GetBoolean(), done.Body.GetProperty("count").GetInt32()));
        Assert.Equal((412, "selection-stale"), Refused(await Send("POST", "decommissions", confirmed, Roles))); // the list is another now
        Assert.Equal(["decommissioned", "decommissioned", "active"], new[] { "d", "e", "f" }.Select(id => Words.Of(_world.Memory.Get(DeviceId.From(id), Cancel).Result!.State)));
    }

    [Fact]
    public async Task The_dead_are_gone_and_their_statement_is_shown()
    {
        await _world.Decommission("d");
        Assert.Equal(1, (await _world.Sweep().Run(Cancel)).Ended);
        var shown = await Send("GET", "devices/d/death-certificate", null, [Role.FleetRead]);
        Assert.Equal((200, "d", 0), (shown.Status, Text(shown.Body, "id"), shown.Body.GetProperty("returns").GetArrayLength()));
        Assert.True(DeathStatement.Verify(Text(shown.Body, "statement")!, _world.Key).TryGet(out _, out var fault), fault?.ToString());
        Assert.Equal((410, "device-gone"), Refused(await Send("POST", "devices/d/decommission", """{"reason":"again"}""", Roles)));
        Assert.Equal((410, "device-gone"), Refused(await Send("DELETE", "devices/d/decommission", """{"reason":"kept"}""", Roles)));
        Assert.Equal((410, "device-gone"), Refused(await Send("POST", "devices/d/transfer", """{"reason":"sold","newOwner":"owner-2"}""", Roles)));
    }

    [Fact]
    public async Task Findings_are_shown_with_their_mend_and_accepted_for_a_time()
    {
        var listed = await Send("GET", "findings", null, [Role.FleetRead]);
        var finding = Assert.Single(listed.Body.GetProperty("findings").EnumerateArray());
        Assert.Equal(("device-unowned", "d", "warning", false), (Text(finding, "code"), Text(finding, "subject"), Text(finding, "severity"), finding.GetProperty("accepted").GetBoolean()));
        Assert.NotEqual("", Text(finding, "mend"));
        var accepted = await Send("PUT", "findings/device-unowned/d/acceptance", """{"reason":"a spare","days":30}""", Roles);
        Assert.Equal(200, accepted.Status);
        finding = Assert.Single((await Send("GET", "findings", null, [Role.FleetRead])).Body.GetProperty("findings").EnumerateArray());
        Assert.Equal((true, "a spare"), (finding.GetProperty("accepted").GetBoolean(), Text(finding, "acceptedWhy")));
        Assert.Contains(Ops, Text(finding, "acceptedBy")!, StringComparison.Ordinal);

        var forecast = await Send("GET", "forecast?weeks=2", null, [Role.FleetRead]);
        Assert.Equal((200, 2, true), (forecast.Status, forecast.Body.GetProperty("weeks").GetArrayLength(), forecast.Body.GetProperty("complete").GetBoolean()));
    }

    [Fact]
    public async Task A_store_that_is_down_is_an_outage_and_not_an_answer()
    {
        _world.Broken = (_world.Calls + 1, Trouble.Fails);
        Assert.Equal((503, "outage"), Refused(await Send("POST", "devices/d/decommission", """{"reason":"sold"}""", Roles)));
        _world.Broken = (_world.Calls + 2, Trouble.FailsAfterLanding); // the change: it landed, nobody was told, and the same request again says so
        Assert.Equal((503, "outage"), Refused(await Send("POST", "devices/d/decommission", """{"reason":"sold"}""", Roles)));
        _world.Broken = null;
        Assert.Equal((200, "decommissioned"), await State("POST", "devices/d/decommission", """{"reason":"sold"}"""));
        Assert.Single(await _world.Memory.Audit(DeviceId.From("d"), Cancel), entry => entry.Deed.By == Act.Decommission);
    }

    public async ValueTask InitializeAsync()
    {
        await _world.Add("d");
        await _findings.Put(new OpenFinding("device-unowned", "d", "ledger", World.Start, 1), Cancel);
        _tenant = await TestTenant.Start();
        _edge = await EdgeServer.Start(
            app =>
            {
                app.Services.AddSingleton(new LifecycleSettings());
                app.Services.AddSingleton(_world.Ledger);
                app.Services.AddSingleton<IFindings>(_findings);
                app.Services.AddSingleton<IStatementSigner>(_world);
                app.Services.AddSingleton<IStatements>(_world);
                app.Services.AddSingleton<IReturns>(_world);
                LifecycleServices.AddWork(app.Services);
                LifecycleServices.Map(app);
            },
            _tenant.Settings);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_edge.Port}/api/") };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _edge.DisposeAsync();
        await _tenant.DisposeAsync();
        _world.Dispose();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static (int, string?) Refused((int Status, string? ContentType, JsonElement Body) answer) => (answer.Status, Text(answer.Body, "code"));

    private async Task<(int, string?)> State(string method, string path, string body)
    {
        var answer = await Send(method, path, body, Roles);
        return (answer.Status, Text(answer.Body, "state"));
    }

    private Task<(int Status, string? ContentType, JsonElement Body)> Send(string method, string path, string? body, string[] roles, string? type = "application/json") =>
        Send(method, path, body, _tenant.Token(roles, caller: Ops), type);

    private async Task<(int Status, string? ContentType, JsonElement Body)> Send(string method, string path, string? body, string? token, string? type = "application/json")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null && method != "GET")
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        }

        if (token is not null) request.Headers.Authorization = new("Bearer", token);
        using var answer = await _http.SendAsync(request, Cancel);
        return ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(Cancel)).RootElement);
    }

    private static string? Text(JsonElement json, string member) => json.GetProperty(member).GetString();

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
