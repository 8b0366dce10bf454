using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>What became of one event. <c>default</c> is the refusal <c>not-judged</c>: forgetting to judge fails closed.</summary>
/// <remarks>A pure function of the event, the profile and the device's state before it. Immutable.</remarks>
public readonly struct Verdict
{
    private static readonly Fault NotJudged = new("not-judged", "body");
    private readonly Fault? _fault;

    internal Verdict(Fault? fault, VerdictNotes notes, long missing)
    {
        Accepted = fault is null;
        _fault = fault;
        Notes = notes;
        Missing = missing;
    }

    internal Verdict(in Verdict verdict, bool faultAlertDue, VerdictNotes alertNotes, int unreported)
    {
        this = verdict;
        FaultAlertDue = faultAlertDue;
        AlertNotes = alertNotes;
        Unreported = unreported;
    }

    /// <summary>Whether the event may be published to <c>validated</c>.</summary>
    public bool Accepted { get; }

    /// <summary>Why the event was refused; <see langword="null"/> when it was accepted. Instances are cached by code and path.</summary>
    public Fault? Fault => Accepted ? null : _fault ?? NotJudged;

    /// <summary>What else was seen. Notes that come from the hub's stamps are set on refused events too.</summary>
    public VerdictNotes Notes { get; }

    /// <summary>Sequence numbers missing before this event, 0 without <see cref="VerdictNotes.Gap"/>.</summary>
    public long Missing { get; }

    /// <summary>Whether an alert about <see cref="Fault"/> is due now: the first of its code, then with back-off (1 minute,
    /// doubling to 17 hours, forgotten after two quiet days), in event time.</summary>
    public bool FaultAlertDue { get; }

    /// <summary>The subset of <see cref="Notes"/> an alert is due for now, with the same back-off.</summary>
    public VerdictNotes AlertNotes { get; }

    /// <summary>How many refusals of this code came since its last alert, this one included; saturates at 4095. 0 when accepted.</summary>
    public int Unreported { get; }
}
