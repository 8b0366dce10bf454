using System.Text.Json.Nodes;
using MQTTnet;
using Serverless.Local.Identity;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Every request that Microsoft's Node service SDK sent when it was recorded (tests/vectors/iothub-sdk), in order.</summary>
/// <remarks>Secrets were stripped from the recordings: keys become empty, which asks the hub to make them; the authorization is replaced.
/// Only requests are evidence: the recorded answers came from a stand-in.</remarks>
public sealed class RecordedSdkTests
{
    // What is not 200: the second creation, unknown ids, the stale twin ETag, modules, the offline device, deletions.
    private static readonly Dictionary<string, int> Unusual = new(StringComparer.Ordinal)
    {
        ["002"] = 409,
        ["007"] = 404,
        ["023"] = 412,
        ["024"] = 404,
        ["027"] = 404,
        ["028"] = 204,
        ["029"] = 204,
        ["055"] = 404,
        ["064"] = 404,
        ["065"] = 204,
    };

    // Bulk elements that name an ETag nobody has.
    private static readonly string[] FailedBulks = ["016", "018"];

    [Theory]
    [InlineData("-hub-sas-", "001", "029")]
    [InlineData("-hub-aad-", "053", "065")]
    public async Task Each_recorded_request_is_understood(string kind, string first, string last)
    {
        await using var hub = await HubFixture.Start(options => options with { HostName = "hub1.azure-devices.net" });
        var count = 0;

        foreach (var (number, request) in SdkRecording.All("iothub-sdk", kind, "2021-04-12").Where(item => string.CompareOrdinal(item.Number, first) >= 0 && string.CompareOrdinal(item.Number, last) <= 0))
        {
            var answer = await Replay(hub, request);
            Assert.Equal((number, Unusual.GetValueOrDefault(number, 200)), (number, answer.Status));
            CheckShape(number, request, answer);
            count++;
        }

        Assert.Equal(int.Parse(last, System.Globalization.CultureInfo.InvariantCulture) - int.Parse(first, System.Globalization.CultureInfo.InvariantCulture) + 1, count);
    }

    [Fact]
    public async Task The_recorded_method_call_reaches_a_connected_device_and_paged_queries_go_on()
    {
        await using var hub = await HubFixture.Start(options => options with { HostName = "hub1.azure-devices.net" });
        using var certificate = hub.CreatePinned("dev-x1");
        var device = await hub.ConnectDevice("dev-x1", certificate);
        device.ApplicationMessageReceivedAsync += call => device.PublishAsync(
            TelemetryTests.Message(call.ApplicationMessage.Topic.Replace("POST/ping", "res/200", StringComparison.Ordinal), $$"""{"pong":{{call.ApplicationMessage.ConvertPayloadToString()}}}"""));
        await device.SubscribeAsync("$iothub/methods/POST/#", cancellationToken: TestContext.Current.CancellationToken);
        var recordings = SdkRecording.All("iothub-sdk", "-hub-sas-", "2021-04-12").ToDictionary(item => item.Number, item => item.Request);

        Assert.Equal("""{"status":200,"payload":{"pong":{"n":1}}}""", (await Replay(hub, recordings["080"])).Json.ToJsonString());
        Assert.Equal("Connected", (string?)(await Replay(hub, recordings["081"])).Json["connectionState"]);
        Assert.Single((await Replay(hub, recordings["083"])).Json.AsArray());
        (await Replay(hub, recordings["084"])).IsError(400, "ArgumentInvalid"); // "tok-2" was the stand-in's token, not ours
    }

    private static void CheckShape(string number, SdkRecording request, HubAnswer answer)
    {
        if (answer.Status >= 400)
        {
            Assert.NotNull(answer.ErrorCode);
            answer.IsError(answer.Status, answer.ErrorCode);
        }
        else if (request.Path.EndsWith("/devices", StringComparison.Ordinal) && request.Verb == "POST")
        {
            Assert.Equal((number, !FailedBulks.Contains(number)), (number, (bool)answer.Json["isSuccessful"]!));
            Assert.NotNull(answer.Json["warnings"]);
        }
        else if (request.Path.StartsWith("/twins/", StringComparison.Ordinal))
        {
            foreach (var member in new[] { "deviceId", "etag", "version", "tags", "properties" }) Assert.NotNull(answer.Json[member]);
            Assert.NotNull(answer.Json["properties"]!["desired"]!["$version"]);
        }
        else if (request.Path.StartsWith("/devices/", StringComparison.Ordinal) && request.Path.Length > "/devices/".Length && request.Verb is "GET" or "PUT")
        {
            if (answer.Json is JsonArray) return;
            foreach (var member in new[] { "deviceId", "generationId", "etag", "status", "connectionState" }) Assert.NotNull(answer.Json[member]);
            Assert.NotNull(answer.Json["authentication"]!["type"]);
            Assert.Equal($"\"{answer.Json["etag"]}\"", answer.ETag);
        }
    }

    private static Task<HubAnswer> Replay(HubFixture hub, SdkRecording request)
    {
        var authorization = request.IsBearer
            ? "Bearer " + hub.Tokens.Issue(HubFixture.Operator, Audiences.IotHub).Token
            : hub.Service.SignPolicyToken("iothubowner", TimeSpan.FromMinutes(5));
        return hub.Call(request.Verb, request.Path, request.Body, null, [("Authorization", authorization), .. request.Kept]);
    }
}

/// <summary>Where this source tree is.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string folder) =>
        File.Exists(Path.Combine(folder, "Serverless.sln")) ? folder
        : Find(Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar)) ?? throw new InvalidOperationException("tests run outside the source tree"));
}
