using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MQTTnet;
using Serverless.Local.IotHub.Registry;

namespace Serverless.Local.Tests.IotHub;

/// <summary>Who gets in. Every refusal is CONNACK 5 to the device and a reason in the hub's counters.</summary>
public sealed class ConnectTests
{
    // Every punctuation character the registry allows, and both cases.
    private const string AwkwardId = "Az09-.+%_#*?!(),:=@$'";

    [Fact]
    public async Task A_certificate_must_be_the_one_pinned_for_the_device()
    {
        await using var hub = await HubFixture.Start();
        using var mine = hub.CreatePinned("dev-1");
        using var others = hub.CreatePinned("dev-2");
        using var stranger = hub.Authority.IssueDevice("dev-1");

        await hub.ConnectDevice("dev-1", mine);
        await Refused(hub, hub.Options("dev-1", others), "certificate-thumbprint");
        await Refused(hub, hub.Options("dev-1", stranger), "certificate-thumbprint");
        await Refused(hub, hub.Options("dev-1", null), "credentials-missing");
        await Refused(hub, hub.Options("nobody", mine), "device-unknown");
    }

    [Fact]
    public async Task A_pinned_sha1_thumbprint_and_a_secondary_one_work_too()
    {
        await using var hub = await HubFixture.Start();
        using var first = hub.Authority.IssueDevice("x");
        using var second = hub.Authority.IssueDevice("x");
        Assert.Null(hub.Service.Create(new DeviceSpec("roll", DeviceCredentials.Pinned(first.GetCertHashString(), second.GetCertHashString(HashAlgorithmName.SHA256)))).Fault);

        await hub.ConnectDevice("roll", first);
        await hub.ConnectDevice("roll", second);
    }

    [Fact]
    public async Task A_ca_signed_certificate_needs_the_device_id_as_name_and_a_whole_chain_to_a_registered_ca()
    {
        await using var hub = await HubFixture.Start();
        foreach (var id in new[] { "ca-1", "ca-2" }) Assert.Null(hub.Service.Create(new DeviceSpec(id, DeviceCredentials.CertificateAuthority)).Fault);
        var now = TimeProvider.System.GetUtcNow();
        using var good = hub.DeviceAuthority.IssueDevice("ca-1");
        using var foreignCa = hub.Authority.IssueDevice("ca-1");
        using var expired = hub.DeviceAuthority.IssueDevice("ca-1", now.AddMinutes(-50), now.AddMinutes(-1));
        using var early = hub.DeviceAuthority.IssueDevice("ca-1", now.AddMinutes(10), now.AddMinutes(20));
        using var bySibling = SignedByLeaf(good, "ca-1");
        using var selfMade = SelfSigned("ca-1");
        using var impostor = new Serverless.Local.Tls.LocalAuthority(Directory.CreateTempSubdirectory("impostor-").FullName, now, "Devices CA");
        using var bySameName = impostor.IssueDevice("ca-1");

        await hub.ConnectDevice("ca-1", good);
        await Refused(hub, hub.Options("ca-2", good), "certificate-subject");
        await Refused(hub, hub.Options("ca-1", foreignCa), "certificate-chain");
        await Refused(hub, hub.Options("ca-1", bySibling), "certificate-chain");
        await Refused(hub, hub.Options("ca-1", selfMade), "certificate-chain");
        await Refused(hub, hub.Options("ca-1", bySameName), "certificate-chain");
        await Refused(hub, hub.Options("ca-1", expired), "certificate-expired");
        await Refused(hub, hub.Options("ca-1", early), "certificate-expired");
        Directory.Delete(Path.GetDirectoryName(impostor.PemPath)!, recursive: true);
    }

    [Fact]
    public async Task A_group_devices_chain_may_have_an_intermediate_and_must_be_whole()
    {
        using var root = Ca("Group root", null);
        using var intermediate = Ca("Group intermediate", root);
        using var leaf = Leaf("ca-1", intermediate);
        var whole = SslStreamCertificateContext.Create(leaf, [intermediate], offline: true);
        async Task<(int Code, long Refused)> Try(X509Certificate2 registered, SslStreamCertificateContext shown)
        {
            await using var hub = await HubFixture.Start(options => options with { DeviceAuthorities = [registered] });
            Assert.Null(hub.Service.Create(new DeviceSpec("ca-1", DeviceCredentials.CertificateAuthority)).Fault);
            await using var device = await RawDevice.Open(hub, null, shown);
            await device.Send(RawDevice.ConnectPacket(hub, "ca-1"));
            return ((await device.Read(4))[3], hub.Refusals("certificate-chain"));
        }

        Assert.Equal((0, 0L), await Try(root, whole));
        Assert.Equal((0, 0L), await Try(intermediate, whole)); // an intermediate may be registered itself
        Assert.Equal((0, 0L), await Try(intermediate, SslStreamCertificateContext.Create(leaf, [], offline: true)));
        Assert.Equal((5, 1L), await Try(root, SslStreamCertificateContext.Create(leaf, [], offline: true)));
        using var otherRoot = Ca("Group root", null);
        Assert.Equal((5, 1L), await Try(otherRoot, whole));
    }

