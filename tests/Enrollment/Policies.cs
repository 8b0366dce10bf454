using System.Text;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests;

/// <summary>The policy that tests go by.</summary>
internal static class Policies
{
    public const string Json = """
        {
          "version": 1,
          "models": [
            { "model": "pump", "profile": "pump@1", "ring": "stable", "keys": ["P-256", "P-384", "RSA-3072"], "validityDaysMax": 365, "tpm": false, "symmetricKeys": false },
            { "model": "gateway", "profile": "gateway@1", "ring": "canary", "keys": ["P-384"], "validityDaysMax": 90, "tpm": true, "symmetricKeys": false },
            { "model": "legacy", "profile": "", "ring": "", "keys": [], "validityDaysMax": 1, "tpm": false, "symmetricKeys": true }
          ],
          "hubs": [
            { "host": "hub-a.azure-devices.net", "weight": 1, "draining": false },
            { "host": "hub-b.azure-devices.net", "weight": 3, "draining": false },
            { "host": "hub-c.azure-devices.net", "weight": 1, "draining": true }
          ],
          "registrations": { "devicePerMinute": 5, "groupPerMinute": 20 }
        }
        """;

    public static FleetPolicy Fleet { get; } = Read(Json);

    public static FleetPolicy Read(string json) =>
        FleetPolicy.Parse(Encoding.UTF8.GetBytes(json)).TryGet(out var policy, out var fault) ? policy : throw new InvalidOperationException(fault.ToString());
}
