using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Serverless.Local.IotHub.Registry;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Who a certificate admits, and by which enrolment.</summary>
public sealed class X509Tests
{
    [Fact]
    public async Task An_enrolled_certificate_gets_a_hub_identity_of_its_own_thumbprint_with_the_initial_twin()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = await dps.Enroll("pump-1", new JsonObject { ["deviceId"] = "hall-3", ["initialTwin"] = JsonNode.Parse("""{"tags":{"model":"pump"},"properties":{"desired":{"rate":5}}}""") });

        var given = await dps.Admit("pump-1", leaf);

        Assert.Equal("hall-3", given.DeviceId);
        Assert.Equal([given.HubHostName], dps.Homes("hall-3"));
        var identity = dps.Hub(given.HubHostName).Find("hall-3")!;
        Assert.Equal((AuthenticationType.SelfSigned, DeviceStatus.Enabled), (identity.Credentials.Type, identity.Status));
        Assert.Equal(leaf.GetCertHashString(HashAlgorithmName.SHA256), identity.Credentials.PrimaryThumbprint);
        var (tags, desired, _) = dps.Hub(given.HubHostName).TwinOf("hall-3")!.Value;
        Assert.Equal(("""{"model":"pump"}""", """{"rate":5}"""), (tags.ToJsonString(), desired.ToJsonString()));
    }

    [Fact]
    public async Task A_chain_to_a_verified_authority_is_admitted_by_the_group_of_its_intermediate()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var line = DeviceCa.Subordinate("Line 1 CA");
        using var leaf = line.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/line-1", Signers("line-1", line.Certificate));

        var given = await dps.Admit("sensor-1", leaf, line.Intermediates);

        Assert.Equal("sensor-1", given.DeviceId);
        var record = (await dps.Call("GET", "/registrations/sensor-1")).Json;
        Assert.Equal("line-1", (string?)record["x509"]!["enrollmentGroupId"]);
        Assert.Equal("CN=Line 1 CA", (string?)record["x509"]!["signingCertificateInfo"]!["subjectName"]);
        Assert.Equal("CN=sensor-1", (string?)record["x509"]!["certificateInfo"]!["subjectName"]);
    }

    [Fact]
    public async Task A_group_by_reference_admits_what_its_authority_signed()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/all", References("all"));

        Assert.Equal("sensor-1", (await dps.Admit("sensor-1", leaf)).DeviceId);
    }

    [Theory]
    [InlineData("certificate-subject", "the name of another device")]
    [InlineData("certificate-mismatch", "another certificate of the same name")]
    [InlineData("certificate-expired", "an expired certificate")]
    [InlineData("certificate-expired", "a certificate of tomorrow")]
    [InlineData("certificate-chain", "a foreign authority")]
    [InlineData("certificate-chain", "a self-signed certificate")]
    [InlineData("certificate-chain", "an intermediate that was not sent")]
    [InlineData("certificate-chain", "a server's certificate")]
    [InlineData("certificate-chain", "a device as authority")]
    [InlineData("certificate-expired", "an expired intermediate")]
    [InlineData("enrollment-unknown", "an authority without a group")]
    public async Task A_certificate_is_refused_for(string fault, string what)
    {
        await using var dps = await ProvisioningFixture.Start();
        var now = TimeProvider.System.GetUtcNow();
        using var line = DeviceCa.Subordinate("Line 1 CA");
        using var dead = DeviceCa.Subordinate("Line 0 CA", now.AddMinutes(-1));
        using var loose = DeviceCa.Subordinate("Line 9 CA");
        await dps.Put("/enrollmentGroups/line-1", Signers("line-1", line.Certificate));
        await dps.Put("/enrollmentGroups/line-0", Signers("line-0", dead.Certificate));
        using var enrolled = await dps.Enroll("pump-1");
        using var victim = line.IssueDevice("victim");
        using var leaf = what switch
        {
            "the name of another device" => line.IssueDevice("someone-else"),
            "another certificate of the same name" => line.IssueDevice("pump-1"),
            "an expired certificate" => line.IssueDevice("dev-1", notAfter: now.AddMinutes(-1)),
            "a certificate of tomorrow" => line.IssueDevice("dev-1", notBefore: now.AddHours(1)),
            "a foreign authority" => Authority.IssueDevice("dev-1"),
            "a self-signed certificate" => SelfSigned("dev-1"),
            "a server's certificate" => DeviceCa.IssueServer(), // of a company whose CA signs devices too
            "a device as authority" => SignedBy(victim, "dev-1"),
            "an expired intermediate" => SignedBy(dead.Certificate, "dev-1"),
            "an authority without a group" => loose.IssueDevice("dev-1"),
            _ => line.IssueDevice("dev-1"),
        };
        IReadOnlyList<X509Certificate2> sent = what switch
        {
            "an intermediate that was not sent" or "a foreign authority" or "a self-signed certificate" => [],
            "a device as authority" => [victim, .. line.Intermediates],
            "an expired intermediate" => dead.Intermediates,
            "an authority without a group" => loose.Intermediates,
            _ => line.Intermediates,
        };
        var id = what == "another certificate of the same name" ? "pump-1" : what == "a server's certificate" ? "localhost" : "dev-1";

        var refused = (await dps.Register(id, leaf, sent)).Refused!;

        Assert.Equal(("401", 401002), (refused.Stage, refused.ErrorCode));
        Assert.Equal((fault, 1), (fault, dps.Count("registrations.refused", fault)));
        Assert.Empty(dps.Homes(id));
    }

    [Fact]
    public async Task An_enrolled_certificate_is_refused_once_it_has_expired()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("pump-1", notAfter: TimeProvider.System.GetUtcNow().AddMinutes(-1));
        await dps.Put("/enrollments/pump-1", Individual("pump-1", leaf));

        Assert.Equal(401002, (await dps.Register("pump-1", leaf)).Refused!.ErrorCode);
        Assert.Equal(1, dps.Count("registrations.refused", "certificate-expired"));
    }

    [Fact]
    public async Task Of_two_groups_with_one_certificate_the_disabled_one_decides()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/a", References("a"));
        await dps.Put("/enrollmentGroups/b", References("b", enabled: false));
        await dps.Put("/enrollmentGroups/c", References("c"));

        Assert.Equal("disabled", (await dps.Register("sensor-1", leaf)).Refused!.Stage);
        (await dps.Call("GET", "/registrations/sensor-1")).IsError(404202); // and leaves no trace
    }

    [Fact]
    public async Task A_copied_key_under_another_name_is_another_device_to_the_service()
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollmentGroups/all", References("all"));
        using var first = DeviceCa.IssueDevice("sensor-1");
        using var key = first.GetECDsaPrivateKey()!;
        using var copy = DeviceCa.IssueDevice("sensor-2", key: key);

        Assert.Equal(first.PublicKey.ExportSubjectPublicKeyInfo(), copy.PublicKey.ExportSubjectPublicKeyInfo());
        await dps.Admit("sensor-1", first);
        await dps.Admit("sensor-2", copy); // which is why the webhook looks at keys
    }

    [Fact]
    public async Task A_leaf_enrolled_under_another_id_is_not_admitted_by_a_group()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/all", References("all"));
        await dps.Put("/enrollments/other", Individual("other", leaf));

        Assert.Equal("401", (await dps.Register("sensor-1", leaf)).Refused!.Stage);
        Assert.Equal(1, dps.Count("registrations.refused", "certificate-subject"));
    }

    [Fact]
    public async Task A_disabled_individual_enrolment_beats_an_enabled_group()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/all", References("all"));
        await dps.Admit("sensor-1", leaf);
        await dps.Put("/enrollments/sensor-1", Individual("sensor-1", leaf, enabled: false));

        Assert.Equal("disabled", (await dps.Register("sensor-1", leaf)).Refused!.Stage);

        Assert.Equal(204, (await dps.Call("DELETE", "/enrollments/sensor-1")).Status);
        await dps.Admit("sensor-1", leaf); // which is why an enrolment is disabled and not deleted
    }

    [Fact]
    public async Task Of_several_groups_in_a_chain_the_nearest_decides_even_when_it_is_disabled()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var plant = DeviceCa.Subordinate("Plant CA");
        using var line = plant.Subordinate("Line CA");
        using var leaf = line.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/root", References("root", more: Static(HubA)));
        await dps.Put("/enrollmentGroups/plant", Signers("plant", plant.Certificate, more: Static(HubA)));
        await dps.Put("/enrollmentGroups/line", Signers("line", line.Certificate, more: Static(HubB)));

        Assert.Equal(HubB, (await dps.Admit("sensor-1", leaf, line.Intermediates)).HubHostName);

        await dps.Put("/enrollmentGroups/line", Signers("line", line.Certificate, enabled: false));
        Assert.Equal("disabled", (await dps.Register("sensor-1", leaf, line.Intermediates)).Refused!.Stage);

        // Deleting a group hands its devices to the next one up.
        Assert.Equal(204, (await dps.Call("DELETE", "/enrollmentGroups/line")).Status);
        Assert.Equal(HubA, (await dps.Admit("sensor-1", leaf, line.Intermediates)).HubHostName);
    }

    [Fact]
    public async Task Either_certificate_of_an_enrolment_admits_and_the_hub_knows_the_device_by_the_one_it_showed()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var old = DeviceCa.IssueDevice("pump-1");
        using var next = DeviceCa.IssueDevice("pump-1");
        var body = Individual("pump-1", old);
        body["attestation"]!["x509"]!["clientCertificates"]!["secondary"] = new JsonObject { ["certificate"] = next.ExportCertificatePem() };
        await dps.Put("/enrollments/pump-1", body);

        var first = await dps.Admit("pump-1", old);
        var second = await dps.Admit("pump-1", next);

        Assert.Equal(first, second);
        Assert.Equal(next.GetCertHashString(HashAlgorithmName.SHA256), dps.Hub(second.HubHostName).Find("pump-1")!.Credentials.PrimaryThumbprint);
    }

    [Fact]
    public async Task Ids_are_case_insensitive_here_and_one_device_stays_one()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("Sensor-1");
        using var other = DeviceCa.IssueDevice("SENSOR-1");
        await dps.Put("/enrollmentGroups/all", References("all"));

        var first = await dps.Admit("Sensor-1", leaf);
        var second = await dps.Admit("SENSOR-1", other);

        Assert.Equal(("Sensor-1", first), (second.DeviceId, second));
        Assert.Equal(1, dps.Hubs.Sum(hub => hub.DeviceCount));
    }

    [Fact]
    public async Task An_authority_counts_only_after_a_proof_that_it_signed_itself()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var stranger = Authority.Subordinate("Other company");
        using var below = stranger.Subordinate("Below");
        Assert.True(dps.Service.AddAuthority("other", stranger.Certificate).TryGet(out var code, out _));
        Assert.Equal(400, (await dps.Call("PUT", "/enrollmentGroups/other", References("other", "other").ToJsonString())).Status); // enrollment-authority

        using var leaf = below.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/below", Signers("below", below.Certificate));
        Assert.Equal("CA certificate not found.", (await dps.Register("sensor-1", leaf, below.Intermediates)).Refused!.Message);

        using var wrongCode = stranger.Prove(code + "0");
        using var wrongKey = DeviceCa.Prove(code);
        using var byAnother = below.Prove(code);
        Assert.Equal("authority-proof", dps.Service.ProveAuthority("other", wrongCode)?.Code);
        Assert.Equal("authority-proof", dps.Service.ProveAuthority("other", wrongKey)?.Code);
        Assert.Equal("authority-proof", dps.Service.ProveAuthority("other", byAnother)?.Code);
        Assert.Equal("authority-unknown", dps.Service.ProveAuthority("nobody", wrongKey)?.Code);

        using var proof = stranger.Prove(code);
        Assert.Null(dps.Service.ProveAuthority("other", proof));
        await dps.Put("/enrollmentGroups/other", References("other", "other"));
        await dps.Admit("sensor-1", leaf, below.Intermediates);
    }

    [Fact]
    public async Task Authorities_are_cas_with_a_name_of_their_own_and_at_most_25()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var leaf = DeviceCa.IssueDevice("no-ca");

        Assert.Equal("authority-shape", dps.Service.AddAuthority("leaf", leaf).Fault?.Code);
        Assert.Equal("authority-exists", dps.Service.AddAuthority(Root, Authority.Certificate).Fault?.Code);
        for (var i = 1; i < 25; i++) Assert.Null(dps.Service.AddAuthority($"ca-{i}", Authority.Certificate).Fault);
        Assert.Equal("authorities-full", dps.Service.AddAuthority("ca-25", Authority.Certificate).Fault?.Code);
    }

    [Fact]
    public async Task Without_its_authority_a_group_admits_nobody()
    {
        await using var dps = await ProvisioningFixture.Start();
        using var line = DeviceCa.Subordinate("Line 1 CA");
        using var leaf = line.IssueDevice("sensor-1");
        await dps.Put("/enrollmentGroups/line-1", Signers("line-1", line.Certificate));
        await dps.Admit("sensor-1", leaf, line.Intermediates);

        Assert.Null(dps.Service.RemoveAuthority(Root));

        Assert.Equal((401002, "CA certificate not found."), Said((await dps.Register("sensor-1", leaf, line.Intermediates)).Refused!));
        Assert.Equal("authority-unknown", dps.Service.RemoveAuthority(Root)?.Code);
    }

    private static (int, string) Said(Serverless.Local.Fleet.RegistrationRefusal refusal) => (refusal.ErrorCode, refusal.Message);

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        return new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddMinutes(-1), now.AddDays(1));
    }

    // What no CA would sign: below a certificate that is no CA, or beyond the end of one.
    private static X509Certificate2 SignedBy(X509Certificate2 issuer, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuerKey = issuer.GetECDsaPrivateKey()!;
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var issued = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), issuer.NotBefore, TimeProvider.System.GetUtcNow().AddDays(1), [1, 2, 3, 4]);
        return issued.CopyWithPrivateKey(key);
    }
}
