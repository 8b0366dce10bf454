using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>Kinds of key that a certificate may have.</summary>
public enum CertifiedKey
{
    /// <summary>Elliptic curve P-256.</summary>
    P256,

    /// <summary>Elliptic curve P-384.</summary>
    P384,

    /// <summary>RSA of 3072 bits or more.</summary>
    Rsa3072,
}

/// <summary>What devices of a model must have.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Profile">Telemetry profile its twin names, or empty.</param>
/// <param name="Ring">Update ring its twin names, or empty.</param>
/// <param name="Keys">Kinds of key allowed; none means that the model has no certificates.</param>
/// <param name="ValidityMax">Longest validity of a leaf certificate, 1 to 3650 days.</param>
/// <param name="Tpm">Whether an endorsement key will do.</param>
/// <param name="SymmetricKeys">Whether a shared secret will do: weaker in every respect, for old devices that can nothing else.</param>
public sealed record ModelPolicy(string Model, string Profile, string Ring, ImmutableArray<CertifiedKey> Keys, TimeSpan ValidityMax, bool Tpm, bool SymmetricKeys);

/// <summary>What a hub takes.</summary>
/// <param name="Host">Its host name.</param>
/// <param name="Weight">Its part of the devices against the other hubs', 1 to 1,000.</param>
/// <param name="Draining">Whether it takes no new devices and those it has move away when they register.</param>
public sealed record HubPolicy(string Host, int Weight, bool Draining);

/// <summary>What may be enrolled and where it goes: the document <c>policies/enrollment.json</c> in container <c>profiles</c>.</summary>
/// <remarks>Trusted: whoever may write it decides which models exist, how strong their keys are and which hubs they reach; not which
/// devices. Immutable.</remarks>
public sealed record FleetPolicy
{
    /// <summary>Most bytes of the document.</summary>
    public const int BytesMax = 256 * 1024;

    /// <summary>Models by name.</summary>
    public required ImmutableSortedDictionary<string, ModelPolicy> Models { get; init; }

    /// <summary>Hubs by host name, without case. A linked hub that is not here gets no device.</summary>
    public required ImmutableSortedDictionary<string, HubPolicy> Hubs { get; init; }

    /// <summary>Registrations a minute of one device before they are a storm, 1 to 1,000.</summary>
    public required int DeviceRegistrationsPerMinute { get; init; }

    /// <summary>Registrations a minute of one group, 1 to 100,000.</summary>
    public required int GroupRegistrationsPerMinute { get; init; }

    /// <summary>Reads the document.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <returns>The policy, or <c>policy-malformed</c> (not this document: an unknown, missing or repeated member, or too long),
    /// <c>policy-model</c> (a model's name, key kind, validity, or a model that nothing could enrol), <c>policy-hub</c> (a hub's host or
    /// weight), <c>policy-rate</c>, <c>policy-repeated</c> (two of one name).</returns>
    public static Parsed<FleetPolicy> Parse(ReadOnlySpan<byte> json)
    {
        if (json.Length > BytesMax) return new Fault("policy-malformed", "document");
        PolicyBody? body;
        try
        {
            body = JsonSerializer.Deserialize(json, PolicyJson.Default.PolicyBody);
        }
        catch (JsonException)
        {
            return new Fault("policy-malformed", "document");
        }

        if (body is not { Version: 1 }) return new Fault("policy-malformed", "version");
        var models = ImmutableSortedDictionary.CreateBuilder<string, ModelPolicy>(StringComparer.Ordinal);
        foreach (var model in body.Models)
        {
            if (!Model(model).TryGet(out var policy, out var fault)) return fault;
            if (!models.TryAdd(policy.Model, policy)) return new Fault("policy-repeated", "models");
        }

        var hubs = ImmutableSortedDictionary.CreateBuilder<string, HubPolicy>(StringComparer.OrdinalIgnoreCase);
        foreach (var hub in body.Hubs)
        {
            if (Uri.CheckHostName(hub.Host.Split(':')[0]) == UriHostNameType.Unknown || hub.Weight is < 1 or > 1000) return new Fault("policy-hub", "hubs");
            if (!hubs.TryAdd(hub.Host, new HubPolicy(hub.Host, hub.Weight, hub.Draining))) return new Fault("policy-repeated", "hubs");
        }

        var (device, group) = (body.Registrations.DevicePerMinute, body.Registrations.GroupPerMinute);
        return device is < 1 or > 1000 || group is < 1 or > 100_000
            ? new Fault("policy-rate", "registrations")
            : new FleetPolicy { Models = models.ToImmutable(), Hubs = hubs.ToImmutable(), DeviceRegistrationsPerMinute = device, GroupRegistrationsPerMinute = group };
    }

    private static Parsed<ModelPolicy> Model(ModelBody body)
    {
        if (Names.Model(body.Model).Fault is not null || body.ValidityDaysMax is < 1 or > 3650) return new Fault("policy-model", "models");
        if (body.Profile.Length > 72 || body.Ring.Length > Names.LengthMax || (body.Ring.Length > 0 && Names.Model(body.Ring).Fault is not null)) return new Fault("policy-model", "models");
        var keys = ImmutableArray.CreateBuilder<CertifiedKey>();
        foreach (var key in body.Keys)
        {
            CertifiedKey? kind = key switch { "P-256" => CertifiedKey.P256, "P-384" => CertifiedKey.P384, "RSA-3072" => CertifiedKey.Rsa3072, _ => null };
            if (kind is not { } known || keys.Contains(known)) return new Fault("policy-model", "models.keys");
            keys.Add(known);
        }

        return keys.Count == 0 && !body.Tpm && !body.SymmetricKeys
            ? new Fault("policy-model", "models.keys")
            : new ModelPolicy(body.Model, body.Profile, body.Ring, keys.ToImmutable(), TimeSpan.FromDays(body.ValidityDaysMax), body.Tpm, body.SymmetricKeys);
    }
}

internal sealed record PolicyBody(int Version, IReadOnlyList<ModelBody> Models, IReadOnlyList<HubBody> Hubs, RatesBody Registrations);

internal sealed record ModelBody(string Model, string Profile, string Ring, IReadOnlyList<string> Keys, int ValidityDaysMax, bool Tpm, bool SymmetricKeys);

internal sealed record HubBody(string Host, int Weight, bool Draining);

internal sealed record RatesBody(int DevicePerMinute, int GroupPerMinute);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 8)]
[JsonSerializable(typeof(PolicyBody))]
internal sealed partial class PolicyJson : JsonSerializerContext;
