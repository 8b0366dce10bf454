namespace Serverless.Local.Provisioning;

/// <summary>The documented limits of a Device Provisioning Service (quotas and limits; the constants of Microsoft's SDKs).</summary>
public static class ProvisioningLimits
{
    /// <summary>Service API calls a minute.</summary>
    public const int OperationsPerMinute = 1000;

    /// <summary>Device registrations a minute.</summary>
    public const int RegistrationsPerMinute = 1000;

    /// <summary>Polls of one device in <see cref="PollPeriod"/>.</summary>
    public const int PollsPerPeriod = 5;

    /// <summary>See <see cref="PollsPerPeriod"/>.</summary>
    public static readonly TimeSpan PollPeriod = TimeSpan.FromSeconds(10);

    /// <summary>Individual enrolments and registration records together.</summary>
    public const int RecordsMax = 1_000_000;

    /// <summary>Enrolment groups of each attestation type.</summary>
    public const int GroupsMax = 100;

    /// <summary>Linked hubs.</summary>
    public const int HubsMax = 50;

    /// <summary>CA certificates.</summary>
    public const int AuthoritiesMax = 25;

    /// <summary>A message, either way, bytes.</summary>
    public const int MessageBytesMax = 96 * 1024;

    /// <summary>The largest MQTT packet read after CONNECT: a full message and a topic with its operation id.</summary>
    public const int PacketBytesMax = MessageBytesMax + 1024;

    /// <summary>The largest CONNECT: ids and a SAS token. The only bytes an unknown peer can make us hold.</summary>
    public const int ConnectBytesMax = 8 * 1024;

    /// <summary>Enrolments in one bulk request.</summary>
    public const int BulkMax = 10;

    /// <summary>The largest service request: a full bulk with two certificates each. (Our own figure.)</summary>
    public const int BodyBytesMax = 1024 * 1024;

    /// <summary>The longest silence of a device over MQTT. (Our own figure: a registration takes seconds.)</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromMinutes(5);
}
