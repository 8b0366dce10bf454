using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>A timer trigger's call.</summary>
/// <param name="IsPastDue">Whether this run was due earlier, while no host was up.</param>
/// <param name="Status">When it ran and will run; <see langword="null"/> when the host keeps no schedule status (schedules under a
/// minute, or <c>useMonitor</c> off).</param>
public sealed record TimerTick(bool IsPastDue, TimerStatus? Status)
{
    /// <summary>Reads the host's request.</summary>
    /// <param name="envelope">UTF-8 JSON.</param>
    /// <exception cref="EnvelopeException"><c>envelope-syntax</c>, <c>envelope-missing</c>, <c>envelope-type</c>.</exception>
    public static TimerTick Read(ReadOnlySpan<byte> envelope)
    {
        TimerEnvelope? read;
        try
        {
            read = JsonSerializer.Deserialize(envelope, TimerJson.Default.TimerEnvelope);
        }
        catch (JsonException)
        {
            throw new EnvelopeException(new Fault("envelope-syntax", "envelope"));
        }

        // Data holds the trigger's value alone, whatever its binding is called.
        if (read?.Data is not { Count: 1 } data) throw new EnvelopeException(new Fault("envelope-missing", "Data"));
        if (data.Values.Single() is not { IsPastDue: { } pastDue } timer) throw new EnvelopeException(new Fault("envelope-missing", "Data.timer.IsPastDue"));
        return new TimerTick(pastDue, timer.ScheduleStatus is { } status ? new TimerStatus(Time(status.Last), Time(status.Next), Time(status.LastUpdated)) : null);
    }

    private static DateTimeOffset? Time(string? text)
    {
        if (text is null) return null;
        if (!HubTime.TryRead(System.Text.Encoding.UTF8.GetBytes(text), out var time)) throw new EnvelopeException(new Fault("envelope-type", "Data.timer.ScheduleStatus"));
        return time == DateTimeOffset.MinValue ? null : time; // year 1: never yet
    }
}

/// <summary>What the host remembers of a schedule, UTC.</summary>
/// <param name="Last">The run before, if any.</param>
/// <param name="Next">The run that is due next, if known.</param>
/// <param name="UpdatedAt">When this was written, if ever.</param>
public sealed record TimerStatus(DateTimeOffset? Last, DateTimeOffset? Next, DateTimeOffset? UpdatedAt);

internal sealed record TimerEnvelope(Dictionary<string, TimerBody?>? Data);

internal sealed record TimerBody(bool? IsPastDue, TimerStatusBody? ScheduleStatus);

internal sealed record TimerStatusBody(string? Last, string? Next, string? LastUpdated);

[JsonSourceGenerationOptions(MaxDepth = 32)]
[JsonSerializable(typeof(TimerEnvelope))]
internal sealed partial class TimerJson : JsonSerializerContext;
