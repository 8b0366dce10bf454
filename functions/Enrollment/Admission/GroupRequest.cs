using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>A group to enrol, as asked and judged.</summary>
/// <param name="Group">The group as the ledger shall have it.</param>
/// <param name="Signers">Its signing certificates, DER in base64: one, or two for rotation.</param>
public sealed record GroupPlan(DeviceGroup Group, ImmutableArray<string> Signers)
{
    /// <summary>Most bytes of the JSON.</summary>
    public const int WireBytesMax = 64 * 1024;

    /// <summary>Most devices a group may be allowed: as many as DPS holds.</summary>
    public const int DevicesMax = 1_000_000;

    // { "groupId", "owner", "models": [], "devicesMax", "certificates": PEM of one or two intermediate CAs }
    /// <summary>Reads and judges a request.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="policy">The fleet's policy.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The plan, or <c>request-malformed</c>, <c>owner-name</c>, <c>model-name</c>, <c>models-count</c> (1 to 32, each once),
    /// <c>model-unknown</c>, <c>devices-max</c> (1 to 1,000,000), <c>signers-count</c> (one or two), <c>signer-repeated</c>, or a fault of
    /// <see cref="DeviceId.Parse"/>, <see cref="CertificateChain.Parse"/> or <see cref="CertificateRules.Signer"/>.</returns>
    public static Parsed<GroupPlan> Parse(ReadOnlySpan<byte> json, FleetPolicy policy, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(policy);
        GroupBody? body;
        try
        {
            body = json.Length > WireBytesMax ? null : JsonSerializer.Deserialize(json, GroupJson.Default.GroupBody);
        }
        catch (JsonException)
        {
            body = null;
        }

        if (body is null) return new Fault("request-malformed", "body");
        if (!DeviceId.Parse(body.GroupId, "groupId").TryGet(out var id, out var fault)) return fault;
        if (!Names.Owner(body.Owner).TryGet(out var owner, out fault)) return fault;
        if (body.Models.Count is 0 or > 32 || body.Models.Distinct(StringComparer.Ordinal).Count() < body.Models.Count) return new Fault("models-count", "models");
        foreach (var model in body.Models)
        {
            if (!Names.Model(model, "models").TryGet(out _, out fault)) return fault;
            if (!policy.Models.ContainsKey(model)) return new Fault("model-unknown", "models");
        }

        if (body.DevicesMax is < 1 or > DevicesMax) return new Fault("devices-max", "devicesMax");
        if (!CertificateChain.Parse(body.Certificates, "certificates").TryGet(out var chain, out fault)) return fault;
        if (chain.Certificates.Length > 2) return new Fault("signers-count", "certificates");
        var signers = new List<SignerCertificate>();
        for (var at = 0; at < chain.Certificates.Length; at++)
        {
            if (!CertificateRules.Signer(chain.Certificates[at].AsSpan(), $"certificates[{at}]", now).TryGet(out var signer, out fault)) return fault;
            if (signers.Any(one => one.Key == signer.Key)) return new Fault("signer-repeated", $"certificates[{at}]");
            signers.Add(signer);
        }

        ImmutableArray<string> models = [.. body.Models.Order(StringComparer.Ordinal)];
        var said = $"group-1\n{id}\n{owner}\n{string.Join(' ', models)}\n{body.DevicesMax}\n{string.Join(' ', signers.Select(signer => signer.Certificate))}";
        var group = new DeviceGroup
        {
            Id = id.Text,
            Owner = owner,
            Models = models,
            DevicesMax = body.DevicesMax,
            Signers = [.. signers.Select(signer => signer.Key).OrderBy(key => key.Text, StringComparer.Ordinal)],
            NotAfter = signers.Min(signer => signer.NotAfter),
            Request = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(said))),
        };
        return new GroupPlan(group, [.. signers.Select(signer => signer.Certificate)]);
    }
}

internal sealed record GroupBody(string GroupId, string Owner, IReadOnlyList<string> Models, int DevicesMax, string Certificates);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 4)]
[JsonSerializable(typeof(GroupBody))]
internal sealed partial class GroupJson : JsonSerializerContext;
