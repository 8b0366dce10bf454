namespace Serverless.Telemetry.Validation;

/// <summary>What kind of value a metric has. Values are stable: profiles compile to them, states do not hold them.</summary>
public enum MetricType
{
    /// <summary>A finite number (IEEE 754 double).</summary>
    Number = 1,

    /// <summary>A whole number written without fraction or exponent, from -(2^53-1) to 2^53-1 (RFC 7493 section 2.2).</summary>
    Integer = 2,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Boolean = 3,

    /// <summary>One of a list of texts.</summary>
    Enumeration = 4,

    /// <summary>Text of bounded length.</summary>
    String = 5,

    /// <summary>Three finite numbers, <c>[x,y,z]</c>.</summary>
    Vector = 6,
}
