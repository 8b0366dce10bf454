namespace Serverless.Telemetry.Validation;

/// <summary>Judges events. Keeps only caches that change no verdict; not thread-safe: one a partition.</summary>
public sealed class Judge
{
    /// <summary>Judges one event.</summary>
    /// <param name="e">The event.</param>
    /// <param name="profile">The device's profile, or <see langword="null"/> when none is known.</param>
    /// <param name="state">The device's state; changed by every verdict, and by an accepted event most.</param>
    /// <param name="readings">Filled with what the event said.</param>
    public Verdict Decide(in TelemetryEvent e, Profile? profile, ref DeviceState state, Readings readings) => throw new NotImplementedException();
}
