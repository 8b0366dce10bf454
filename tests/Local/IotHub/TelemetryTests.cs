using System.Text;
using MQTTnet;
using MQTTnet.Protocol;
using Serverless.Local.EventHubs;

namespace Serverless.Local.Tests.IotHub;

public sealed class TelemetryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_is_stamped_by_the_hub_and_keyed_by_its_device()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var device = await hub.ConnectDevice("dev-1", certificate);

        var ack = await device.PublishAsync(Message("devices/dev-1/messages/events/%24.mid=m1&%24.cid=c1&%24.uid=u1&%24.ct=application%2Fjson&%24.ce=utf-8&batch=a%26b", "{\"t\":1}"), Cancel);

        Assert.Equal(MqttClientPublishReasonCode.Success, ack.ReasonCode);
        var draft = Assert.Single(hub.Route.Telemetry);
        Assert.Equal("dev-1", draft.PartitionKey);
        Assert.Equal("{\"t\":1}", Encoding.UTF8.GetString(draft.Body.Span));
        var identity = hub.Service.Find("dev-1")!;
        Assert.Equal("dev-1", draft.Annotations!["iothub-connection-device-id"]);
        Assert.Equal(identity.GenerationId, draft.Annotations["iothub-connection-auth-generation-id"]);
        Assert.Equal("""{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""", draft.Annotations["iothub-connection-auth-method"]);
        Assert.Equal(DateTimeKind.Utc, Assert.IsType<DateTime>(draft.Annotations["iothub-enqueuedtime"]).Kind);
        Assert.Equal(new EventProperties("m1", "c1", "u1", "application/json", "utf-8"), draft.Properties);
        Assert.Equal("a&b", Assert.Single(draft.ApplicationProperties!).Value);
    }

    [Fact]
    public async Task A_property_the_device_names_like_a_stamp_stays_a_property()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var device = await hub.ConnectDevice("dev-1", certificate);

        await device.PublishAsync(Message("devices/dev-1/messages/events/iothub-connection-device-id=victim&iothub-message-source=twinChangeEvents&%24.sub=s", "x"), Cancel);

        var draft = Assert.Single(hub.Route.Telemetry);
        Assert.Equal("dev-1", draft.Annotations!["iothub-connection-device-id"]);
        Assert.Equal("Telemetry", draft.Annotations["iothub-message-source"]);
        Assert.Equal("s", draft.Annotations["dt-subject"]);
        Assert.Equal("victim", draft.ApplicationProperties!["iothub-connection-device-id"]);
    }

    internal static MqttApplicationMessage Message(string topic, string body, MqttQualityOfServiceLevel qos = MqttQualityOfServiceLevel.AtLeastOnce, bool retain = false) =>
        new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(body).WithQualityOfServiceLevel(qos).WithRetainFlag(retain).Build();
}
