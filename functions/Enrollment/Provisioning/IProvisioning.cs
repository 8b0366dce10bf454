using Serverless.Enrollment.Admission;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Provisioning;

/// <summary>DPS, as far as enrolment needs it. Thread-safe. Outages are exceptions, after which a write may have landed.</summary>
internal interface IProvisioning
{
    /// <summary>The same for a named piece of work, which takes turns with the others at the quota.</summary>
    IProvisioning For(string work);

    /// <summary>A device's individual enrolment, or <see langword="null"/>.</summary>
    Task<IndividualEnrollment?> Get(string id, CancellationToken cancel);

    /// <summary>Makes 1 to 10 individual enrolments where there are none, each by itself.</summary>
    /// <returns>The ids that had one already.</returns>
    /// <exception cref="IOException">DPS was too busy for some, or broke on them; others may have landed.</exception>
    Task<IReadOnlySet<string>> Create(IReadOnlyList<IndividualEnrollment> enrollments, CancellationToken cancel);

    /// <summary>Replaces an enrolment whose ETag is still the one read.</summary>
    /// <returns>Whether it was.</returns>
    Task<bool> Update(IndividualEnrollment enrollment, CancellationToken cancel);

    /// <summary>The hub that a device's registration record names, or <see langword="null"/>.</summary>
    Task<string?> AssignedHub(string id, CancellationToken cancel);

    /// <summary>A group, or <see langword="null"/>.</summary>
    Task<EnrollmentGroup?> GetGroup(string id, CancellationToken cancel);

    /// <summary>Makes a group where there is none.</summary>
    /// <returns>Whether there was none.</returns>
    Task<bool> CreateGroup(EnrollmentGroup group, CancellationToken cancel);
}

/// <summary>The IoT hubs, to look at.</summary>
internal interface IHubs
{
    /// <summary>What a hub says of a device.</summary>
    /// <param name="hub">Host name, of the policy's hubs.</param>
    /// <param name="id">The device's id.</param>
    /// <param name="cancel">Stops the call.</param>
    Task<SeenByHub> Look(string hub, string id, CancellationToken cancel);
}
