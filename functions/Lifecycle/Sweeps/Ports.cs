using Serverless.Devices;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Sweeps;

/// <summary>Where devices register, as far as shutting them out needs it. Every write does twice what it does once. An outage is an
/// exception, after which a write may have landed. Thread-safe.</summary>
internal interface IRegistrations
{
    /// <summary>Sees to it that a disabled individual enrolment stands, with keys nobody knows where it is by symmetric keys.</summary>
    Task<PlaneOutcome> Lock(DeviceRecord device, CancellationToken cancel);

    /// <summary>Removes the registration record; none is as good.</summary>
    Task<PlaneOutcome> Forget(DeviceRecord device, CancellationToken cancel);

    /// <summary>Reads both back.</summary>
    Task<IReadOnlyList<PlaneReading>> Read(DeviceRecord device, CancellationToken cancel);
}

/// <summary>Where devices connect: all linked hubs together, since a device may have been at any of them. As <see cref="IRegistrations"/>.</summary>
internal interface IHubs
{
    /// <summary>Asks a device to reset itself, once; the answer is noted, whatever it is.</summary>
    Task<PlaneOutcome> Reset(DeviceRecord device, CancellationToken cancel);

    /// <summary>Disables identities and gives them keys that nobody knows in place of whatever they proved themselves with: one operation for
    /// many. An identity that is not there is as good.</summary>
    /// <param name="devices">1 to 100.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>One outcome a device.</returns>
    Task<IReadOnlyList<PlaneOutcome>> Shut(IReadOnlyList<DeviceRecord> devices, CancellationToken cancel);

    /// <summary>Takes a device off the list of those that get firmware, and marks it as ended for those who read what it sends.</summary>
    Task<PlaneOutcome> Withdraw(DeviceRecord device, CancellationToken cancel);

    /// <summary>Removes what is kept of a person.</summary>
    Task<PlaneOutcome> Purge(DeviceRecord device, CancellationToken cancel);

    /// <summary>Deletes the identities of a transferred id.</summary>
    Task<PlaneOutcome> Delete(DeviceRecord device, CancellationToken cancel);

    /// <summary>Tells a living device when its support ends: desired property <c>supportEndsAt</c>. One that is nowhere is not told.</summary>
    Task Announce(DeviceRecord device, DateTimeOffset endsAt, CancellationToken cancel);

    /// <summary>Reads the planes of the hubs back: identity, firmware, personal data, and the release of a transferred id.</summary>
    Task<IReadOnlyList<PlaneReading>> Read(DeviceRecord device, CancellationToken cancel);
}

/// <summary>Signs statements of death.</summary>
internal interface IStatementSigner
{
    /// <summary>The key with its version, as statements name it.</summary>
    Task<string> KeyId(CancellationToken cancel);

    /// <summary>Signs with exactly that key.</summary>
    /// <returns>R and S, 64 bytes.</returns>
    Task<ReadOnlyMemory<byte>> Sign(string keyId, ReadOnlyMemory<byte> digest, CancellationToken cancel);
}

/// <summary>Statements of death, written once and never changed.</summary>
internal interface IStatements
{
    /// <summary>Stores a statement of one ending unless there is one already.</summary>
    /// <returns>The statement that is stored now, this one or the earlier.</returns>
    Task<string> Store(DeviceRecord device, string statement, CancellationToken cancel);

    /// <summary>The statement of the device's present ending, or <see langword="null"/>.</summary>
    Task<string?> Read(DeviceRecord device, CancellationToken cancel);
}

/// <summary>Attempts of ended devices to come back, as whoever refused them noted.</summary>
internal interface IReturns
{
    /// <summary>Notes one. The same one noted twice may be listed twice.</summary>
    Task Note(DeviceId device, ReturnAttempt attempt, CancellationToken cancel);

    /// <summary>All, oldest first.</summary>
    Task<IReadOnlyList<ReturnAttempt>> Read(DeviceId device, CancellationToken cancel);
}

/// <summary>Where people are told.</summary>
internal interface IAlerts
{
    /// <summary>Raises alerts; one that is raised twice has one id.</summary>
    Task Raise(IReadOnlyList<LifecycleAlert> alerts, CancellationToken cancel);
}
