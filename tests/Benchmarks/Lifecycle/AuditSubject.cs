using System.Diagnostics;
using Serverless.Devices;
using Serverless.Lifecycle.Endings;

namespace Serverless.Benchmarks.Lifecycle;

/// <summary>What the audit's comparisons cost: one row, one enrolment and one identity a device.</summary>
internal static class AuditSubject
{
    public const string What = "1,000,000 devices compared: row, enrolment, hub identity; and the forecast over them";

    public static Task<int> Run(string[] args)
    {
        const int devices = 1_000_000;
        var now = new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
        var policy = new AuditPolicy();
        var id = DeviceId.From("device-1");
        var row = new DeviceRecord
        {
            Id = id,
            State = DeviceState.Active,
            Model = "pump",
            Owner = "owner-1",
            Current = new DeviceKey(KeyKind.X509, KeyThumbprint.Of("key"u8), now.AddDays(-30), now.AddDays(300)),
            EnrolledAt = now,
            LastSeenAt = now,
        };
        var open = row with { State = DeviceState.Contained };
        var (found, watch) = (0L, Stopwatch.StartNew());
        for (var i = 0; i < devices; i++)
        {
            var subject = i % 1000 == 0 ? open : row;
            found += Findings.OfRow(subject, policy, now).Count();
            found += Findings.OfEnrollment(new EnrollmentFact("device-1", true, false, true, id), subject, policy, now).Count();
            found += Findings.OfIdentity(new IdentityFact("hub-a", "device-1", true, false, now), subject, policy, now).Count();
        }

        if (found != devices / 1000) throw new InvalidOperationException($"{found} findings.");
        Figure.Print("audit-compare", watch.Elapsed.TotalMicroseconds / devices, "us/device", "<=", 10);
        watch.Restart();
        var weeks = Expiry.Forecast(Enumerable.Repeat(row, devices), now, 52, TimeSpan.FromDays(30));
        if (weeks.Sum(week => week.CutOff) != devices) throw new InvalidOperationException("Lost.");
        Figure.Print("audit-forecast", watch.Elapsed.TotalMicroseconds / devices, "us/device");
        return Task.FromResult(0);
    }
}
