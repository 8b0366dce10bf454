using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;

namespace Serverless.EventHubs.Tests;

public class HttpsSendTests
{
    private const string Single = "application/atom+xml;type=entry;charset=utf-8";
    private const string Batch = "application/vnd.microsoft.servicebus.json";

    private static HttpClient Http(Broker broker, Principal? principal)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(broker.Authority.Certificate);
        var http = new HttpClient(handler) { BaseAddress = new Uri($"https://localhost:{broker.Service.HttpsPort}/") };
        if (principal is not null) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", broker.Tokens.Issue(principal, Audiences.EventHubs).Token);
        return http;
    }

    private static async Task<HttpStatusCode> Post(HttpClient http, string path, string type, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path + "?timeout=60&api-version=2014-01") { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await http.SendAsync(request, Broker.Cancel);
        return response.StatusCode;
    }

    private static async Task<ReceivedEvent> Read(Broker broker, string partition)
    {
        await using var client = broker.Client();
        await using var receiver = await client.OpenReceiver("validated", "ops", partition, StartPosition.Earliest, null, 10, Broker.Cancel);
        return (await Broker.Read(receiver, (int)broker.Service.PartitionHeads.Single(head => head.Hub == "validated" && $"{head.Partition}" == partition).NextSequenceNumber))[^1];
    }

    [Fact]
    public async Task One_event_of_any_bytes_is_taken_with_its_key_and_headers()
    {
        await using var broker = await Broker.Start();
        using var http = Http(broker, Broker.Sender);
        byte[] body = [0, 255, 1, 254];
        Assert.Equal(HttpStatusCode.Created, await Post(http, "validated/messages", Single, body, ("BrokerProperties", "{\"PartitionKey\":\"d1\"}"), ("Model", "\"m1\"")));
        var got = await Read(broker, $"{PartitionKeyHash.Partition("d1", 4)}");
        Assert.Equal(body, got.Body.ToArray());
        Assert.Equal("d1", got.PartitionKey);
        Assert.Equal("m1", got.ApplicationProperties["Model"]);
        Assert.Single(got.ApplicationProperties);
    }

    [Fact]
    public async Task A_batch_is_taken_whole()
    {
        await using var broker = await Broker.Start();
        using var http = Http(broker, Broker.Sender);
        var body = """[{"Body":"a","BrokerProperties":{"PartitionKey":"d1"},"UserProperties":{"n":1,"t":"x","b":true}},{"Body":"b","BrokerProperties":{"PartitionKey":"d1"}}]"""u8.ToArray();
        Assert.Equal(HttpStatusCode.Created, await Post(http, "validated/messages", Batch, body));
        Assert.Equal(2, broker.Service.Appended);
        Assert.Equal("b", Encoding.UTF8.GetString((await Read(broker, $"{PartitionKeyHash.Partition("d1", 4)}")).Body.Span));
        Assert.Equal(HttpStatusCode.Created, await Post(http, "validated/partitions/3/messages", Single, "x"u8.ToArray()));
        Assert.Equal("x", Encoding.UTF8.GetString((await Read(broker, "3")).Body.Span));
        Assert.Equal(HttpStatusCode.Created, await Post(http, "validated/publishers/p9/messages", Single, "y"u8.ToArray()));
        Assert.Equal("p9", (await Read(broker, $"{PartitionKeyHash.Partition("p9", 4)}")).PartitionKey);
    }

    [Fact]
    public async Task What_is_wrong_is_told_by_the_status_and_nothing_is_taken()
    {
        await using var broker = await Broker.Start();
        using var http = Http(broker, Broker.Sender);
        using var reader = Http(broker, Broker.Receiver);
        using var nobody = Http(broker, null);
        var x = "x"u8.ToArray();
        Assert.Equal(HttpStatusCode.Unauthorized, await Post(nobody, "validated/messages", Single, x));
        Assert.Equal(HttpStatusCode.Unauthorized, await Post(nobody, "validated/messages", Single, x, ("Authorization", "Bearer nonsense")));
        Assert.Equal(HttpStatusCode.Forbidden, await Post(reader, "validated/messages", Single, x));
        Assert.Equal(HttpStatusCode.Forbidden, await Post(http, "alerts/messages", Single, x));
        Assert.Equal(HttpStatusCode.NotFound, await Post(http, "validated/partitions/4/messages", Single, x));
        Assert.Equal(HttpStatusCode.NotFound, await Post(http, "validated/nothing", Single, x));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await Post(http, "validated/messages", Single, new byte[(1024 * 1024) + 1]));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Batch, "{"u8.ToArray()));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Batch, "[]"u8.ToArray()));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Batch, "[null]"u8.ToArray()));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Batch, """[{"Body":"a","UserProperties":{"o":{}}}]"""u8.ToArray()));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Batch, Encoding.UTF8.GetBytes(new string('[', 10_000))));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/messages", Single, x, ("BrokerProperties", "{\"PartitionKey\":\"" + new string('k', 129) + "\"}")));
        Assert.Equal(HttpStatusCode.BadRequest, await Post(http, "validated/partitions/1/messages", Single, x, ("BrokerProperties", "{\"PartitionKey\":\"k\"}")));
        broker.Service.FaultOnPublish = _ => PublishFault.ServerBusy;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Post(http, "validated/messages", Single, x));
        Assert.Equal(0, broker.Service.Appended);
    }

    [Fact]
    public async Task A_shared_access_signature_may_send()
    {
        await using var broker = await Broker.Start(new EventHubsOptions { SharedAccess = true });
        using var http = Http(broker, null);
        var token = broker.Service.Policy!.Sign(new Uri("https://localhost/validated"), TimeProvider.System.GetUtcNow().AddMinutes(5));
        Assert.Equal(HttpStatusCode.Created, await Post(http, "validated/messages", Single, "x"u8.ToArray(), ("Authorization", token)));
        Assert.Equal(HttpStatusCode.Unauthorized, await Post(http, "alerts/messages", Single, "x"u8.ToArray(), ("Authorization", token)));
    }
}
