using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>Tells a vault's refusals from its outages.</summary>
internal static class Refusals
{
    /// <summary>The refusal an error answer stands for.</summary>
    /// <param name="status">HTTP status, not a success.</param>
    /// <param name="body">The answer.</param>
    /// <returns><c>vault-request</c> (400), <c>vault-unauthorized</c> (401: our token does not count there), <c>key-disabled</c>,
    /// <c>key-expired</c>, <c>key-not-yet-valid</c>, <c>key-operation</c> and else <c>key-forbidden</c> (403: no role on this key, or a
    /// firewall), <c>key-not-found</c> (404); or <see langword="null"/>: an outage.</returns>
    public static Fault? Of(int status, ReadOnlyMemory<byte> body)
    {
        var (inner, code) = Answers.Error(body);
        return status switch
        {
            400 => new Fault("vault-request", "request"),
            401 => new Fault("vault-unauthorized", "authorization"),
            403 => (inner.Length > 0 ? inner : code) switch
            {
                "KeyDisabled" => new Fault("key-disabled", "attributes.enabled"),
                "KeyExpired" => new Fault("key-expired", "attributes.exp"),
                "KeyNotYetValid" => new Fault("key-not-yet-valid", "attributes.nbf"),
                "KeyOperationForbidden" => new Fault("key-operation", "key.key_ops"),
                _ => new Fault("key-forbidden", "authorization"),
            },
            404 => new Fault("key-not-found", "key"),
            // 408, 409 (the key is being deleted or recovered), 429, 5xx, and what a gateway may invent.
            _ => null,
        };
    }
}
