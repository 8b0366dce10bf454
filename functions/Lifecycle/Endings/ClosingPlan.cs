using Serverless.Devices;

namespace Serverless.Lifecycle.Endings;

/// <summary>What is to be done with a device next.</summary>
public enum NextStep
{
    /// <summary>Nothing: it lives, or all is done.</summary>
    Rest,

    /// <summary>Its grace is not over.</summary>
    Wait,

    /// <summary>Close a plane.</summary>
    Close,

    /// <summary>Read every plane back.</summary>
    Verify,

    /// <summary>Call it dead.</summary>
    Bury,

    /// <summary>Sign and store the statement of death.</summary>
    Certify,
}

/// <summary>The next step.</summary>
/// <param name="Step">What.</param>
/// <param name="Plane">Which plane, with <see cref="NextStep.Close"/>.</param>
public sealed record Next(NextStep Step, Plane? Plane = null);

/// <summary>The order of a device's end: from what the ledger recorded to what comes next. Pure; the ledger row is all the memory there is, so
/// that any instance resumes where any other stopped.</summary>
public static class ClosingPlan
{
    /// <summary>How old a reading may be when a device is called dead: between reading and burying nothing may have opened again.</summary>
    public static readonly TimeSpan ReadingAgeMax = TimeSpan.FromMinutes(15);

    /// <summary>Longest wait after a failed try; the first is a minute, each next twice the one before.</summary>
    public static readonly TimeSpan RetryWaitMax = TimeSpan.FromHours(1);

    /// <summary>What comes next.</summary>
    /// <param name="record">The device's row.</param>
    /// <param name="now">UTC.</param>
    public static Next Of(DeviceRecord record, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record is not { State: DeviceState.Decommissioned or DeviceState.Dead, Ending: { } ending }) return new Next(NextStep.Rest);
        if (record.State == DeviceState.Decommissioned && now < ending.DueAt) return new Next(NextStep.Wait);
        var planes = Planes.Of(record).ToList();
        if (planes.Find(plane => !Stages.IsDone(record.Closings[plane.Name])) is { } open) return new Next(NextStep.Close, open);
        var seen = planes.Where(plane => plane.Verified).All(plane => record.Closings[plane.Name]!.Stage == Stages.Verified);
        if (!seen) return new Next(NextStep.Verify);
        if (record.State == DeviceState.Decommissioned)
        {
            var oldest = planes.Where(plane => plane.Verified).Min(plane => record.Closings[plane.Name]!.At);
            return new Next(now - oldest <= ReadingAgeMax ? NextStep.Bury : NextStep.Verify);
        }

        return new Next(record.Closings[Planes.Certificate]?.Stage == Stages.Closed ? NextStep.Rest : NextStep.Certify);
    }

    /// <summary>Notes what became of closing a plane.</summary>
    /// <param name="record">The device's row.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="due">When a sweep looks again.</param>
    public static DeviceRecord After(DeviceRecord record, PlaneOutcome outcome, DateTimeOffset now, DateTimeOffset due)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(outcome);
        var tries = (record.Closings[outcome.Plane]?.Attempts ?? 0) + 1;
        return record with { Closings = record.Closings.With(new PlaneClosing(outcome.Plane, outcome.Stage, now, Short(outcome.Answer), tries)), DueAt = due };
    }

    /// <summary>Notes what was read back. A plane that is found open is to be closed again.</summary>
    /// <param name="record">The device's row.</param>
    /// <param name="readings">One a plane that is verified.</param>
    /// <param name="now">UTC.</param>
    /// <param name="due">When a sweep looks again.</param>
    public static DeviceRecord After(DeviceRecord record, IEnumerable<PlaneReading> readings, DateTimeOffset now, DateTimeOffset due)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(readings);
        var closings = record.Closings;
        foreach (var reading in readings)
        {
            var tries = closings[reading.Plane]?.Attempts ?? 0;
            closings = closings.With(new PlaneClosing(reading.Plane, reading.Closed ? Stages.Verified : Stages.Failed, now, Short(reading.Answer), tries));
        }

        return record with { Closings = closings, DueAt = due };
    }

    /// <summary>How long until a failed plane is tried again.</summary>
    /// <param name="attempts">Tries so far, 1 or more.</param>
    public static TimeSpan RetryWait(int attempts) =>
        attempts >= 7 ? RetryWaitMax : TimeSpan.FromMinutes(1 << Math.Max(0, attempts - 1));

    private static string Short(string answer) => answer.Length <= 256 ? answer : answer[..256];
}

/// <summary>What became of closing a plane.</summary>
/// <param name="Plane">Its name.</param>
/// <param name="Stage">One of <see cref="Stages"/>.</param>
/// <param name="Answer">What confirmed or refused it: an ETag, a status, a code. No secret.</param>
public sealed record PlaneOutcome(string Plane, string Stage, string Answer);

/// <summary>What a plane looks like when read back.</summary>
/// <param name="Plane">Its name.</param>
/// <param name="Closed">Whether it lets nothing through.</param>
/// <param name="Answer">What was read.</param>
public sealed record PlaneReading(string Plane, bool Closed, string Answer);
