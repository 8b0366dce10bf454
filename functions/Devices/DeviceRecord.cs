namespace Serverless.Devices;

/// <summary>One device as the ledger knows it: one row. Immutable; changed through <see cref="IDeviceLedger"/> only.</summary>
public sealed record DeviceRecord
{
    /// <summary>The device.</summary>
    public required DeviceId Id { get; init; }

    /// <summary>Where it stands.</summary>
    public required DeviceState State { get; init; }

    /// <summary>Its model, such as <c>pump</c>: what the policy and the telemetry profile go by.</summary>
    public required string Model { get; init; }

    /// <summary>Who owns it.</summary>
    public required string Owner { get; init; }

    /// <summary>The enrolment group that admitted it; <see langword="null"/> with an individual enrolment.</summary>
    public string? Group { get; init; }

    /// <summary>What it proves itself with.</summary>
    public required DeviceKey Current { get; init; }

    /// <summary>What it will prove itself with, while a rotation goes on; good already.</summary>
    public DeviceKey? Next { get; init; }

    /// <summary>Host name of the hub it was admitted to; <see langword="null"/> before the first admission.</summary>
    public string? Hub { get; init; }

    /// <summary>Generation of its hub identity, when somebody read it: tells a re-created identity from the old one.</summary>
    public string? GenerationId { get; init; }

    /// <summary>Firmware it last reported.</summary>
    public string? FirmwareSeen { get; init; }

    /// <summary>When it was last heard of, UTC.</summary>
    public DateTimeOffset? LastSeenAt { get; init; }

    /// <summary>When it was enrolled, UTC; of a group's device, first admitted.</summary>
    public required DateTimeOffset EnrolledAt { get; init; }

    /// <summary>SHA-256 of the request that enrolled it, 64 hex characters: the same request again is not a different one.</summary>
    public string? Request { get; init; }

    /// <summary>Why and when it ends; from decommissioning on.</summary>
    public Ending? Ending { get; init; }

    /// <summary>How far each plane is closed.</summary>
    public Closings Closings { get; init; } = Closings.None;

    /// <summary>When a sweep should look at this row next, UTC; <see langword="null"/> for never. Only rows that are due are read by it.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>Changes so far, this one included: 1 when created. The number of the row's newest audit entry.</summary>
    public long Revision { get; init; }

    /// <summary>The row's version in the store; empty before it was stored.</summary>
    public string ETag { get; init; } = "";
}

/// <summary>Why, when and how a device ends.</summary>
/// <param name="Reason">In the words of who asked, 1 to 512 characters.</param>
/// <param name="AskedAt">When it was asked, UTC.</param>
/// <param name="DueAt">When its credentials are cut off, UTC.</param>
/// <param name="Before">The state it had, to which it is restored if it is.</param>
/// <param name="FactoryReset">Whether it is asked to reset itself.</param>
/// <param name="NewOwner">Whom it goes to; <see langword="null"/> unless it is a transfer. Only a transfer frees the id once it is dead.</param>
public sealed record Ending(string Reason, DateTimeOffset AskedAt, DateTimeOffset DueAt, DeviceState Before, bool FactoryReset = false, string? NewOwner = null)
{
    /// <summary>Time between the asking and the cutting off.</summary>
    public TimeSpan Grace => DueAt - AskedAt;
}
