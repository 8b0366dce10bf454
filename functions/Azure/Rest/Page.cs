namespace Serverless.Rest;

/// <summary>One page of a query.</summary>
/// <typeparam name="T">What was asked for.</typeparam>
/// <param name="Items">Maybe none, also before the last page.</param>
/// <param name="Continuation">Asks for the next page; <see langword="null"/> on the last. Opaque, at most 16 KiB; may be stored by
/// work that resumes later. The service does not promise that pages end: bound their number.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Continuation);

/// <summary>What came of a bulk call: a success as a whole says nothing about its items.</summary>
/// <param name="Failures">Items that were refused, by id; all others are done.</param>
public sealed record BulkOutcome(IReadOnlyDictionary<string, ServiceFault> Failures)
{
    /// <summary>Whether every item is done.</summary>
    public bool Complete => Failures.Count == 0;
}
