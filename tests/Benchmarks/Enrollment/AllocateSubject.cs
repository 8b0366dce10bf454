using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Azure.Core;
using Serverless.Local;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Benchmarks.Enrollment;

/// <summary>The DPS webhook as deployed, in the local cloud: latency of admissions at 1,000 registrations a minute, four devices in five
/// enrolled by themselves and registering for the first time, one in five by group, with its first row to be written.</summary>
/// <remarks>An open loop: a request goes out when it is due, whether or not the one before is answered, so that a slow answer is not hidden
/// by a pause of the measuring. Each request passes the Functions host, the handler, and Azurite's tables.</remarks>
internal static class AllocateSubject
{
    public const string What = "latency of the DPS webhook at 1,000 registrations a minute in the local cloud";
    private const int PerMinute = 1000;
    private const int GroupEvery = 5;

    public static async Task<int> Run(string[] args)
    {
        var seconds = args is ["--seconds", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 60;
        var count = PerMinute * seconds / 60;
        var cloud = await LocalCloud.Start(new LocalCloudOptions(), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            await LocalPolicy.Publish(cloud, [], CancellationToken.None).ConfigureAwait(false);
            var settings = new Dictionary<string, string> { ["Provisioning__operationsPerMinute"] = "1000" };
            var app = await cloud.StartApp("enrollment", settings, CancellationToken.None).ConfigureAwait(false);
            using var http = new HttpClient(LocalTrust.Handler(cloud.Authority)) { BaseAddress = app.Address };
            var token = await cloud.Credential(LocalTenant.Ops).GetTokenAsync(new TokenRequestContext([Audiences.Api + "/.default"]), CancellationToken.None).ConfigureAwait(false);
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
            using var line = cloud.Authority.Subordinate("bench");
            var warm = PerMinute / 4;
            var requests = await Prepare(cloud, http, line, count + warm).ConfigureAwait(false);
            Console.WriteLine($"{count} registrations in {seconds} s, one in {GroupEvery} by group; {warm} before them to warm up");

            http.DefaultRequestHeaders.Authorization = null;
            var webhook = cloud.WebhookUrl("enrollment");
            await Send(http, webhook, requests[..warm]).ConfigureAwait(false);
            Print("allocate", await Send(http, webhook, requests[warm..]).ConfigureAwait(false), goal: 50);
            Print("allocate-again", await Send(http, webhook, requests[warm..]).ConfigureAwait(false), goal: null); // nothing left to write
        }

        return 0;
    }

    private static void Print(string name, double[] ms, double? goal)
    {
        Array.Sort(ms);
        double At(double part) => ms[Math.Min(ms.Length - 1, (int)Math.Ceiling(part * ms.Length) - 1)];
        if (goal is { } most) Figure.Print($"{name}_p99", At(0.99), "ms", "<", most);
        else Figure.Print($"{name}_p99", At(0.99), "ms");
        Figure.Print($"{name}_p50", At(0.5), "ms");
        Figure.Print($"{name}_max", ms[^1], "ms");
    }

    private static async Task<double[]> Send(HttpClient http, Uri webhook, byte[][] requests)
    {
        var began = Stopwatch.GetTimestamp();
        var sending = new List<Task<double>>();
        for (var i = 0; i < requests.Length; i++)
        {
            var due = TimeSpan.FromMinutes(i / (double)PerMinute);
            if (due - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } wait) await Task.Delay(wait).ConfigureAwait(false);
            sending.Add(One(requests[i]));
        }

        return await Task.WhenAll(sending).ConfigureAwait(false);

        async Task<double> One(byte[] body)
        {
            var start = Stopwatch.GetTimestamp();
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await http.PostAsync(webhook, content).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"refused: {await answer.Content.ReadAsStringAsync().ConfigureAwait(false)}");
            await answer.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }

    private static async Task<byte[][]> Prepare(LocalCloud cloud, HttpClient http, LocalAuthority line, int count)
    {
        await Post(http, "api/enrollment-groups", new JsonObject
        {
            ["groupId"] = "bench",
            ["owner"] = "acme",
            ["models"] = new JsonArray("pump"),
            ["devicesMax"] = count,
            ["certificates"] = line.Certificate.ExportCertificatePem(),
        }).ConfigureAwait(false);
        var requests = new byte[count][];
        var rows = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"bench-{i}");
            var byGroup = i % GroupEvery == 0;
            using var leaf = (byGroup ? line : cloud.Authority).IssueDevice(id);
            if (!byGroup) rows.Append(new JsonObject { ["registrationId"] = id, ["model"] = "pump", ["owner"] = "acme", ["certificateChain"] = leaf.ExportCertificatePem() }.ToJsonString()).Append('\n');
            requests[i] = Encoding.UTF8.GetBytes(Registration(cloud, id, leaf, byGroup).ToJsonString());
        }

        await Enroll(http, rows.ToString()).ConfigureAwait(false);
        return requests;
    }

    /// <summary>Enrols them as manufacturing does: in one batch, which says how fast it went.</summary>
    private static async Task Enroll(HttpClient http, string rows)
    {
        using var content = new StringContent(rows, Encoding.UTF8, "application/jsonl");
        using var submitted = await http.PostAsync(new Uri("api/device-batches", UriKind.Relative), content).ConfigureAwait(false);
        var batch = JsonNode.Parse(await submitted.Content.ReadAsStringAsync().ConfigureAwait(false))!;
        var address = new Uri($"api/device-batches/{batch["id"]!.GetValue<string>()}", UriKind.Relative);
        while (batch["state"]!.GetValue<string>() != "finished")
        {
            await Task.Delay(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
            batch = JsonNode.Parse(await http.GetStringAsync(address).ConfigureAwait(false))!;
        }

        if (batch["refused"]!.GetValue<int>() != 0) throw new InvalidOperationException($"rows refused: {batch}");
        if (batch["rowsPerMinute"] is { } rate) Figure.Print("batch.rows", rate.GetValue<double>(), "rows/min");
    }

    private static JsonObject Registration(LocalCloud cloud, string id, X509Certificate2 leaf, bool byGroup)
    {
        JsonObject Certificate() => new() { ["info"] = new JsonObject { ["sha256Thumbprint"] = leaf.GetCertHashString(HashAlgorithmName.SHA256) } };
        JsonObject Pair() => new() { ["clientCertificates"] = new JsonObject { ["primary"] = Certificate() } };
        var enrollment = new JsonObject { ["provisioningStatus"] = "enabled", ["allocationPolicy"] = "custom", [byGroup ? "enrollmentGroupId" : "registrationId"] = byGroup ? "bench" : id };
        if (!byGroup) enrollment["attestation"] = new JsonObject { ["type"] = "x509", ["x509"] = Pair() };
        var context = new JsonObject { ["registrationId"] = id, ["x509"] = Pair() };
        if (byGroup) context["payload"] = new JsonObject { ["model"] = "pump", ["certificate"] = Convert.ToBase64String(leaf.RawData) };
        return new JsonObject
        {
            [byGroup ? "enrollmentGroup" : "individualEnrollment"] = enrollment,
            ["deviceRuntimeContext"] = context,
            ["linkedHubs"] = new JsonArray([.. cloud.IotHubs.Select(hub => (JsonNode)hub.HostName)]),
        };
    }

    private static async Task Post(HttpClient http, string path, JsonObject body)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {await answer.Content.ReadAsStringAsync().ConfigureAwait(false)}");
    }
}
