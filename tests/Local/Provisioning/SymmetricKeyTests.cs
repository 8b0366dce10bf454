using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.Local.IotHub.Registry;
using Serverless.Local.Provisioning.Access;
using Serverless.Local.Tests.IotHub;
using static Serverless.Local.Tests.Provisioning.ProvisioningFixture;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>Symmetric keys, a device's own and derived ones, over HTTPS.</summary>
public sealed class SymmetricKeyTests
{
    private static readonly string Primary = Key(1);
    private static readonly string Secondary = Key(2);

    [Fact]
    public void A_device_key_is_derived_as_published()
    {
        // Symmetric key attestation concepts, recomputed.
        const string Group = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

        Assert.Equal("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=", DerivedKey.Of(Group, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"));
        Assert.NotEqual(DerivedKey.Of(Group, "sn-1"), DerivedKey.Of(Group, "sn-2"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Either_key_of_an_enrolment_admits_and_becomes_the_hubs(bool primary)
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollments/dev-1", Keys(EnrollmentBodyKind.Individual, "dev-1", Primary, Secondary));

        var state = await new HttpDevice(dps, "dev-1") { Key = primary ? Primary : Secondary }.Assigned();

        var hub = (string)state["assignedHub"]!;
        Assert.Equal(new DeviceCredentials(AuthenticationType.Sas, Primary, Secondary), dps.Hub(hub).Find("dev-1")!.Credentials);
        Assert.Equal("{}", state["symmetricKey"]!.ToJsonString());
    }

    [Fact]
    public async Task A_group_admits_derived_keys_and_never_its_own()
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollmentGroups/keys", Keys(EnrollmentBodyKind.Group, "keys", Primary, Secondary));

        var state = await new HttpDevice(dps, "dev-1") { Key = DerivedKey.Of(Secondary, "dev-1") }.Assigned();
        Assert.Equal("keys", (string?)state["symmetricKey"]!["enrollmentGroupId"]);
        Assert.Equal(
            new DeviceCredentials(AuthenticationType.Sas, DerivedKey.Of(Primary, "dev-1"), DerivedKey.Of(Secondary, "dev-1")),
            dps.Hub((string)state["assignedHub"]!).Find("dev-1")!.Credentials);

        (await new HttpDevice(dps, "dev-2") { Key = Primary }.Register()).IsError(401002);
        (await new HttpDevice(dps, "dev-2") { Key = DerivedKey.Of(Primary, "dev-1") }.Register()).IsError(401002);
        Assert.Equal(2, dps.Count("registrations.refused", "token-signature"));
        Assert.Empty(dps.Homes("dev-2"));
    }

    [Fact]
    public async Task A_disabled_group_refuses_the_devices_whose_keys_it_derived()
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollmentGroups/keys", Keys(EnrollmentBodyKind.Group, "keys", Primary, Secondary, enabled: false));

        Assert.Equal("disabled", (string?)(await new HttpDevice(dps, "dev-1") { Key = DerivedKey.Of(Primary, "dev-1") }.Register()).Json["status"]);
    }

    [Fact]
    public async Task An_individual_enrolment_beats_the_group_of_its_key()
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollmentGroups/keys", Keys(EnrollmentBodyKind.Group, "keys", Primary, Secondary));
        await dps.Put("/enrollments/dev-1", Keys(EnrollmentBodyKind.Individual, "dev-1", Key(3), Key(4)));

        (await new HttpDevice(dps, "dev-1") { Key = DerivedKey.Of(Primary, "dev-1") }.Register()).IsError(401002);

        Assert.Equal(200, (await new HttpDevice(dps, "dev-1") { Key = Key(3) }.Finish()).Status);
    }

    [Theory]
    [InlineData("token-signature", "another key")]
    [InlineData("token-expired", "yesterday's token")]
    [InlineData("token-resource", "a token of another device")]
    [InlineData("token-resource", "a token of another service")]
    [InlineData("token-policy", "another policy")]
    [InlineData("token-policy", "no policy")]
    [InlineData("token-shape", "no token")]
    [InlineData("credentials-type", "a key where a certificate is enrolled")]
    [InlineData("credentials-missing", "nothing")]
    [InlineData("enrollment-unknown", "a device nobody enrolled")]
    public async Task A_token_is_refused_for(string fault, string what)
    {
        await using var dps = await ProvisioningFixture.Start();
        await dps.Put("/enrollments/dev-1", Keys(EnrollmentBodyKind.Individual, "dev-1", Primary, Secondary));
        using var leaf = await dps.Enroll("x509-1");
        var now = TimeProvider.System.GetUtcNow();
        var scope = dps.Service.IdScope;
        string Token(string resource = "", string? key = null, DateTimeOffset? until = null, string? policy = "registration") =>
            HubFixture.Sign(resource.Length == 0 ? $"{scope}/registrations/dev-1" : resource, key ?? Primary, until ?? now.AddMinutes(5), policy);

        var (id, token) = what switch
        {
            "another key" => ("dev-1", Token(key: Key(9))),
            "yesterday's token" => ("dev-1", Token(until: now.AddSeconds(-1))),
            "a token of another device" => ("dev-1", Token($"{scope}/registrations/dev-2")),
            "a token of another service" => ("dev-1", Token("0ne00000000/registrations/dev-1")),
            "another policy" => ("dev-1", Token(policy: "provisioningserviceowner")),
            "no policy" => ("dev-1", Token(policy: null)),
            "no token" => ("dev-1", "Bearer x"),
            "a key where a certificate is enrolled" => ("x509-1", Token($"{scope}/registrations/x509-1")),
            "a device nobody enrolled" => ("dev-9", Token($"{scope}/registrations/dev-9")),
            _ => ("dev-1", null),
        };
        var answer = await new HttpDevice(dps, id) { Token = token }.Register();

        answer.IsError(401002);
        Assert.Equal((fault, 1), (fault, dps.Count("registrations.refused", fault)));
        Assert.Equal(0, dps.Hubs.Sum(hub => hub.DeviceCount));
    }

    [Fact]
    public async Task Keys_are_made_when_left_out_kept_by_updates_and_shown_only_to_who_may_see_them()
    {
        await using var dps = await ProvisioningFixture.Start();
        var body = new JsonObject { ["registrationId"] = "dev-1", ["attestation"] = new JsonObject { ["type"] = "symmetricKey" } };

        var made = await dps.Put("/enrollments/dev-1", body);
        Assert.Equal("""{"type":"symmetricKey"}""", made.Json["attestation"]!.ToJsonString());
        var keys = (await dps.Call("POST", "/enrollments/dev-1/attestationmechanism")).Json;
        Assert.Equal(64, Convert.FromBase64String((string)keys["symmetricKey"]!["primaryKey"]!).Length);
        Assert.NotEqual((string)keys["symmetricKey"]!["primaryKey"]!, (string)keys["symmetricKey"]!["secondaryKey"]!);

        await dps.Put("/enrollments/dev-1", (JsonObject)made.Json);
        Assert.Equal(keys.ToJsonString(), (await dps.Call("POST", "/enrollments/dev-1/attestationmechanism")).Json.ToJsonString());
        (await dps.Call("POST", "/enrollments/dev-1/attestationmechanism", null, Operator)).IsError(401003);
    }

    private static string Key(byte seed) => Convert.ToBase64String(SHA256.HashData([seed]));
}
