using Serverless.Faults;
using Serverless.Local.IotHub.Rest;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Each refusal in the service's words. That the paths lead here is shown by the tests of each operation.</summary>
public sealed class HubErrorTests
{
    [Theory]
    [InlineData("argument-invalid", 400004, "ArgumentInvalid")]
    [InlineData("device-id", 400004, "ArgumentInvalid")]
    [InlineData("device-credentials", 400004, "ArgumentInvalid")]
    [InlineData("device-reason", 400004, "ArgumentInvalid")]
    [InlineData("twin-member", 400004, "ArgumentInvalid")]
    [InlineData("twin-depth", 400004, "ArgumentInvalid")]
    [InlineData("query-syntax", 400004, "ArgumentInvalid")]
    [InlineData("bulk-mode", 400004, "ArgumentInvalid")]
    [InlineData("token-missing", 401002, "IotHubUnauthorizedAccess")]
    [InlineData("token-shape", 401002, "IotHubUnauthorizedAccess")]
    [InlineData("token-audience", 401002, "IotHubUnauthorizedAccess")]
    [InlineData("caller-role", 401003, "IotHubUnauthorized")]
    [InlineData("hub-full", 403002, "IotHubQuotaExceeded")]
    [InlineData("queue-full", 403004, "DeviceMaximumQueueDepthExceeded")]
    [InlineData("device-not-found", 404001, "DeviceNotFound")]
    [InlineData("module-not-found", 404010, "ModuleNotFound")]
    [InlineData("device-not-online", 404103, "DeviceNotOnline")]
    [InlineData("device-exists", 409001, "DeviceAlreadyExists")]
    [InlineData("etag-mismatch", 412001, "PreconditionFailed")]
    [InlineData("body-size", 413001, "MessageTooLarge")]
    [InlineData("message-size", 413001, "MessageTooLarge")]
    [InlineData("twin-size", 413001, "MessageTooLarge")]
    [InlineData("bulk-size", 413002, "TooManyDevices")]
    [InlineData("throttled", 429001, "ThrottlingException")]
    [InlineData("device-answer", 502101, "BadDeviceResponse")]
    [InlineData("device-no-answer", 504101, "GatewayTimeout")]
    public void A_refusal_has_the_services_number_and_name(string fault, int code, string name)
    {
        var known = HubErrors.Of(new Fault(fault, "x"));
        Assert.Equal((code, name), (known.Code, known.Name));
    }
}
