using Microsoft.AspNetCore.Builder;
using Serverless.Local.Identity;

namespace Serverless.Local.IotHub.Rest;

/// <summary>The service API.</summary>
internal sealed class ServiceApi(Hub hub, Tokens tokens, TenantDirectory directory)
{
    /// <summary>Largest request body: a full bulk of 100 twins.</summary>
    public const long BodyBytesMax = 100 * 48 * 1024;

    public void Map(WebApplication server)
    {
        _ = (hub, tokens, directory, server);
    }
}
