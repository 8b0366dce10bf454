using Azure.Core;

namespace Serverless.Local.Identity;

/// <summary>A credential for code inside the local cloud's own process: the same tokens, without a round trip.</summary>
/// <param name="tokens">The issuer.</param>
/// <param name="principal">For whom.</param>
public sealed class LocalCredential(Tokens tokens, Principal principal) : TokenCredential
{
    /// <inheritdoc/>
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        var scope = requestContext.Scopes.Single();
        var audience = scope.EndsWith("/.default", StringComparison.Ordinal) ? scope[..^"/.default".Length] : scope;
        var (token, expires) = tokens.Issue(principal, audience.TrimEnd('/'));
        return new AccessToken(token, expires);
    }

    /// <inheritdoc/>
    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        ValueTask.FromResult(GetToken(requestContext, cancellationToken));
}
