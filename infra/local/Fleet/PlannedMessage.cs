namespace Serverless.Local.Fleet;

/// <summary>One message of a script.</summary>
/// <param name="DueAt">When to send it, device time.</param>
/// <param name="Body">The payload.</param>
/// <param name="Wrong">What is wrong with it; <see cref="Misbehaviour.None"/> for an honest message, which must be accepted.</param>
public sealed record PlannedMessage(DateTimeOffset DueAt, ReadOnlyMemory<byte> Body, Misbehaviour Wrong);
