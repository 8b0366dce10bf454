using System.Diagnostics;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Tells a bug from an outage among exceptions that reached the edge.</summary>
internal static class Failure
{
    /// <summary><c>bug</c>: this program is wrong; retrying will not help.</summary>
    public static readonly Fault Bug = new("bug", "");

    /// <summary><c>outage</c>: something this program needs did not answer; worth another try.</summary>
    public static readonly Fault Outage = new("outage", "");

    /// <summary>Whether an exception is of the kinds that a broken invariant or a programming slip throws. What a client library
    /// throws for a failed dependency is an outage, whatever its type.</summary>
    public static bool IsBug(Exception failure) => failure is InvalidOperationException or UnreachableException or ArgumentException
        or NullReferenceException or IndexOutOfRangeException or InvalidCastException or NotImplementedException or NotSupportedException
        or ArithmeticException or FormatException or KeyNotFoundException or TypeInitializationException;
}
