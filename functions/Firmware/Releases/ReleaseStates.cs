using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Releases;

/// <summary>What can happen to a release.</summary>
public enum ReleaseEvent
{
    /// <summary>More of the image was hashed or copied.</summary>
    Progressed,

    /// <summary>Every check said yes and the pipeline signed.</summary>
    Proposed,

    /// <summary>A check said no.</summary>
    Refused,

    /// <summary>A signature was taken, and more are needed.</summary>
    Signed,

    /// <summary>A signature reached the threshold.</summary>
    Approved,

    /// <summary>A key that had approved was revoked before the publication.</summary>
    Unapproved,

    /// <summary>Devices see it.</summary>
    Published,

    /// <summary>Another change of the product was published first.</summary>
    Overtaken,

    /// <summary>Taken back.</summary>
    Withdrawn,

    /// <summary>Submitted again after it was refused or stale.</summary>
    Resubmitted,
}

/// <summary>The one table of transitions; every pair that is not in it is a bug.</summary>
public static class ReleaseStates
{
    private static readonly Dictionary<(string From, ReleaseEvent On), string> Table = new()
    {
        [(ReleaseState.Checking, ReleaseEvent.Progressed)] = ReleaseState.Checking,
        [(ReleaseState.Checking, ReleaseEvent.Proposed)] = ReleaseState.Proposed,
        [(ReleaseState.Checking, ReleaseEvent.Refused)] = ReleaseState.Refused,
        [(ReleaseState.Proposed, ReleaseEvent.Signed)] = ReleaseState.Proposed,
        [(ReleaseState.Proposed, ReleaseEvent.Approved)] = ReleaseState.Approved,
        [(ReleaseState.Proposed, ReleaseEvent.Overtaken)] = ReleaseState.Stale,
        [(ReleaseState.Approved, ReleaseEvent.Progressed)] = ReleaseState.Approved,
        [(ReleaseState.Approved, ReleaseEvent.Unapproved)] = ReleaseState.Proposed,
        [(ReleaseState.Approved, ReleaseEvent.Refused)] = ReleaseState.Refused, // the image is no longer what was approved
        [(ReleaseState.Approved, ReleaseEvent.Published)] = ReleaseState.Published,
        [(ReleaseState.Approved, ReleaseEvent.Overtaken)] = ReleaseState.Stale,
        [(ReleaseState.Published, ReleaseEvent.Withdrawn)] = ReleaseState.Withdrawn,
        [(ReleaseState.Refused, ReleaseEvent.Resubmitted)] = ReleaseState.Checking,
        [(ReleaseState.Stale, ReleaseEvent.Resubmitted)] = ReleaseState.Checking,
    };

    /// <summary>All rows.</summary>
    public static IReadOnlyDictionary<(string From, ReleaseEvent On), string> All => Table;

    /// <summary>The next state.</summary>
    /// <param name="from">The present state.</param>
    /// <param name="on">What happened.</param>
    /// <exception cref="InvalidOperationException">No such row.</exception>
    public static string Next(string from, ReleaseEvent on) =>
        Table.TryGetValue((from, on), out var next) ? next : throw new InvalidOperationException($"{on} cannot happen in {from}.");

    /// <summary>The record after an event.</summary>
    /// <param name="record">The record.</param>
    /// <param name="on">What happened.</param>
    public static ReleaseRecord After(this ReleaseRecord record, ReleaseEvent on)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record with { State = Next(record.State, on) };
    }
}
