using System.Collections.Immutable;
using System.Text.Json;
using Serverless.Devices;
using Serverless.Faults;

namespace Serverless.Enrollment.Admission;

/// <summary>What a registering device proved itself with, as far as DPS shows it.</summary>
/// <param name="Kind">Of what kind.</param>
/// <param name="CertificateThumbprint">SHA-256 of the leaf certificate, 64 lower-case hex characters, or <see langword="null"/>.</param>
/// <param name="Key">The key, where the certificate or endorsement key itself is shown; and verified against the thumbprint where the
/// device sent it along.</param>
public sealed record Presented(KeyKind Kind, string? CertificateThumbprint, DeviceKey? Key);

/// <summary>DPS's question: this device, with this enrolment, is registering; may it, and at which of these hubs?</summary>
/// <remarks>The caller proved with the function's key that it is DPS, and nothing else proves it; what the device itself chose
/// (<see cref="ClaimedModel"/>) is its claim.</remarks>
public sealed record AllocationRequest
{
    /// <summary>Most bytes of the request: DPS's message limit of 96 KB, and room for its own records.</summary>
    public const int WireBytesMax = 128 * 1024;

    /// <summary>Who registers.</summary>
    public required DeviceId Id { get; init; }

    /// <summary>The enrolment group; <see langword="null"/> with an individual enrolment.</summary>
    public string? Group { get; init; }

    /// <summary>What it proved itself with.</summary>
    public required Presented Presented { get; init; }

    /// <summary>SHA-256 of the certificates of an individual X.509 enrolment, as DPS keeps it.</summary>
    public required ImmutableArray<string> Enrolled { get; init; }

    /// <summary>Whether the enrolment is one that we make: custom allocation, enabled.</summary>
    public required bool Ours { get; init; }

    /// <summary>Model that the enrolment's initial twin names, if any.</summary>
    public string? EnrolledModel { get; init; }

    /// <summary>Model that the device says it is.</summary>
    public string? ClaimedModel { get; init; }

    /// <summary>Host name of the hub it is at, by DPS.</summary>
    public string? CurrentHub { get; init; }

    /// <summary>Hubs to choose from, as DPS spells them; at least one.</summary>
    public required ImmutableArray<string> LinkedHubs { get; init; }

    /// <summary>Reads the webhook's request.</summary>
    /// <param name="json">UTF-8 JSON. Members we do not know are passed over: DPS may come to send more.</param>
    /// <returns>The request, or <c>allocation-malformed</c> (not such an object, or a member twice), <c>allocation-ambiguous</c> (not
    /// exactly one of individual enrolment and group, not exactly one kind of proof, or an id that differs from the enrolment's),
    /// <c>model-name</c>, <c>certificate-claim</c> (the certificate the device sent along is not the one it proved itself with), or a fault
    /// of <see cref="DeviceId.Parse"/>.</returns>
    public static Parsed<AllocationRequest> Parse(ReadOnlyMemory<byte> json) => AllocationReader.Parse(json);

    /// <summary>Whether two requests come to the same; the lists by value.</summary>
    /// <param name="other">Another.</param>
    public bool Equals(AllocationRequest? other) =>
        other is not null && Id == other.Id && Group == other.Group && Presented == other.Presented && Ours == other.Ours && EnrolledModel == other.EnrolledModel
        && ClaimedModel == other.ClaimedModel && CurrentHub == other.CurrentHub && Enrolled.SequenceEqual(other.Enrolled) && LinkedHubs.SequenceEqual(other.LinkedHubs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Group, Presented, Ours, ClaimedModel, CurrentHub);
}

