using System.Collections.Immutable;
using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>An enrolment group: a certificate authority that may admit devices nobody enrolled one by one.</summary>
public sealed record DeviceGroup
{
    /// <summary>The group's id in DPS; same alphabet as a device's.</summary>
    public required string Id { get; init; }

    /// <summary>Who owns its devices.</summary>
    public required string Owner { get; init; }

    /// <summary>Models it may admit, ascending; at least one.</summary>
    public required ImmutableArray<string> Models { get; init; }

    /// <summary>Most devices it may ever admit, 1 or more.</summary>
    public required int DevicesMax { get; init; }

    /// <summary>Thumbprints of its signing certificates' keys, ascending.</summary>
    public required ImmutableArray<KeyThumbprint> Signers { get; init; }

    /// <summary>When the first of its signing certificates expires, UTC.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>Whether it admits devices.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>SHA-256 of the request that made it, 64 hex characters.</summary>
    public string? Request { get; init; }

    /// <summary>Devices it has admitted. Counts up only, and only through <see cref="IDeviceGroups.Admit"/>.</summary>
    public int Admitted { get; init; }

    /// <summary>The row's version in the store.</summary>
    public string ETag { get; init; } = "";

    /// <inheritdoc/>
    public bool Equals(DeviceGroup? other) =>
        other is not null && Id == other.Id && Owner == other.Owner && Models.SequenceEqual(other.Models) && DevicesMax == other.DevicesMax
        && Signers.SequenceEqual(other.Signers) && NotAfter == other.NotAfter && Enabled == other.Enabled && Request == other.Request
        && Admitted == other.Admitted && ETag == other.ETag;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Owner, DevicesMax, NotAfter, Enabled, Request, Admitted, ETag);
}

/// <summary>The enrolment groups and how many devices each has admitted. Thread-safe; outages are exceptions, after which a write may
/// have landed and the same call again does nothing twice.</summary>
public interface IDeviceGroups
{
    /// <summary>A group, or <see langword="null"/>.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<DeviceGroup?> Get(string id, CancellationToken cancel);

    /// <summary>Every group: DPS allows 100 of X.509 and 100 of symmetric keys.</summary>
    /// <param name="cancel">Stops the call.</param>
    Task<IReadOnlyList<DeviceGroup>> List(CancellationToken cancel);

    /// <summary>Makes a group.</summary>
    /// <param name="group">The group; its count is 0.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The group as stored, or <c>group-exists</c>.</returns>
    Task<Parsed<DeviceGroup>> Create(DeviceGroup group, CancellationToken cancel);

    /// <summary>Changes a group, but for its count, if it is still the one that was read.</summary>
    /// <param name="before">As read.</param>
    /// <param name="after">As it shall be.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The group as stored, or <c>group-stale</c>.</returns>
    Task<Parsed<DeviceGroup>> Change(DeviceGroup before, DeviceGroup after, CancellationToken cancel);

    /// <summary>Counts a device in, once, however often it is asked and by however many at once.</summary>
    /// <param name="id">The group.</param>
    /// <param name="device">The device.</param>
    /// <param name="cancel">Stops the call; the device may be counted.</param>
    /// <returns>The group after it, or <c>group-unknown</c>, <c>group-full</c>; <c>group-busy</c> when too many others are being counted
    /// in at this moment.</returns>
    Task<Parsed<DeviceGroup>> Admit(string id, DeviceId device, CancellationToken cancel);
}
