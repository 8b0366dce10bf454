namespace Serverless.Local.Run;

/// <summary>One part of a run's story beside telemetry itself: what happened, told in lines, and what must hold of it.</summary>
/// <param name="Title">Of what, such as "enrolment".</param>
/// <param name="Lines">What happened, one line each, for a person.</param>
/// <param name="Checks">The promises of this part.</param>
public sealed record Chapter(string Title, IReadOnlyList<string> Lines, IReadOnlyList<Check> Checks);
