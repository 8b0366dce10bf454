using Azure.Core;
using Azure.Core.Pipeline;

namespace Serverless.KeyVault;

/// <summary>Signs requests in: the first goes without token and body and learns from the vault's 401 which scope and tenant to ask for;
/// later ones carry the token at once.</summary>
/// <remarks>A 401 to a token makes the credential be asked once more: for claims the vault demands, or because the token was
/// taken back. Thread-safe.</remarks>
/// <param name="vault">The vault's origin.</param>
/// <param name="tokens">Where tokens come from.</param>
internal sealed class ChallengePolicy(Uri vault, VaultTokens tokens) : HttpPipelinePolicy
{
    private volatile Challenge? _known;

    /// <summary>Not offered: every call of the client is asynchronous.</summary>
    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException("Only asynchronous calls are made.");

    /// <inheritdoc/>
    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        // Also on a retry and on whatever a redirect might yield: a token goes to the vault's own origin and nowhere else.
        if (message.Request.Uri.ToUri() is var target && (target.Scheme != Uri.UriSchemeHttps || target.Authority != vault.Authority))
            throw new InvalidOperationException("A request left its vault.");

        var body = message.Request.Content;
        string? sent = null;
        if (_known is { } known)
        {
            sent = await Authorize(message, known, unlike: null).ConfigureAwait(false);
        }
        else
        {
            message.Request.Content = null; // nobody has shown yet that this is the vault
        }

        await ProcessNextAsync(message, pipeline).ConfigureAwait(false);
        message.Request.Content = body;
        if (message.Response.Status != 401) return;
        message.Response.Headers.TryGetValue("WWW-Authenticate", out var header);
        if (!Challenge.Parse(header, vault, _known).TryGet(out var challenge, out var fault)) throw new ChallengeRefusedException(fault);
        _known = challenge with { Claims = null };
        var token = await Authorize(message, challenge, unlike: sent).ConfigureAwait(false);
        if (token == sent) return; // the credential has no other token: the 401 stands
        message.Response.Dispose();
        await ProcessNextAsync(message, pipeline).ConfigureAwait(false);
    }

    private async ValueTask<string> Authorize(HttpMessage message, Challenge challenge, string? unlike)
    {
        var token = await tokens.Get(challenge, unlike, message.CancellationToken).ConfigureAwait(false);
        message.Request.Headers.SetValue(HttpHeader.Names.Authorization, "Bearer " + token);
        return token;
    }
}

/// <summary>Tokens of one credential for one vault, each kept until five minutes before its end.</summary>
/// <remarks>Two callers may ask the credential at once; it has its own cache, and the later token stays.</remarks>
/// <param name="credential">Who we are.</param>
/// <param name="clock">Wall clock.</param>
internal sealed class VaultTokens(TokenCredential credential, TimeProvider clock)
{
    private static readonly TimeSpan RefreshBefore = TimeSpan.FromMinutes(5);
    private volatile Held? _held;

    /// <summary>A token.</summary>
    /// <param name="challenge">For what.</param>
    /// <param name="unlike">A token the vault just refused; a held one that equals it is thrown away.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <exception cref="Exception">Whatever the credential throws: signing in failed.</exception>
    public async ValueTask<string> Get(Challenge challenge, string? unlike, CancellationToken cancel)
    {
        if (_held is { } held && challenge.Claims is null && held.Scope == challenge.Scope && held.Tenant == challenge.TenantId
            && held.Token != unlike && clock.GetUtcNow() < held.Ends - RefreshBefore)
        {
            return held.Token;
        }

        var context = new TokenRequestContext([challenge.Scope], tenantId: challenge.TenantId, claims: challenge.Claims, isCaeEnabled: true);
        var token = await credential.GetTokenAsync(context, cancel).ConfigureAwait(false);
        _held = new Held(challenge.Scope, challenge.TenantId, token.Token, token.ExpiresOn);
        return token.Token;
    }

    private sealed record Held(string Scope, string? Tenant, string Token, DateTimeOffset Ends);
}
