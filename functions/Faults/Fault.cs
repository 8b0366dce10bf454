namespace Serverless.Faults;

/// <summary>Why input was refused.</summary>
/// <param name="Code">Stable kebab-case code: a public contract, a metric label, and at least one test each.</param>
/// <param name="Where">Path of the field at fault, in the names of our own schema. Never the field's value: that is the
/// attacker's text.</param>
/// <remarks>A refusal is a value, not an exception. An outage is the dependency's exception, passed through to the platform's
/// retry; a bug is <see cref="InvalidOperationException"/> or <see cref="System.Diagnostics.UnreachableException"/>. Not sealed, so that
/// a wire client's refusal can carry the service's own code for the log; whoever answers a caller shows these two members only.</remarks>
public record Fault(string Code, string Where)
{
    /// <summary><c>code at where</c>, for logs and messages.</summary>
    public sealed override string ToString() => $"{Code} at {Where}";
}
