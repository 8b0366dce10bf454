using Serverless.Devices.Tables;

namespace Serverless.Devices.Tests;

public sealed class TableLedgerTests(StorageFixture storage) : LedgerContract
{
    private static int _writers;

    protected override async Task<IDeviceLedger> Ledger()
    {
        var (devices, audit) = await storage.Open();
        return new TableLedger(devices, audit, TimeProvider.System, $"w{Interlocked.Increment(ref _writers)}");
    }

    protected override async Task<IDeviceGroups> Groups() => new TableGroups((await storage.Open()).Devices);
}
