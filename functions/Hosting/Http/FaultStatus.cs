using System.Collections.Frozen;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>Which HTTP status a fault code answers with: by the whole code where the edge itself refuses, else by the code's last
/// word, else 400. One place, so that the same refusal never has two statuses.</summary>
public static class FaultStatus
{
    private static readonly FrozenDictionary<string, int> ByCode = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["path-unknown"] = 404,
        ["path-form"] = 400,
        ["method-unsupported"] = 405,
        ["media-type"] = 415,
        ["request-malformed"] = 400,
        ["headers-too-large"] = 431,
        ["body-length-missing"] = 411,
        ["body-missing"] = 400,
        ["body-too-large"] = 413,
        ["body-too-slow"] = 408,
        ["token-missing"] = 401,
        ["token-invalid"] = 401,
        ["token-expired"] = 401,
        ["token-audience"] = 401,
        ["role-missing"] = 403,
        ["rate-limited"] = 429,
        ["outage"] = 503,
        ["bug"] = 500,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, int> ByLastWord = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["unknown"] = 404, // names nothing we have
        ["gone"] = 410, // was here, will not be again
        ["conflict"] = 409, // contradicts what is stored
        ["taken"] = 409, // someone else has it
        ["exists"] = 409, // already done, differently
        ["stale"] = 412, // the caller's ETag is old
        ["forbidden"] = 403, // this caller may not, though the role may
        ["unsupported"] = 422, // understood, and not done here
        ["busy"] = 429, // a budget of ours is spent
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Exact codes and their statuses.</summary>
    public static IReadOnlyDictionary<string, int> Codes => ByCode;

    /// <summary>Last words of codes and their statuses.</summary>
    public static IReadOnlyDictionary<string, int> LastWords => ByLastWord;

    /// <summary>The status for a fault: 400 unless the table says otherwise.</summary>
    /// <param name="fault">Why the request was refused.</param>
    public static int Of(Fault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        if (ByCode.TryGetValue(fault.Code, out var exact)) return exact;
        return ByLastWord.GetValueOrDefault(fault.Code[(fault.Code.LastIndexOf('-') + 1)..], 400);
    }
}
