using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>What a device shall prove itself with, as asked.</summary>
public abstract record Credential
{
    private protected Credential()
    {
    }
}

/// <summary>A certificate, with the chain that issued it if that was sent.</summary>
/// <param name="Chain">Leaf first.</param>
public sealed record CertificateCredential(CertificateChain Chain) : Credential;

/// <summary>A TPM's endorsement key.</summary>
/// <param name="EndorsementKey">Base64, as DPS takes it.</param>
/// <param name="Key">Its thumbprint.</param>
public sealed record TpmCredential(string EndorsementKey, KeyThumbprint Key) : Credential;

/// <summary>A shared secret that DPS makes up.</summary>
public sealed record SharedCredential : Credential;

/// <summary>A device to enrol, as somebody asked: well formed, not yet judged.</summary>
/// <param name="Id">The device.</param>
/// <param name="Model">Its model.</param>
/// <param name="Owner">Its owner.</param>
/// <param name="Credential">What it shall prove itself with.</param>
public sealed record EnrollmentRequest(DeviceId Id, string Model, string Owner, Credential Credential)
{
    /// <summary>Most bytes of the JSON: a chain of 32 KB, escaped line ends, and the rest.</summary>
    public const int WireBytesMax = 64 * 1024;

    /// <summary>SHA-256 over what was asked, 64 lower-case hex characters: the same asked again has the same.</summary>
    public string Digest { get; } = DigestOf(Id, Model, Owner, Credential);

    // { "registrationId", "model", "owner", and one of "certificateChain": PEM, "endorsementKey": base64, "symmetricKey": true }
    /// <summary>Reads a request body, or a row of a batch in JSON Lines.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <returns>The request, or <c>request-malformed</c> (not such an object: an unknown, repeated or mistyped member),
    /// <c>model-name</c>, <c>owner-name</c>, <c>credential-missing</c>, <c>credential-ambiguous</c>, <c>endorsement-key-form</c>, or a fault
    /// of <see cref="DeviceId.Parse"/> or <see cref="CertificateChain.Parse"/>.</returns>
    public static Parsed<EnrollmentRequest> Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > WireBytesMax) return new Fault("request-malformed", "body");
        try
        {
            return JsonSerializer.Deserialize(json, RequestJson.Default.RequestBody) is { } body
                ? From(body.RegistrationId, body.Model, body.Owner, body.CertificateChain, body.EndorsementKey, body.SymmetricKey)
                : new Fault("request-malformed", "body");
        }
        catch (JsonException)
        {
            return new Fault("request-malformed", "body");
        }
    }

    /// <summary>Reads the fields of a request, wherever they come from; faults as <see cref="Parse"/>.</summary>
    /// <param name="registrationId">Its id.</param>
    /// <param name="model">Its model.</param>
    /// <param name="owner">Its owner.</param>
    /// <param name="chain">PEM or base64, or <see langword="null"/>.</param>
    /// <param name="endorsementKey">Base64, or <see langword="null"/>.</param>
    /// <param name="symmetricKey">Whether a shared secret is asked for.</param>
    public static Parsed<EnrollmentRequest> From(string? registrationId, string? model, string? owner, string? chain, string? endorsementKey, bool? symmetricKey)
    {
        if (!DeviceId.Parse(registrationId).TryGet(out var id, out var fault)) return fault;
        if (!Names.Model(model).TryGet(out var modelName, out fault)) return fault;
        if (!Names.Owner(owner).TryGet(out var ownerName, out fault)) return fault;
        if (symmetricKey == false) return new Fault("request-malformed", "symmetricKey"); // says nothing; left out it says the same
        var asked = (chain is null ? 0 : 1) + (endorsementKey is null ? 0 : 1) + (symmetricKey is null ? 0 : 1);
        if (asked != 1) return asked == 0 ? new Fault("credential-missing", "certificateChain") : new Fault("credential-ambiguous", "certificateChain");
        var credential = chain is not null ? CertificateChain.Parse(chain).Then<Credential>(parsed => new CertificateCredential(parsed))
            : endorsementKey is not null ? Tpm(endorsementKey)
            : new SharedCredential();
        return credential.Then<EnrollmentRequest>(proof => new EnrollmentRequest(id, modelName, ownerName, proof));
    }

    private static Parsed<Credential> Tpm(string text)
    {
        // A TPM2B_PUBLIC: two bytes of length and an RSA or ECC public area; DPS takes it in base64.
        var bytes = new byte[1024];
        return text.Length > 1368 || !Convert.TryFromBase64String(text, bytes, out var length) || length is < 64 or > 1024
            ? new Fault("endorsement-key-form", "endorsementKey")
            : new TpmCredential(Convert.ToBase64String(bytes, 0, length), KeyThumbprint.Of(bytes.AsSpan(0, length)));
    }

    private static string DigestOf(DeviceId id, string model, string owner, Credential credential)
    {
        // Names have no line ends. The leaf stands for the chain: what is above it may be sent or left out.
        var proof = credential switch
        {
            CertificateCredential { Chain: var chain } => "x509 " + Convert.ToHexStringLower(SHA256.HashData(chain.Certificates[0].AsSpan())),
            TpmCredential tpm => "tpm " + tpm.Key.Text,
            _ => "symmetricKey",
        };
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"enroll-1\n{id}\n{model}\n{owner}\n{proof}")));
    }
}

internal sealed record RequestBody(string RegistrationId, string Model, string Owner, string? CertificateChain = null, string? EndorsementKey = null, bool? SymmetricKey = null);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 4)]
[JsonSerializable(typeof(RequestBody))]
internal sealed partial class RequestJson : JsonSerializerContext;