    [Fact]
    public async Task A_device_id_with_every_allowed_character_connects_and_sends()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned(AwkwardId);
        var device = await hub.ConnectDevice(AwkwardId, certificate);

        await device.PublishAsync(TelemetryTests.Message($"devices/{Uri.EscapeDataString(AwkwardId)}/messages/events/", "x"), TestContext.Current.CancellationToken);

        Assert.Equal(AwkwardId, Assert.Single(hub.Route.Telemetry).Annotations!["iothub-connection-device-id"]);
        Assert.Equal("device-id", hub.Service.Create(new DeviceSpec("a/b", DeviceCredentials.CertificateAuthority)).Fault?.Code);
        Assert.Equal("device-id", hub.Service.Create(new DeviceSpec("", DeviceCredentials.CertificateAuthority)).Fault?.Code);
        Assert.Equal("device-id", hub.Service.Create(new DeviceSpec(new string('a', 129), DeviceCredentials.CertificateAuthority)).Fault?.Code);
        Assert.Null(hub.Service.Create(new DeviceSpec(new string('a', 128), DeviceCredentials.CertificateAuthority)).Fault);
        Assert.Equal("device-id", hub.Service.Create(new DeviceSpec("gr\u00fcn", DeviceCredentials.CertificateAuthority)).Fault?.Code);
    }

    [Fact]
    public async Task Tokens_of_a_device_key_are_checked_for_key_time_and_resource()
    {
        await using var hub = await HubFixture.Start();
        Assert.True(hub.Service.Create(new DeviceSpec("sas-1", new DeviceCredentials(AuthenticationType.Sas))).TryGet(out var made, out _));
        var (key, second) = (made[0].Credentials.PrimaryKey!, made[0].Credentials.SecondaryKey!);
        var later = TimeProvider.System.GetUtcNow().AddHours(1);
        string Token(string resource, string with, DateTimeOffset until) => HubFixture.Sign(resource, with, until, null);
        var own = $"{hub.Service.HostName}/devices/sas-1";

        await Accepted(hub, Sas(hub, "sas-1", Token(own, key, later)));
        await Accepted(hub, Sas(hub, "sas-1", Token(own, second, later)));
        await Refused(hub, Sas(hub, "sas-1", Token(own, Convert.ToBase64String(new byte[32]), later)), "token-signature");
        await Refused(hub, Sas(hub, "sas-1", Token(own, key, later.AddHours(-2))), "token-expired");
        await Refused(hub, Sas(hub, "sas-1", Token($"{hub.Service.HostName}/devices/sas-2", key, later)), "token-resource");
        await Refused(hub, Sas(hub, "sas-1", Token(hub.Service.HostName, key, later)), "token-resource");
        await Refused(hub, Sas(hub, "sas-1", Token("hub-b.azure-devices.net/devices/sas-1", key, later)), "token-resource");
        foreach (var shape in new[] { "x", "SharedAccessSignature sr=a", "SharedAccessSignature sr=a&sig=!!&se=1", Token(own, key, later) + "&se=99999999999", "SharedAccessSignature sr=a&sig=AAAA&se=NaN" })
        {
            await Refused(hub, Sas(hub, "sas-1", shape), "token-shape");
        }
    }

    [Fact]
    public async Task A_stolen_hub_key_works_as_on_azure_and_shows_in_the_stamp()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");
        var lifetime = TimeSpan.FromHours(1);

        var device = await Accepted(hub, Sas(hub, "dev-1", hub.Service.SignPolicyToken("device", lifetime)));
        await device.PublishAsync(TelemetryTests.Message("devices/dev-1/messages/events/", "x"), TestContext.Current.CancellationToken);

        Assert.Equal("""{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}""", Assert.Single(hub.Route.Telemetry).Annotations!["iothub-connection-auth-method"]);
        await Refused(hub, Sas(hub, "dev-1", hub.Service.SignPolicyToken("service", lifetime)), "token-policy");
        await Refused(hub, Sas(hub, "dev-1", HubFixture.Sign(hub.Service.HostName, Convert.ToBase64String(new byte[32]), TimeProvider.System.GetUtcNow().AddHours(1), "nobody")), "token-policy");
        await Refused(hub, Sas(hub, "dev-1", HubFixture.Sign(hub.Service.HostName, Convert.ToBase64String(new byte[32]), TimeProvider.System.GetUtcNow().AddHours(1), "device")), "token-signature");
    }

    [Fact]
    public async Task A_device_must_use_the_kind_of_proof_it_is_registered_with()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("x509");
        Assert.Null(hub.Service.Create(new DeviceSpec("sas", new DeviceCredentials(AuthenticationType.Sas)), new DeviceSpec("none", new DeviceCredentials(AuthenticationType.None))).Fault);
        var token = HubFixture.Sign($"{hub.Service.HostName}/devices/x509", Convert.ToBase64String(new byte[32]), TimeProvider.System.GetUtcNow().AddHours(1), null);

        await Refused(hub, Sas(hub, "x509", token), "credentials-type");
        await Refused(hub, hub.Options("sas", certificate), "credentials-type");
        await Refused(hub, hub.Options("none", certificate), "credentials-type");
    }

    [Theory]
    [InlineData("hub-b.azure-devices.net/dev-1/?api-version=2021-04-12", "dev-1", "hub-name")]
    [InlineData("hub-a.azure-devices.net/dev-1", "dev-1", "user-name")]
    [InlineData("dev-1", "dev-1", "user-name")]
    [InlineData("hub-a.azure-devices.net/dev-1/module-1/?api-version=2021-04-12", "dev-1", "module-unsupported")]
    [InlineData("hub-a.azure-devices.net/dev-1/?api-version=2021-04-12", "dev-2", "client-id")]
    [InlineData("hub-a.azure-devices.net/DEV-1/?api-version=2021-04-12", "DEV-1", "device-unknown")]
    public async Task The_user_name_must_name_this_hub_and_the_client(string userName, string clientId, string fault)
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");

        await Refused(hub, hub.Options("dev-1", certificate).WithClientId(clientId).WithCredentials(userName, (byte[]?)null), fault);
    }

    [Fact]
    public async Task The_loopback_name_with_its_port_is_the_same_hub()
    {
        await using var hub = await HubFixture.Start();
        using var certificate = hub.CreatePinned("dev-1");

        await Accepted(hub, hub.Options("dev-1", certificate).WithCredentials($"localhost:{hub.Service.MqttPort}/dev-1/api-version=2021-04-12&DeviceClientType=x", (byte[]?)null));
    }

    [Fact]
    public async Task Two_hubs_in_one_process_do_not_know_each_others_devices()
    {
        await using var one = await HubFixture.Start();
        await using var two = await HubFixture.Start(options => options with { HostName = "hub-b.azure-devices.net" });
        using var certificate = one.CreatePinned("dev-1");

        await one.ConnectDevice("dev-1", certificate);
        await Refused(two, two.Options("dev-1", certificate), "device-unknown");
    }

    private static MqttClientOptionsBuilder Sas(HubFixture hub, string deviceId, string token) =>
        hub.Options(deviceId, null).WithCredentials($"{hub.Service.HostName}/{deviceId}/?api-version=2021-04-12", Encoding.UTF8.GetBytes(token));

    private static async Task<IMqttClient> Accepted(HubFixture hub, MqttClientOptionsBuilder options)
    {
        var (client, code) = await hub.Connect(options);
        Assert.Equal(MqttClientConnectResultCode.Success, code);
        return client;
    }

    private static async Task Refused(HubFixture hub, MqttClientOptionsBuilder options, string fault)
    {
        var before = hub.Refusals(fault);
        var (_, code) = await hub.Connect(options);
        Assert.Equal(MqttClientConnectResultCode.NotAuthorized, code);
        Assert.Equal((fault, before + 1), (fault, hub.Refusals(fault)));
    }

    private static X509Certificate2 Ca(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return Issue(request, key, issuer);
    }

    private static X509Certificate2 Leaf(string name, X509Certificate2 issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], false));
        return Issue(request, key, issuer);
    }

    private static X509Certificate2 Issue(CertificateRequest request, ECDsa key, X509Certificate2? issuer)
    {
        var now = TimeProvider.System.GetUtcNow();
        if (issuer is null) return request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1));
        using var issued = request.Create(issuer, now.AddMinutes(-4), now.AddMinutes(50), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        return new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1));
    }

    // A device's own certificate abused as a CA.
    private static X509Certificate2 SignedByLeaf(X509Certificate2 leaf, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signer = leaf.GetECDsaPrivateKey()!;
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).Create(
            leaf.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), now.AddMinutes(-5), now.AddHours(1), [1, 2, 3, 4]);
        return made.CopyWithPrivateKey(key);
    }
}
