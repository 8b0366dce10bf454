namespace Serverless.FirmwareSigning.Device.Update;

/// <summary>Where an update stands. Stored by name.</summary>
public enum UpdateStage
{
    /// <summary>Nothing under way.</summary>
    Idle,

    /// <summary>Bytes are coming into the inactive slot.</summary>
    Downloading,

    /// <summary>The inactive slot holds the whole, verified image.</summary>
    Ready,

    /// <summary>The boot loader is about to be, or has been, told to try the new slot once.</summary>
    Armed,

    /// <summary>The new image runs and has not confirmed itself.</summary>
    Trial,

    /// <summary>The new image confirmed itself; the boot loader is being told to keep it.</summary>
    Committing,
}

/// <summary>What moves an update on.</summary>
public enum UpdateEvent
{
    /// <summary>A release was accepted for this device.</summary>
    Offered,

    /// <summary>All bytes are in the slot and have the right digest.</summary>
    Verified,

    /// <summary>Preconditions hold; the new slot shall be tried.</summary>
    Activated,

    /// <summary>The device came up on the slot under test.</summary>
    BootedNew,

    /// <summary>The device came up on the old slot, and the image may be tried again.</summary>
    BootedOld,

    /// <summary>The new image says it is healthy.</summary>
    Confirmed,

    /// <summary>The boot loader keeps the new slot.</summary>
    Kept,

    /// <summary>The update is given up.</summary>
    Abandoned,
}

/// <summary>Every transition there is; any other is a bug (FORMAT.md 7.2).</summary>
public static class Transitions
{
    private static readonly Dictionary<(UpdateStage, UpdateEvent), UpdateStage> Table = new()
    {
        [(UpdateStage.Idle, UpdateEvent.Offered)] = UpdateStage.Downloading,
        [(UpdateStage.Downloading, UpdateEvent.Offered)] = UpdateStage.Downloading, // a newer release takes its place
        [(UpdateStage.Downloading, UpdateEvent.Verified)] = UpdateStage.Ready,
        [(UpdateStage.Downloading, UpdateEvent.Abandoned)] = UpdateStage.Idle,
        [(UpdateStage.Ready, UpdateEvent.Offered)] = UpdateStage.Downloading,
        [(UpdateStage.Ready, UpdateEvent.Activated)] = UpdateStage.Armed,
        [(UpdateStage.Ready, UpdateEvent.Abandoned)] = UpdateStage.Idle,
        [(UpdateStage.Armed, UpdateEvent.BootedNew)] = UpdateStage.Trial,
        [(UpdateStage.Armed, UpdateEvent.BootedOld)] = UpdateStage.Ready, // power went before the loader was told, or in its try
        [(UpdateStage.Armed, UpdateEvent.Abandoned)] = UpdateStage.Idle,
        [(UpdateStage.Trial, UpdateEvent.BootedNew)] = UpdateStage.Trial,
        [(UpdateStage.Trial, UpdateEvent.BootedOld)] = UpdateStage.Ready,
        [(UpdateStage.Trial, UpdateEvent.Confirmed)] = UpdateStage.Committing,
        [(UpdateStage.Trial, UpdateEvent.Abandoned)] = UpdateStage.Idle,
        [(UpdateStage.Committing, UpdateEvent.BootedNew)] = UpdateStage.Committing,
        [(UpdateStage.Committing, UpdateEvent.BootedOld)] = UpdateStage.Ready, // confirmed, but power went before the loader kept it
        [(UpdateStage.Committing, UpdateEvent.Abandoned)] = UpdateStage.Idle,
        [(UpdateStage.Committing, UpdateEvent.Kept)] = UpdateStage.Idle,
    };

    /// <summary>All rows.</summary>
    public static IReadOnlyDictionary<(UpdateStage From, UpdateEvent On), UpdateStage> All => Table;

    /// <summary>The next stage.</summary>
    /// <param name="from">The present stage.</param>
    /// <param name="on">What happened.</param>
    /// <exception cref="InvalidOperationException">No such row.</exception>
    public static UpdateStage Next(UpdateStage from, UpdateEvent on) =>
        Table.TryGetValue((from, on), out var next) ? next : throw new InvalidOperationException($"{on} cannot happen in {from}.");
}
