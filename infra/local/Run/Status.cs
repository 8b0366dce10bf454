namespace Serverless.Local.Run;

/// <summary>What the live view shows: one reading of the run's counters.</summary>
/// <param name="Elapsed">Wall time since the devices began.</param>
/// <param name="DeviceTime">Device time now, UTC.</param>
/// <param name="Connected">Devices connected.</param>
/// <param name="Devices">Devices planned.</param>
/// <param name="Sent">Messages acknowledged by the hub.</param>
/// <param name="Accepted">Events in hub validated.</param>
/// <param name="RefusedByFault">Events refused, by fault.</param>
/// <param name="Alerts">Events in hub alerts.</param>
/// <param name="Waiting">Events in hub telemetry that the function has not finished.</param>
public sealed record Status(
    TimeSpan Elapsed,
    DateTimeOffset DeviceTime,
    int Connected,
    int Devices,
    long Sent,
    long Accepted,
    IReadOnlyDictionary<string, long> RefusedByFault,
    long Alerts,
    long Waiting);

/// <summary>How a run is told: live on a terminal, as plain lines elsewhere.</summary>
public interface IRunView
{
    /// <summary>Says what is being done now.</summary>
    /// <param name="doing">In the present participle, such as "starting storage".</param>
    void Step(string doing);

    /// <summary>Shows the run until <paramref name="work"/> is done.</summary>
    /// <param name="read">Reads the counters; cheap.</param>
    /// <param name="work">The run.</param>
    /// <exception cref="Exception">What <paramref name="work"/> throws passes through.</exception>
    Task Watch(Func<Status> read, Task work);

    /// <summary>Shows the report.</summary>
    /// <param name="report">What came out.</param>
    void Show(Report report);

    /// <summary>Says one line as it is.</summary>
    /// <param name="line">The line.</param>
    void Say(string line);
}
