namespace Serverless.Telemetry.CommandLine;

/// <summary>A profile document that was drafted or imported.</summary>
/// <param name="Json">The document.</param>
/// <param name="NotCarriedOver">What the source says and a profile cannot: one line each, never dropped silently.</param>
/// <param name="Chosen">What a profile needs and the source does not say: one line each.</param>
public sealed record MadeProfile(string Json, IReadOnlyList<string> NotCarriedOver, IReadOnlyList<string> Chosen);
