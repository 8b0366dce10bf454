using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Run;

/// <summary>How to reach a cloud that stays up, for any MQTT, AMQP or HTTP client.</summary>
public static class Endpoints
{
    private const string Guest = "guest-00000";

    /// <summary>Registers a device for the person at the keyboard and describes every way in.</summary>
    /// <remarks>What it prints is secret for as long as the cloud is up: this tenant exists nowhere else.</remarks>
    /// <param name="cloud">The cloud.</param>
    /// <returns>Lines to print.</returns>
    public static IEnumerable<string> Describe(LocalCloud cloud)
    {
        ArgumentNullException.ThrowIfNull(cloud);
        var folder = Path.GetDirectoryName(cloud.Authority.PemPath)!;
        var (certificate, key) = (Path.Combine(folder, Guest + ".pem"), Path.Combine(folder, Guest + ".key"));
        cloud.IotHub.Create(new DeviceSpec(
            Guest, DeviceCredentials.CertificateAuthority, Tags: new JsonObject { ["model"] = "env-sensor", ["profile"] = "env-sensor@1" }));
        using (var identity = cloud.Authority.IssueDevice(Guest))
        using (var privateKey = identity.GetECDsaPrivateKey() ?? throw new InvalidOperationException("device certificates carry P-256 keys"))
        {
            File.WriteAllText(certificate, identity.ExportCertificatePem());
            File.WriteAllText(key, privateKey.ExportPkcs8PrivateKeyPem());
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        var (hubs, expires) = cloud.Tokens.Issue(LocalTenant.Ops, Audiences.EventHubs);
        return
        [
            "",
            "The cloud stays up until Ctrl-C. Everything listens on 127.0.0.1 and ends with this process.",
            $"  CA certificate     {cloud.Authority.PemPath}   (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS)",
            $"  Entra ID           {cloud.Identity.AuthorityHost}{LocalTenant.TenantId}/v2.0",
            $"    client (ops)     {LocalTenant.Ops.ClientId} secret {cloud.Identity.SecretOf(LocalTenant.Ops)}",
            $"  Event Hubs         {cloud.EventHubs.FullyQualifiedNamespace}   (AMQP over TLS; hubs telemetry, validated, alerts; group ops)",
            $"  IoT Hub            {cloud.IotHub.HostName}: MQTT 127.0.0.1:{cloud.IotHub.MqttPort}, HTTPS 127.0.0.1:{cloud.IotHub.HttpsPort}",
            $"  Blobs              {cloud.Storage.BlobServiceUri}",
            $"  Tables             {cloud.Storage.TableServiceUri}",
            .. cloud.Apps.Select(app => $"  Function app       {app.Key}: {app.Value.Address}"),
            $"  Token for Event Hubs as ops, until {expires:HH:mm} UTC:",
            $"    {hubs}",
            $"  A device of your own ({Guest}), with any MQTT client, such as:",
            $"    mosquitto_pub -h localhost -p {cloud.IotHub.MqttPort} --cafile {cloud.Authority.PemPath} --cert {certificate} --key {key} -q 1 \\",
            $"      -i {Guest} -u '{cloud.IotHub.HostName}/{Guest}/?api-version=2021-04-12' -t 'devices/{Guest}/messages/events/%24.ct=application%2Fjson' \\",
            $"      -m '{{\"messageId\":\"1\",\"sentAt\":\"{cloud.Clock.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ}\",\"sequence\":1,\"metrics\":{{\"temperature\":21.5,\"humidity\":50.0,\"pressure\":1013.25,\"co2\":450,\"battery\":3.6}}}}'",
        ];
    }
}
