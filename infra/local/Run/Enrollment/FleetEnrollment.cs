using System.Text.Json.Nodes;
using Serverless.Local.Fleet;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Enrollment;

/// <summary>How the fleet of a run comes to life: policy, a batch of individual enrolments, a group with an authority of its own, and each
/// device's registration through DPS.</summary>
internal sealed class FleetEnrollment : IDisposable
{
    /// <summary>Whose devices they are.</summary>
    public const string Owner = "contoso";

    // A TLS handshake and a decision each: more at a time only queue up.
    private const int RegistrationsAtATime = 8;

    private const int AttemptsMax = 8;
    private readonly LocalCloud _cloud;
    private readonly TimeProvider _wall;

    private FleetEnrollment(LocalCloud cloud, TimeProvider wall, IReadOnlyList<DeviceScript> plan, string suffix)
    {
        (_cloud, _wall) = (cloud, wall);
        Group = "factory-a" + suffix;
        GroupAuthority = cloud.Authority.Subordinate("factory-a line CA");
        Api = new EnrollmentApi(cloud, LocalTenant.Ops);
        // Every third device by its group, the others one by one.
        Devices = [.. plan.Select(script => new EnrolledDevice(script, script.Index % 3 == 2 ? EnrolledBy.Group : EnrolledBy.Batch, script.Index % 3 == 2 ? GroupAuthority : cloud.Authority))];
    }

    /// <summary>Id of the group.</summary>
    public string Group { get; }

    /// <summary>The app.</summary>
    public EnrollmentApi Api { get; }

    /// <summary>Signs the group's devices.</summary>
    public LocalAuthority GroupAuthority { get; }

    /// <summary>The devices, in the order of the plan.</summary>
    public IReadOnlyList<EnrolledDevice> Devices { get; }

    /// <summary>Where each was assigned, in the order of the plan; set when the fleet has registered.</summary>
    public IReadOnlyList<RegistrationOutcome> Outcomes { get; private set; } = [];

    /// <summary>Rows of the batch that were enrolled.</summary>
    public int Batched { get; private set; }

    /// <summary>Writes the policy, enrols the group and the batch.</summary>
    /// <param name="cloud">A cloud in which function app <c>enrollment</c> runs.</param>
    /// <param name="plan">The fleet.</param>
    /// <param name="suffix">End of the group's id, for a group beside an earlier one.</param>
    /// <param name="wall">Wall clock.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="LocalCloudException">The app refused what it must take.</exception>
    public static async Task<FleetEnrollment> Enrol(LocalCloud cloud, IReadOnlyList<DeviceScript> plan, string suffix, TimeProvider wall, CancellationToken cancel)
    {
        await LocalPolicy.Publish(cloud, [], cancel).ConfigureAwait(false);
        var enrolment = new FleetEnrollment(cloud, wall, plan, suffix);
        var grouped = enrolment.Devices.Count(device => device.By == EnrolledBy.Group);
        // One place more than the fleet takes: for the group's device that will be retired.
        (await enrolment.Api.EnrollGroup(enrolment.Group, Owner, Signals.Models, grouped + 1, enrolment.GroupAuthority.Certificate.ExportCertificatePem(), cancel).ConfigureAwait(false)).Accepted();
        var rows = enrolment.Devices.Where(device => device.By == EnrolledBy.Batch).Select(device => new JsonObject
        {
            ["registrationId"] = device.Script.DeviceId,
            ["model"] = device.Script.Model,
            ["owner"] = Owner,
            ["certificateChain"] = device.Leaf.ExportCertificatePem(),
        }).ToList();
        var batch = await enrolment.Api.EnrollBatch(rows, wall, cancel).ConfigureAwait(false);
        enrolment.Batched = (int)batch["accepted"]!;
        if (enrolment.Batched != rows.Count)
            throw new LocalCloudException($"{rows.Count - enrolment.Batched} rows were refused: {await enrolment.Api.BatchResults((string)batch["id"]!, cancel).ConfigureAwait(false)}");
        return enrolment;
    }

    /// <summary>Lets every device register, and says where each connects.</summary>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="LocalCloudException">A device of the fleet was refused.</exception>
    public async Task<IReadOnlyList<HubAddress>> Register(CancellationToken cancel)
    {
        var outcomes = new RegistrationOutcome[Devices.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Devices.Count),
            new ParallelOptions { MaxDegreeOfParallelism = RegistrationsAtATime, CancellationToken = cancel },
            async (at, stop) => outcomes[at] = await RegisterPatiently(Devices[at].Shown, stop).ConfigureAwait(false)).ConfigureAwait(false);
        Outcomes = outcomes;
        return [.. outcomes.Select((outcome, at) => Address(Devices[at], outcome))];
    }

    /// <summary>Lets one device register that is not of the fleet, and says where it connects.</summary>
    /// <param name="device">The device; enrolled.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="LocalCloudException">It was refused.</exception>
    public async Task<HubAddress> Admit(EnrolledDevice device, CancellationToken cancel) => Address(device, await RegisterPatiently(device.Shown, cancel).ConfigureAwait(false));

    // On a busy machine the webhook may not answer in time: a device asks again, as every SDK does.
    private async Task<RegistrationOutcome> RegisterPatiently(DeviceIdentityShown shown, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await Register(shown, cancel).ConfigureAwait(false);
            if (outcome.Assigned is not null || attempt == AttemptsMax) return outcome;
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(2 * attempt, 8)), _wall, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>One registration, with whatever is shown.</summary>
    /// <param name="shown">Id and certificates.</param>
    /// <param name="cancel">Cancels.</param>
    public Task<RegistrationOutcome> Register(DeviceIdentityShown shown, CancellationToken cancel) => DeviceProvisioning.Register(_cloud.ProvisioningAddress, shown, _wall, cancel);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var device in Devices) device.Dispose();
        GroupAuthority.Dispose();
        Api.Dispose();
    }

    private HubAddress Address(EnrolledDevice device, RegistrationOutcome outcome) => outcome.Assigned is { } assigned
        ? _cloud.AddressOf(assigned.HubHostName)
        : throw new LocalCloudException($"{device.Script.DeviceId} was not admitted: {outcome.Refused!.Message} ({outcome.Refused.ErrorCode})");
}
