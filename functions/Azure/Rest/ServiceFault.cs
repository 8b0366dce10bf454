using Serverless.Faults;

namespace Serverless.Rest;

/// <summary>A refusal by a service, with what its support asks for. Code and place are ours; the rest is for the log only.</summary>
/// <param name="Code">Our stable code; the client's methods list theirs.</param>
/// <param name="Where">What was refused, in our names.</param>
/// <param name="Status">HTTP status, 400 to 499, or 504 for a device that did not answer. In a bulk, the item's.</param>
/// <param name="ServiceCode">The service's error code, at most 64 letters, digits and dashes; empty when it gave none.</param>
/// <param name="TrackingId">The service's tracking id, at most 128 printable ASCII characters; empty when it gave none.</param>
public sealed record ServiceFault(string Code, string Where, int Status, string ServiceCode, string TrackingId) : Fault(Code, Where);
