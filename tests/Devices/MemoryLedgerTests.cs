namespace Serverless.Devices.Tests;

public sealed class MemoryLedgerTests : LedgerContract
{
    private readonly MemoryLedger _ledger = new();

    protected override Task<IDeviceLedger> Ledger() => Task.FromResult<IDeviceLedger>(_ledger);

    protected override Task<IDeviceGroups> Groups() => Task.FromResult<IDeviceGroups>(_ledger);
}
