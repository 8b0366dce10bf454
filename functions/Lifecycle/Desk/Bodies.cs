using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Devices;
using Serverless.Faults;
using Serverless.Hosting;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Desk;

/// <summary>A wish that one device should end.</summary>
/// <param name="Reason">Required.</param>
/// <param name="GraceSeconds">How long its credentials still live; 0 for now.</param>
/// <param name="FactoryReset">Whether the device is asked to reset itself.</param>
internal sealed record DecommissionBody(string Reason, int GraceSeconds = 0, bool FactoryReset = false);

/// <summary>A wish that a device should go to another owner.</summary>
/// <param name="Reason">Required.</param>
/// <param name="NewOwner">Required.</param>
/// <param name="GraceSeconds">How long its credentials still live; 0 for now.</param>
/// <param name="FactoryReset">Whether the device is asked to reset itself; the default, since the next owner must not find the last one's data.</param>
internal sealed record TransferBody(string Reason, string NewOwner, int GraceSeconds = 0, bool FactoryReset = true);

/// <summary>A reason.</summary>
/// <param name="Reason">Required.</param>
internal sealed record ReasonBody(string Reason);

/// <summary>A wish that all devices of a query should end. Without a confirmation nothing happens but a list.</summary>
/// <param name="Reason">Required.</param>
/// <param name="Model">Of this model.</param>
/// <param name="Owner">Of this owner.</param>
/// <param name="Group">Admitted by this group.</param>
/// <param name="GraceSeconds">How long their credentials still live; 0 for now.</param>
/// <param name="FactoryReset">Whether they are asked to reset themselves.</param>
/// <param name="Confirm">What the list was, from the dry run.</param>
internal sealed record DecommissionsBody(
    string Reason, string? Model = null, string? Owner = null, string? Group = null, int GraceSeconds = 0, bool FactoryReset = false, ConfirmBody? Confirm = null);

/// <summary>What a dry run listed.</summary>
/// <param name="Count">How many.</param>
/// <param name="Digest">Which ones.</param>
internal sealed record ConfirmBody(int Count, string Digest);

/// <summary>How a device ends.</summary>
internal sealed record EndingBody(string Id, string State, DateTimeOffset? DueAt, string? Reason, IReadOnlyList<PlaneBody> Planes)
{
    public static EndingBody Of(DeviceRecord record) => new(
        record.Id.Text, Words.Of(record.State), record.Ending?.DueAt, record.Ending?.Reason,
        [.. record.Closings.Planes.Select(plane => new PlaneBody(plane.Plane, plane.Stage, plane.At, plane.Answer, plane.Attempts))]);
}

/// <summary>How far a plane is closed.</summary>
internal sealed record PlaneBody(string Plane, string Stage, DateTimeOffset At, string Answer, int Attempts);

/// <summary>The list of a dry run, or what became of it.</summary>
internal sealed record SelectionBody(bool DryRun, int Count, string Digest, IReadOnlyList<SelectedBody> Devices);

/// <summary>One device of it.</summary>
internal sealed record SelectedBody(string Id, string? Fault);

/// <summary>A statement of death, and what the device tried since it was counted.</summary>
internal sealed record CertificateBody(string Id, string Statement, IReadOnlyList<ReturnAttempt> Returns);

/// <summary>How many devices will be cut off.</summary>
internal sealed record ForecastBody(int Devices, bool Complete, IReadOnlyList<WeekForecast> Weeks);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 8, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DecommissionBody))]
[JsonSerializable(typeof(TransferBody))]
[JsonSerializable(typeof(ReasonBody))]
[JsonSerializable(typeof(DecommissionsBody))]
[JsonSerializable(typeof(EndingBody))]
[JsonSerializable(typeof(SelectionBody))]
[JsonSerializable(typeof(CertificateBody))]
[JsonSerializable(typeof(ForecastBody))]
[JsonSerializable(typeof(FindingsBody))]
[JsonSerializable(typeof(AcceptanceBody))]
internal sealed partial class LifecycleJson : JsonSerializerContext
{
    /// <summary>Longest request, bytes.</summary>
    public const int BytesMax = 8 * 1024;

    /// <summary>Reads a request's body.</summary>
    /// <returns>It, or <c>media-type</c> (not <c>application/json</c>), <c>json-body</c>, or a fault of <see cref="BoundedBody"/>.</returns>
    public static async Task<Parsed<T>> Read<T>(HttpRequest request, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, CancellationToken cancel)
        where T : class
    {
        var bytes = await request.ReadBounded(BytesMax, cancel).ConfigureAwait(false);
        if (bytes.Fault is null && !IsJson(request.ContentType)) return new Fault("media-type", "Content-Type");
        return bytes.Then(body => Parse(body, type));
    }

    private static bool IsJson(string? type) => System.Net.Http.Headers.MediaTypeHeaderValue.TryParse(type, out var parsed) && parsed.MediaType?.Equals("application/json", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Reads a request.</summary>
    /// <returns>It, or <c>json-body</c>.</returns>
    public static Parsed<T> Parse<T>(ReadOnlyMemory<byte> utf8, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(utf8.Span, type) is { } body ? body : new Fault("json-body", "body");
        }
        catch (JsonException)
        {
            return new Fault("json-body", "body");
        }
    }
}
