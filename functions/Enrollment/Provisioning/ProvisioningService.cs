using System.Collections.Frozen;
using Serverless.Faults;
using Serverless.Provisioning;

namespace Serverless.Enrollment.Provisioning;

/// <summary>DPS through its service API.</summary>
/// <param name="client">The client; what it refuses is a bug here, since everything sent was judged before, or an outage.</param>
internal sealed class ProvisioningService(ProvisioningClient client) : IProvisioning
{
    /// <inheritdoc/>
    public IProvisioning For(string work) => new ProvisioningService(client.For(work));

    /// <inheritdoc/>
    public async Task<IndividualEnrollment?> Get(string id, CancellationToken cancel) =>
        Known(await client.GetEnrollment(id, cancel).ConfigureAwait(false), "enrollment-unknown");

    /// <inheritdoc/>
    public async Task<IReadOnlySet<string>> Create(IReadOnlyList<IndividualEnrollment> enrollments, CancellationToken cancel)
    {
        var outcome = Answered(await client.BulkEnrollments(BulkMode.Create, enrollments, cancel).ConfigureAwait(false));
        var failed = outcome.Failures.Where(failure => failure.Value.Code != "enrollment-exists").Select(failure => failure.Value).FirstOrDefault();
        if (failed is not null) throw Broken(failed);
        return outcome.Failures.Keys.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public async Task<bool> Update(IndividualEnrollment enrollment, CancellationToken cancel) =>
        Known(await client.UpdateEnrollment(enrollment, cancel).ConfigureAwait(false), "enrollment-stale", "enrollment-unknown") is not null;

    /// <inheritdoc/>
    public async Task<string?> AssignedHub(string id, CancellationToken cancel) =>
        Known(await client.GetRegistration(id, cancel).ConfigureAwait(false), "registration-unknown")?.AssignedHub;

    /// <inheritdoc/>
    public async Task<EnrollmentGroup?> GetGroup(string id, CancellationToken cancel) =>
        Known(await client.GetGroup(id, cancel).ConfigureAwait(false), "enrollment-group-unknown");

    /// <inheritdoc/>
    public async Task<bool> CreateGroup(EnrollmentGroup group, CancellationToken cancel) =>
        Known(await client.CreateGroup(group, cancel).ConfigureAwait(false), "enrollment-group-exists") is not null;

    private static T? Known<T>(Parsed<T> answer, params ReadOnlySpan<string> absent)
        where T : class =>
        answer.TryGet(out var value, out var fault) ? value : absent.Contains(fault.Code) ? null : throw Broken(fault);

    private static T Answered<T>(Parsed<T> answer)
        where T : notnull =>
        answer.TryGet(out var value, out var fault) ? value : throw Broken(fault);

    // A refusal of what our own rules let through is no caller's fault, and may pass: throttling of an item, an overloaded service.
    private static IOException Broken(Fault fault) => new($"DPS did not do as asked: {fault.Code}");
}
