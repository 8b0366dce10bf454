namespace Serverless.Telemetry.Validation;

/// <summary>What becomes of metrics a profile does not know.</summary>
public enum UnknownMetrics
{
    /// <summary>The event is refused: <c>metric-unknown</c>. The default.</summary>
    Refuse = 0,

    /// <summary>The metric is left out of the normalised event and the verdict notes it. Nothing unjudged ever passes on.</summary>
    Drop = 1,
}
