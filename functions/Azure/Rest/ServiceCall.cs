using Azure.Core;

namespace Serverless.Rest;

/// <summary>What a second try of the same request does.</summary>
internal enum Repeat
{
    /// <summary>Nothing is written.</summary>
    Read,

    /// <summary>Doing it twice is doing it once.</summary>
    Harmless,

    /// <summary>A second try is safe, but after a first that landed it is refused (exists, stale): such a refusal proves nothing.</summary>
    Guarded,

    /// <summary>Doing it twice is doing it twice: tried again only when the first certainly did not arrive.</summary>
    Never,
}

/// <summary>One request to a service.</summary>
/// <param name="Operation">For messages, such as <c>device-update</c>; no id.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path, each segment already encoded; without query.</param>
/// <param name="Budget">The quota it counts against.</param>
/// <param name="Repeat">What a second try does.</param>
internal sealed record ServiceCall(string Operation, RequestMethod Method, string Path, RateBudget Budget, Repeat Repeat)
{
    /// <summary>JSON, or empty for no body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Sends <c>Content-Length: 0</c> when there is no body.</summary>
    public bool EmptyBody { get; init; }

    /// <summary>If-Match, with its quotes; or null.</summary>
    public string? IfMatch { get; init; }

    /// <summary>More headers.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>Longest answer, bytes: 1 MiB unless told.</summary>
    public int AnswerBytesMax { get; init; } = 1024 * 1024;

    /// <summary>Added to the time of one try: the service itself waits for a device.</summary>
    public TimeSpan Extra { get; init; }

    /// <summary>Statuses of 500 and up that are an answer, not a failure of the service.</summary>
    public IReadOnlyList<int> AnswerStatuses { get; init; } = [];
}

/// <summary>What the service answered, below 400 or a refusal from 400 on.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">At most what the call allowed.</param>
/// <param name="ETag">Without quotes; or null.</param>
/// <param name="Continuation">The <c>x-ms-continuation</c> header; or null at the end.</param>
/// <param name="ServiceCode">The service's error code, or empty.</param>
/// <param name="TrackingId">The service's tracking id, or empty.</param>
internal sealed record ServiceReply(int Status, ReadOnlyMemory<byte> Body, string? ETag, string? Continuation, string ServiceCode, string TrackingId);
