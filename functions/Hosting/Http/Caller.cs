using System.Security.Claims;

namespace Serverless.Hosting;

/// <summary>Who a request comes from, by its verified token.</summary>
public static class Caller
{
    /// <summary>The object id of the person or program (<c>oid</c>), else its application id; <c>anonymous</c> without a token. What
    /// audit entries and rate limits name.</summary>
    /// <param name="user">The request's user.</param>
    public static string Of(ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        if (user.Identity?.IsAuthenticated != true) return "anonymous";
        return user.FindFirst("oid")?.Value ?? user.FindFirst("appid")?.Value ?? user.FindFirst("azp")?.Value ?? user.FindFirst("sub")?.Value ?? "unnamed";
    }
}
