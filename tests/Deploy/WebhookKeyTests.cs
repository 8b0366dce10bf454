using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Deploy.Steps;

namespace Serverless.Deploy.Tests;

public sealed class WebhookKeyTests : IDisposable
{
    private const string Secret = "new+key/==";
    private readonly Site _site = new();
    private readonly FakeDps _dps = new();

    public WebhookKeyTests()
    {
        _site.Http = _dps;
        _site.Deployed()
            .When("iot dps show*", """{"properties":{"serviceOperationsHostName":"dps-test.azure-devices-provisioning.net"}}""")
            .When("account get-access-token --resource https://azure-devices-provisioning.net*", """{"accessToken":"the-token"}""")
            .When("keyvault show*kv-hook*", """{"id":"/subscriptions/s/vaults/kv-hook"}""").When("rest --method PUT*")
            .When("functionapp show*", """{"id":"/subscriptions/s/sites/func-enrollment"}""").When("rest --method POST*").When("functionapp restart*")
            .When("functionapp function keys set*").When("functionapp function keys delete*");
    }

    [Fact]
    public async Task Every_enrolment_that_calls_the_webhook_gets_the_url_afresh_and_then_the_old_key_goes()
    {
        for (var i = 0; i < 250; i++) _dps.Add("enrollments", $"device-{i:000}", i % 2 == 0 ? "custom" : "hashed");
        _dps.Add("enrollmentGroups", "factory", "custom");
        Keys("""{"default":"d","dps-a":"old"}""", $$"""{"default":"d","dps-a":"old","dps-b":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
        Assert.All(_dps.All.Where(one => (string?)one["allocationPolicy"] == "custom"), one =>
            Assert.Equal("https://func-enrollment.azurewebsites.net/api/allocate?code=new%2Bkey%2F%3D%3D", (string?)one["customAllocationDefinition"]!["webhookUrl"]));
        Assert.All(_dps.All.Where(one => (string?)one["allocationPolicy"] != "custom"), one => Assert.Null(one["customAllocationDefinition"]));
        Assert.Equal(126, _dps.Written);
        Assert.Contains("126 enrolments name the webhook with key 'dps-b'", _site.Said, StringComparison.Ordinal);
        Assert.Contains("--key-name dps-a", Assert.Single(_site.CallsOf("functionapp function keys delete")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_app_that_makes_enrolments_knows_the_new_key_before_they_are_looked_at()
    {
        _dps.Add("enrollments", "device", "custom");
        Keys("{}", $$"""{"dps-a":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
        string[] steps = ["functionapp function keys set", "rest --method PUT", "rest --method POST", "functionapp restart", "account get-access-token"];
        Assert.Equal(steps, _site.Calls.Select(call => steps.FirstOrDefault(step => call.StartsWith(step, StringComparison.Ordinal))).OfType<string>());
        Assert.Contains("https://management.azure.com/subscriptions/s/vaults/kv-hook/secrets/webhook-key?", Assert.Single(_site.CallsOf("rest --method PUT")), StringComparison.Ordinal);
        // By a file that nobody else can read, and that is gone.
        Assert.Contains(Secret, JsonNode.Parse(File.ReadLines(_site.At("az/bodies")).First())!["properties"]!["value"]!.ToString(), StringComparison.Ordinal);
        Assert.All(File.ReadLines(_site.At("az/modes")), mode => Assert.Equal("600", mode));
        Assert.DoesNotContain(_site.CallsOf("rest").SelectMany(call => call.Split(' ')).Where(word => word.StartsWith('@')), word => File.Exists(word[1..]));
    }

    [Fact]
    public void The_url_is_that_of_the_function_and_the_secret_that_of_the_setting()
    {
        using var function = JsonDocument.Parse(File.ReadAllText(Path.Combine(Site.Repository, "functions/Enrollment/Allocate/function.json")));
        var trigger = function.RootElement.GetProperty("bindings").EnumerateArray().Single(binding => binding.GetProperty("type").GetString() == "httpTrigger");
        using var host = JsonDocument.Parse(File.ReadAllText(Path.Combine(Site.Repository, "host.json")));
        var prefix = host.RootElement.GetProperty("extensions").GetProperty("http").GetProperty("routePrefix").GetString();
        Assert.Equal(WebhookKey.Route, $"{prefix}/{trigger.GetProperty("route").GetString()}");
        Assert.Equal("function", trigger.GetProperty("authLevel").GetString());
        Assert.Contains($"secrets/{WebhookKey.Secret})'", File.ReadAllText(Path.Combine(Site.Repository, "infra/main.bicep")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_site_with_a_name_of_the_platforms_making_is_called_by_it()
    {
        _dps.Add("enrollments", "device", "custom");
        _site.When("functionapp show*", """{"id":"/subscriptions/s/sites/func-enrollment","defaultHostName":"func-enrollment-abc.westeurope-01.azurewebsites.net"}""", first: true);
        Keys("{}", $$"""{"dps-a":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
        Assert.StartsWith("https://func-enrollment-abc.westeurope-01.azurewebsites.net/api/allocate?", (string?)_dps.All.Single()["customAllocationDefinition"]!["webhookUrl"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_secret_is_printed_or_passed_as_an_argument()
    {
        _dps.Add("enrollments", "device", "custom");
        Keys("{}", $$"""{"dps-a":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
        var seen = _site.Said + string.Join('\n', _site.Calls);
        Assert.DoesNotContain("new+key", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("new%2Bkey", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("the-token", seen, StringComparison.Ordinal);
        Assert.Equal("Bearer the-token", _dps.Authorization);
    }

    [Fact]
    public async Task An_enrolment_whose_secret_would_be_lost_is_left_alone_and_both_keys_stay()
    {
        _dps.Add("enrollments", "device-x509", "custom");
        _dps.Add("enrollments", "device-sym", "custom", "symmetricKey");
        Keys("""{"dps-a":"old"}""", $$"""{"dps-a":"old","dps-b":"{{Secret}}"}""");
        Assert.Equal(2, await _site.On("rotate-webhook-key"));
        Assert.Contains("enrollments device-sym", _site.Said, StringComparison.Ordinal);
        Assert.Equal(1, _dps.Written);
        Assert.Empty(_site.CallsOf("functionapp function keys delete"));
    }

    [Fact]
    public async Task A_run_that_stopped_half_way_is_ended_by_the_next()
    {
        _dps.Add("enrollments", "device", "custom");
        Keys($$"""{"dps-a":"one","dps-b":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
        Assert.Empty(_site.CallsOf("functionapp function keys set"));
        Assert.Contains("--key-name dps-a", Assert.Single(_site.CallsOf("functionapp function keys delete")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Throttling_is_waited_out()
    {
        _dps.Add("enrollments", "device", "custom");
        _dps.Refuse.Enqueue(HttpStatusCode.TooManyRequests);
        Keys("{}", $$"""{"dps-a":"{{Secret}}"}""");
        Assert.Equal(0, await _site.On("rotate-webhook-key"));
    }

    [Fact]
    public async Task A_missing_right_is_told_by_the_name_of_the_role()
    {
        Keys("{}", $$"""{"dps-a":"{{Secret}}"}""");
        for (var i = 0; i < 3; i++) _dps.Refuse.Enqueue(HttpStatusCode.Forbidden);
        Assert.Equal(2, await _site.On("rotate-webhook-key"));
        Assert.Contains("you need the role 'DPS enrolment operator'", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task If_an_attestation_changes_with_the_write_everything_stops()
    {
        _dps.Add("enrollments", "device-1", "custom");
        _dps.Add("enrollments", "device-2", "custom");
        _dps.Forgets = true;
        Keys("""{"dps-a":"old"}""", $$"""{"dps-a":"old","dps-b":"{{Secret}}"}""");
        Assert.Equal(2, await _site.On("rotate-webhook-key"));
        Assert.Contains("'attestation' changed", _site.Said, StringComparison.Ordinal);
        Assert.Equal(1, _dps.Written);
        Assert.Empty(_site.CallsOf("functionapp function keys delete"));
    }

    public void Dispose()
    {
        _site.Dispose();
        _dps.Dispose();
    }

    private void Keys(params string[] lists)
    {
        foreach (var list in lists[..^1]) _site.When("functionapp function keys list*", list, times: 1);
        _site.When("functionapp function keys list*", lists[^1]);
    }

    /// <summary>DPS, as far as this goes: pages of enrolments, conditional writes, the URL's query masked on reading.</summary>
    private sealed class FakeDps : HttpMessageHandler
    {
        private readonly Dictionary<string, SortedDictionary<string, JsonObject>> _records = new() { ["enrollments"] = [], ["enrollmentGroups"] = [] };

        public Queue<HttpStatusCode> Refuse { get; } = new();

        public bool Forgets { get; set; }

        public int Written { get; private set; }

        public string Authorization { get; private set; } = "";

        public IEnumerable<JsonObject> All => _records.Values.SelectMany(kind => kind.Values);

        public void Add(string kind, string id, string policy, string attestation = "x509") => _records[kind][id] = new JsonObject
        {
            [kind == "enrollments" ? "registrationId" : "enrollmentGroupId"] = id,
            ["allocationPolicy"] = policy,
            ["attestation"] = new JsonObject { ["type"] = attestation, ["x509"] = new JsonObject { ["info"] = id } },
            ["provisioningStatus"] = "enabled",
            ["etag"] = "\"1\"",
        };

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Authorization = request.Headers.Authorization!.ToString();
            Assert.Equal("?api-version=2021-10-01", request.RequestUri!.Query);
            if (Refuse.TryDequeue(out var refusal)) return new HttpResponseMessage(refusal);
            var path = request.RequestUri.AbsolutePath.Trim('/').Split('/');
            var kind = _records[path[0]];
            if (request.Method == HttpMethod.Post) return Page(request, kind);
            var record = kind[Uri.UnescapeDataString(path[1])];
            if (request.Method == HttpMethod.Get) return Json(Masked(record));
            if (request.Headers.GetValues("If-Match").Single() != (string)record["etag"]!) return new HttpResponseMessage(HttpStatusCode.PreconditionFailed);
            var next = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!.AsObject();
            Assert.DoesNotContain("****", next.ToJsonString(), StringComparison.Ordinal);
            if (Forgets) next["attestation"] = new JsonObject { ["type"] = "x509" };
            next["etag"] = "\"2\"";
            kind[Uri.UnescapeDataString(path[1])] = next;
            Written++;
            return Json(Masked(next));
        }

        private static HttpResponseMessage Page(HttpRequestMessage request, SortedDictionary<string, JsonObject> kind)
        {
            var size = int.Parse(request.Headers.GetValues("x-ms-max-item-count").Single(), System.Globalization.CultureInfo.InvariantCulture);
            var from = request.Headers.TryGetValues("x-ms-continuation", out var values) ? int.Parse(values.Single(), System.Globalization.CultureInfo.InvariantCulture) : 0;
            var answer = Json(new JsonArray([.. kind.Values.Skip(from).Take(size).Select(record => (JsonNode)Masked(record))]));
            if (from + size < kind.Count) answer.Headers.Add("x-ms-continuation", (from + size).ToString(System.Globalization.CultureInfo.InvariantCulture));
            return answer;
        }

        private static JsonObject Masked(JsonObject record)
        {
            var copy = record.DeepClone().AsObject();
            if (copy["customAllocationDefinition"] is JsonObject hook) hook["webhookUrl"] = ((string)hook["webhookUrl"]!).Split('?')[0] + "?****";
            return copy;
        }

        private static HttpResponseMessage Json(JsonNode body) => new(HttpStatusCode.OK) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
    }
}
