using Serverless.Local.Identity;
using Serverless.Local.Tests.IotHub;
using Serverless.Local.Tests.Provisioning;
using Serverless.Local.Tls;

[assembly: AssemblyFixture(typeof(HubTenant))]

namespace Serverless.Local.Tests.IotHub;

/// <summary>The tenant and authorities that all hubs under test share: making RSA keys a hundred times would be most of the run.</summary>
/// <remarks>On the system's clock, also where a hub runs on a fake one that starts now.</remarks>
public sealed class HubTenant : IDisposable
{
    private static readonly string Folder = System.IO.Directory.CreateTempSubdirectory("iothub-").FullName;

    public static LocalAuthority Authority { get; } = new(Folder, TimeProvider.System.GetUtcNow());

    public static LocalAuthority DeviceAuthority { get; } =
        new(System.IO.Directory.CreateDirectory(Path.Combine(Folder, "devices")).FullName, TimeProvider.System.GetUtcNow(), "Devices CA");

    public static TenantDirectory Directory { get; } =
        new([HubFixture.Operator, HubFixture.TelemetryApp, HubFixture.Reader, HubFixture.RegistryOnly, HubFixture.Elsewhere, .. ProvisioningFixture.Principals]);

    public static Tokens Tokens { get; } = new(Directory, new Guid("11111111-2222-3333-4444-555555555555"), TimeProvider.System);

    public void Dispose()
    {
        Tokens.Dispose();
        Authority.Dispose();
        DeviceAuthority.Dispose();
        System.IO.Directory.Delete(Folder, recursive: true);
    }
}
