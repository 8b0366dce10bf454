using System.Net;

namespace Serverless.Deploy.Tests;

public sealed class SmokeTests : IDisposable
{
    private readonly Site _site = new();

    public SmokeTests()
    {
        _site.Deployed();
        _site.Http = new Answers(request => request.RequestUri!.Host == "ota.test" ? HttpStatusCode.OK : HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task What_lives_is_told_and_nothing_is_changed()
    {
        Living();
        Assert.Equal(0, await _site.On("smoke"));
        Assert.DoesNotContain("BROKEN", _site.Said, StringComparison.Ordinal);
        Assert.Contains("ok     telemetry has 1 functions", _site.Said, StringComparison.Ordinal);
        Assert.All(_site.Calls, call => Assert.Matches(" (show|list) |^rest --method GET ", call));
    }

    [Fact]
    public async Task A_function_that_is_missing_is_told_by_name()
    {
        _site.When("functionapp function list*func-telemetry*", "[]");
        Living();
        Assert.Equal(1, await _site.On("smoke"));
        Assert.Contains("BROKEN telemetry lacks IngestTelemetry", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_app_and_a_DPS_without_hubs_are_told()
    {
        _site.When("functionapp show*func-enrollment*", """{"state":"Stopped"}""").When("iot dps show*", """{"properties":{"state":"Active","iotHubs":[]}}""");
        Living();
        Assert.Equal(1, await _site.On("smoke"));
        Assert.Contains("BROKEN enrollment is Stopped", _site.Said, StringComparison.Ordinal);
        Assert.Contains("BROKEN DPS dps-test is active with 0 linked hubs", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_that_refers_to_a_secret_that_is_not_there_is_told()
    {
        _site.When("rest --method GET*/enroll*configreferences*", """{"value":[{"name":"Webhook__key","properties":{"status":"SecretNotFound"}}]}""");
        Living();
        Assert.Equal(1, await _site.On("smoke"));
        Assert.Contains("BROKEN enrollment has settings that do not resolve: Webhook__key; run 'rotate-webhook-key'", _site.Said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HttpStatusCode.OK)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    public async Task An_api_that_lets_strangers_in_or_does_not_answer_is_told(HttpStatusCode status)
    {
        Living();
        _site.Http = new Answers(request => request.RequestUri!.Host == "ota.test" ? HttpStatusCode.OK : status);
        Assert.Equal(1, await _site.On("smoke"));
        Assert.Contains($"BROKEN telemetry answers a stranger with {(int)status}", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Firmware_without_a_root_is_told()
    {
        Living();
        _site.Http = new Answers(request => request.RequestUri!.Host == "ota.test" ? HttpStatusCode.NotFound : HttpStatusCode.Unauthorized);
        Assert.Equal(1, await _site.On("smoke"));
        Assert.Contains("BROKEN firmware: https://ota.test/metadata/1.root.json answers 404", _site.Said, StringComparison.Ordinal);
    }

    public void Dispose() => _site.Dispose();

    private void Living() => _site
        .When("functionapp show*func-enrollment*", """{"state":"Running","id":"/enroll"}""").When("functionapp show*", """{"state":"Running","id":"/other"}""")
        .When("rest --method GET*configreferences*", """{"value":[{"name":"Webhook__key","properties":{"status":"Resolved"}}]}""")
        .When("functionapp function list*func-enrollment*", """[{"name":"func-enrollment/Allocate"}]""")
        .When("functionapp function list*func-telemetry*", """[{"name":"func-telemetry/IngestTelemetry"}]""")
        .When("iot dps show*", """{"properties":{"state":"Active","iotHubs":[{}]}}""");

    private sealed class Answers(Func<HttpRequestMessage, HttpStatusCode> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(new HttpResponseMessage(answer(request)));
    }
}
