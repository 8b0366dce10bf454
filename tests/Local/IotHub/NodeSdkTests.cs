using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Local.EventHubs;
using Serverless.Local.Identity;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Registry;
using Serverless.Tests.Kit;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Microsoft's own Node SDKs, unmodified, against the hub: tests/Local/node, pinned by its lock file.</summary>
public sealed class NodeSdkTests
{
    [Theory]
    [InlineData("Entra token")]
    [InlineData("shared access policy")]
    public async Task The_device_sdk_and_the_service_sdk_work_together_until_the_device_is_disabled(string caller)
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.Authority.IssueDevice("node-1");
        using var key = certificate.GetECDsaPrivateKey()!;
        Assert.Null(hub.Service.Create(new DeviceSpec("node-1", DeviceCredentials.Pinned(certificate.GetCertHashString()))).Fault);

        await using var device = await NodeProcess.Start(hub, "device.cjs", new JsonObject
        {
            ["host"] = hub.Service.HostName,
            ["deviceId"] = "node-1",
            ["cert"] = certificate.ExportCertificatePem(),
            ["key"] = key.ExportPkcs8PrivateKeyPem(),
        });
        await device.Says("sent");
        var draft = Assert.Single(hub.Route.Telemetry);
        Assert.Equal("""{"temperature":21.5}""", System.Text.Encoding.UTF8.GetString(draft.Body.Span));
        Assert.Equal(new EventProperties("m-1", null, null, "application/json", "utf-8"), draft.Properties);
        Assert.Equal("a&b=c", draft.ApplicationProperties!["batch"]);
        Assert.Equal("""{"scope":"device","type":"x509","issuer":"external","acceptingIpFilterRule":null}""", draft.Annotations!["iothub-connection-auth-method"]);
        await device.Says("ready");
        Assert.Equal(204, (await hub.Call("POST", "/messages/deviceBound", "hello", null, ("iothub-to", "/devices/node-1/messages/deviceBound"), ("iothub-messageid", "c2d-1"))).Status);
        Assert.Equal(("hello", "c2d-1"), Pair(await device.Says("message"), "body", "id"));
        await Eventually.Holds(() => hub.Service.Counters["c2d.completed"] == 1);

        await using var service = await NodeProcess.Start(hub, "service.cjs", caller == "Entra token"
            ? new JsonObject { ["host"] = hub.Service.HostName, ["deviceId"] = "node-1", ["token"] = hub.Tokens.Issue(HubFixture.Operator, Audiences.IotHub).Token }
            : new JsonObject { ["host"] = hub.Service.HostName, ["deviceId"] = "node-1", ["connectionString"] = hub.Service.ConnectionString("iothubowner") });
        Assert.Equal(("enabled", "Connected"), Pair(await service.Says("read"), "status", "connectionState"));
        Assert.Equal("1.0", (string?)(await service.Says("twin"))["firmware"]);
        await service.Says("updated");
        Assert.Equal("slow", (string?)(await device.Says("desired"))["mode"]);
        Assert.Equal("""["node-1"]""", (await service.Says("found"))["ids"]!.ToJsonString());
        Assert.Equal("""{"n":1}""", (await device.Says("method"))["payload"]!.ToJsonString());
        Assert.Equal("""{"pong":{"n":1}}""", (await service.Says("answered"))["payload"]!.ToJsonString());
        Assert.Equal(("disabled", "incident 7"), Pair(await service.Says("disabled"), "status", "reason"));
        Assert.Equal("DeviceNotFoundError", (string?)(await service.Says("missing"))["error"]);

        await device.Says("cut");
        Assert.Equal(1, hub.Cuts("device-disabled"));
    }

    private static (string?, string?) Pair(JsonObject said, string first, string second) => ((string?)said[first], (string?)said[second]);
}

/// <summary>A Node program that speaks in JSON lines.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<JsonObject> _said = new();
    private readonly ConcurrentQueue<string> _all = new();

    private NodeProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static Task<NodeProcess> Start(HubFixture hub, string script, JsonObject settings) => Start(PortsOf(hub.Service), hub.Authority.PemPath, script, settings);

    /// <summary>Where a hub's own ports are.</summary>
    public static JsonObject PortsOf(IotHubService hub) => new() { [$"{hub.HostName}:8883"] = hub.MqttPort, [$"{hub.HostName}:443"] = hub.HttpsPort };

    /// <summary>Starts a program.</summary>
    /// <param name="ports">Local port by real host and port.</param>
    /// <param name="authority">Path of the CA to trust.</param>
    /// <param name="script">In tests/Local/node.</param>
    /// <param name="settings">For its standard input.</param>
    public static async Task<NodeProcess> Start(JsonObject ports, string authority, string script, JsonObject settings)
    {
        var folder = Path.Combine(Repository.Root, "tests", "Local", "node");
        var start = await NodePrograms.Prepare(folder, ["--require", "./local-ports.cjs", script], "Microsoft's IoT SDKs", TestContext.Current.CancellationToken);
        start.Environment["LOCAL_PORTS"] = ports.ToJsonString();
        start.Environment["NODE_EXTRA_CA_CERTS"] = authority;
        var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(settings.ToJsonString()); // not an argument: it holds a key
        process.StandardInput.Close();
        return new NodeProcess(process);
    }

    /// <summary>Waits for an event; fails with everything said when it does not come.</summary>
    public async Task<JsonObject> Says(string name)
    {
        for (var i = 0; i < 3000; i++)
        {
            while (_said.TryDequeue(out var said))
            {
                if ((string?)said["event"] == name) return said;
                if ((string?)said["event"] is "failed") Assert.Fail($"'{name}' was not said; all it said: {string.Join('\n', _all)}");
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"'{name}' was not said within 30 s; all it said: {string.Join('\n', _all)}");
        throw new UnreachableException();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null) return;
        _all.Enqueue(line);
        try
        {
            if (JsonNode.Parse(line) is JsonObject said) _said.Enqueue(said);
        }
        catch (JsonException)
        {
            // Not an event; kept in what a failure shows.
        }
    }
}
