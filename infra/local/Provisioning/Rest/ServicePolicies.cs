using Serverless.Local.IotHub.Access;

namespace Serverless.Local.Provisioning.Rest;

/// <summary>What a shared access policy of the service may do (access control concepts).</summary>
[Flags]
internal enum ServicePermissions
{
    None = 0,
    EnrollmentRead = 1,
    EnrollmentWrite = 2,
    RegistrationStatusRead = 4,
    RegistrationStatusWrite = 8,
}

/// <summary>The policy every service has, and what the calls of the service API need: of a policy's permissions, or of an Entra caller's data
/// actions below <c>Microsoft.Devices/provisioningServices/</c>.</summary>
internal static class ServicePolicies
{
    public const string Owner = "provisioningserviceowner";

    public static Need EnrollmentRead { get; } = new(ServicePermissions.EnrollmentRead, "enrollments/read");

    public static Need EnrollmentWrite { get; } = new(ServicePermissions.EnrollmentWrite, "enrollments/write");

    public static Need EnrollmentDelete { get; } = new(ServicePermissions.EnrollmentWrite, "enrollments/delete");

    /// <summary>A bulk call may delete, so it needs both whatever it does. (As IoT Hub documents its own; DPS does not.)</summary>
    public static Need EnrollmentBulk { get; } = new(ServicePermissions.EnrollmentWrite, "enrollments/write", "enrollments/delete");

    public static Need GroupRead { get; } = new(ServicePermissions.EnrollmentRead, "enrollmentGroups/read");

    public static Need GroupWrite { get; } = new(ServicePermissions.EnrollmentWrite, "enrollmentGroups/write");

    public static Need GroupDelete { get; } = new(ServicePermissions.EnrollmentWrite, "enrollmentGroups/delete");

    public static Need GroupBulk { get; } = new(ServicePermissions.EnrollmentWrite, "enrollmentGroups/write", "enrollmentGroups/delete");

    /// <summary>Secrets. (Of a policy: EnrollmentWrite, inferred.)</summary>
    public static Need Details { get; } = new(ServicePermissions.EnrollmentWrite, "attestationmechanism/details/action");

    public static Need RegistrationRead { get; } = new(ServicePermissions.RegistrationStatusRead, "registrationStates/read");

    public static Need RegistrationDelete { get; } = new(ServicePermissions.RegistrationStatusWrite, "registrationStates/delete");

    public static AccessPolicies Create() => new(new Dictionary<string, Enum>(StringComparer.Ordinal)
    {
        [Owner] = ServicePermissions.EnrollmentRead | ServicePermissions.EnrollmentWrite | ServicePermissions.RegistrationStatusRead | ServicePermissions.RegistrationStatusWrite,
    });
}
