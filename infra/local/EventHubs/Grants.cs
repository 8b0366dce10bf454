using Serverless.Local.Identity;

namespace Serverless.Local.EventHubs;

/// <summary>The data actions that links need.</summary>
internal static class EventHubActions
{
    /// <summary>To publish.</summary>
    public const string Send = "Microsoft.EventHub/namespaces/messages/send/action";

    /// <summary>To read.</summary>
    public const string Receive = "Microsoft.EventHub/namespaces/messages/receive/action";
}

/// <summary>What a verified token allows.</summary>
/// <param name="ExpiresAt">End of the token, UTC wall time.</param>
/// <param name="Allows">Whether it covers an action at a scope such as <c>eventhubs/validated</c>.</param>
internal sealed record Grant(DateTimeOffset ExpiresAt, Func<string, string, bool> Allows);

/// <summary>Verifies the tokens that clients put: Entra's JWTs against the local tenant, and shared access signatures.</summary>
/// <param name="tokens">The local tenant's tokens.</param>
/// <param name="directory">Who holds which role.</param>
/// <param name="policy">The shared access policy, if there is one.</param>
/// <param name="wall">Wall clock: tokens live in real time.</param>
internal sealed class TokenDesk(Tokens tokens, TenantDirectory directory, SharedAccessPolicy? policy, TimeProvider wall)
{
    // Entra's tokens stay below 8 KiB even with many groups.
    private const int TokenLengthMax = 16 * 1024;

    /// <summary>Verifies a token put on <c>$cbs</c> or sent in an Authorization header.</summary>
    /// <param name="token">Untrusted.</param>
    /// <param name="path">The entity it was put for, such as <c>validated/consumergroups/ops/partitions/0</c>, lower case.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>What it allows, or <see langword="null"/>.</returns>
    public async Task<Grant?> Verify(string token, string path, CancellationToken cancel)
    {
        if (token.Length is 0 or > TokenLengthMax) return null;
        if (token.StartsWith(SharedAccessPolicy.Scheme, StringComparison.Ordinal)) return policy?.Verify(token, path, wall.GetUtcNow());
        var verified = await tokens.Verify(token, Audiences.EventHubs, cancel).ConfigureAwait(false);
        return verified.TryGet(out var caller, out _)
            ? new Grant(caller.ExpiresAt, (action, scope) => directory.Allows(caller.ClientId, action, scope))
            : null;
    }
}
