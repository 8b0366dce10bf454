using Serverless.Devices;

namespace Serverless.Enrollment.EnrollDevice;

/// <summary>What an enrolment is answered with, the same each time.</summary>
/// <param name="RegistrationId">The device's id.</param>
/// <param name="Model">Its model.</param>
/// <param name="Owner">Its owner.</param>
/// <param name="EnrolledAt">When it was first enrolled, UTC.</param>
/// <param name="Request">SHA-256 over what was asked: what makes two requests the same.</param>
internal sealed record EnrollmentReceipt(string RegistrationId, string Model, string Owner, DateTimeOffset EnrolledAt, string Request)
{
    /// <summary>The receipt of a row.</summary>
    public static EnrollmentReceipt Of(DeviceRecord row) =>
        new(row.Id.Text, row.Model, row.Owner, row.EnrolledAt, row.Request ?? throw new InvalidOperationException("a device enrolled by itself has its request"));
}
