namespace Serverless.Telemetry.Scoring;

/// <summary>How a message came.</summary>
/// <param name="SentMs">When its device says it sent it, Unix milliseconds: the time its values are judged by.</param>
/// <param name="HeardMs">When the hub took it in, Unix milliseconds: the time silence is judged by, because no device can move it.</param>
/// <param name="Sequence">The device's own counter.</param>
/// <param name="Bytes">Size of its body as it came over the wire, in bytes; 0 where that is not known, and then it is not judged.</param>
public readonly record struct Arrival(long SentMs, long HeardMs, long Sequence, int Bytes = 0);