/// <summary>Reads <see cref="AllocationRequest"/>.</summary>
internal static class AllocationReader
{
    private const int HubsMax = 50; // hubs a service can be linked to
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    public static Parsed<AllocationRequest> Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > AllocationRequest.WireBytesMax) return Malformed("body");
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object ? Read(document.RootElement) : Malformed("body");
        }
        catch (JsonException)
        {
            return Malformed("body");
        }
        catch (InvalidOperationException)
        {
            return Malformed("body"); // a string that is not Unicode
        }
    }

    private static Parsed<AllocationRequest> Read(JsonElement root)
    {
        var (individual, group) = (Object(root, "individualEnrollment"), Object(root, "enrollmentGroup"));
        if ((individual is null) == (group is null)) return Ambiguous("individualEnrollment");
        if (Object(root, "deviceRuntimeContext") is not { } context) return Malformed("deviceRuntimeContext");
        if (!DeviceId.Parse(Text(context, "registrationId"), "deviceRuntimeContext.registrationId").TryGet(out var id, out var fault)) return fault;
        if (individual is { } own && Text(own, "registrationId") != id.Text) return Ambiguous("individualEnrollment.registrationId");
        var groupId = group is { } named ? Text(named, "enrollmentGroupId") : null;
        if (group is not null && DeviceId.Parse(groupId).Fault is not null) return Malformed("enrollmentGroup.enrollmentGroupId");
        if (Hubs(root) is not { } hubs) return Malformed("linkedHubs");
        var enrollment = individual ?? group!.Value;
        var payload = Object(context, "payload");
        var claimed = payload is { } said ? Text(said, "model") : null;
        if (claimed is not null && Names.Model(claimed).Fault is not null) return new Fault("model-name", "deviceRuntimeContext.payload.model");
        return Proof(context, payload).Then<AllocationRequest>(proof => new AllocationRequest
        {
            Id = id,
            Group = groupId,
            Presented = proof,
            Enrolled = individual is { } one ? Enrolled(one) : [],
            Ours = Text(enrollment, "allocationPolicy") == "custom" && Text(enrollment, "provisioningStatus") is "enabled" or null,
            EnrolledModel = Object(enrollment, "initialTwin") is { } twin && Object(twin, "tags") is { } tags ? Text(tags, "model") : null,
            ClaimedModel = claimed,
            CurrentHub = Text(context, "currentIotHubHostName"),
            LinkedHubs = hubs,
        });
    }

    private static Parsed<Presented> Proof(JsonElement context, JsonElement? payload)
    {
        var (x509, tpm, symmetric) = (Object(context, "x509"), Object(context, "tpm"), Object(context, "symmetricKey"));
        if ((x509 is null ? 0 : 1) + (tpm is null ? 0 : 1) + (symmetric is null ? 0 : 1) != 1) return Ambiguous("deviceRuntimeContext");
        if (symmetric is not null) return new Presented(KeyKind.SymmetricKey, null, null);
        if (tpm is { } module)
        {
            var bytes = new byte[1024];
            return Text(module, "endorsementKey") is { Length: <= 1368 } key && Convert.TryFromBase64String(key, bytes, out var length) && length > 0
                ? new Presented(KeyKind.Tpm, null, new DeviceKey(KeyKind.Tpm, KeyThumbprint.Of(bytes.AsSpan(0, length))))
                : Malformed("deviceRuntimeContext.tpm");
        }

        return Certificate(x509!.Value, payload);
    }

    /// <summary>The leaf. The shape is not published; these are the places where the service's other records have certificates.</summary>
    private static Parsed<Presented> Certificate(JsonElement x509, JsonElement? payload)
    {
        var shown = Object(x509, "clientCertificates") is { } pair ? Object(pair, "primary") : Object(x509, "certificate") ?? x509;
        var thumbprint = shown is { } place ? Thumbprint(Object(place, "info") ?? Object(place, "certificateInfo")) : null;
        var text = shown is { } leaf ? Text(leaf, "certificate") : null;
        var verified = text is not null;
        text ??= payload is { } said ? Text(said, "certificate") : null;
        if (text is null || (!verified && thumbprint is null)) return new Presented(KeyKind.X509, thumbprint, null);
        // What the device sent along counts only because DPS names the thumbprint of what it verified.
        return CertificateChain.Parse(text).Then(chain => CertificateRules.Read(chain.Certificates[0].AsSpan())).TryGet(out var key, out _)
            && (thumbprint is null || key.CertificateThumbprint == thumbprint)
            ? new Presented(KeyKind.X509, key.CertificateThumbprint, key)
            : new Fault("certificate-claim", "deviceRuntimeContext.payload.certificate");
    }

    private static ImmutableArray<string> Enrolled(JsonElement enrollment)
    {
        if (Object(enrollment, "attestation") is not { } attestation || Object(attestation, "x509") is not { } x509 || Object(x509, "clientCertificates") is not { } pair) return [];
        return [.. new[] { Object(pair, "primary"), Object(pair, "secondary") }.Select(one => one is { } certificate ? Thumbprint(Object(certificate, "info")) : null).OfType<string>()];
    }

    private static string? Thumbprint(JsonElement? info) =>
        info is { } shown && Text(shown, "sha256Thumbprint") is { Length: 64 } text && KeyThumbprint.Parse(text.ToLowerInvariant()).TryGet(out var thumbprint, out _) ? thumbprint.Text : null;

    private static ImmutableArray<string>? Hubs(JsonElement root)
    {
        if (!Try(root, "linkedHubs", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > HubsMax) return null;
        var hubs = ImmutableArray.CreateBuilder<string>();
        foreach (var hub in list.EnumerateArray())
        {
            if (hub.ValueKind != JsonValueKind.String || hub.GetString() is not { Length: > 0 and <= 255 } name) return null;
            hubs.Add(name);
        }

        return hubs.ToImmutable();
    }

    private static JsonElement? Object(JsonElement parent, string name) => Try(parent, name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement parent, string name) => Try(parent, name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A member by its name without case: the documentation spells some both ways.</summary>
    private static bool Try(JsonElement parent, string name, out JsonElement value)
    {
        if (parent.TryGetProperty(name, out value)) return true;
        foreach (var member in parent.EnumerateObject())
        {
            if (!string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase)) continue;
            value = member.Value;
            return true;
        }

        return false;
    }

    private static Fault Malformed(string where) => new("allocation-malformed", where);

    private static Fault Ambiguous(string where) => new("allocation-ambiguous", where);
}
