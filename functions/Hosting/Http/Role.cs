using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;

namespace Serverless.Hosting;

/// <summary>The app roles that Entra ID puts into a token's <c>roles</c> claim, for people and programs alike.</summary>
public static class Role
{
    /// <summary>May enrol devices.</summary>
    public const string DeviceEnroll = "Device.Enroll";

    /// <summary>May decommission devices.</summary>
    public const string DeviceDecommission = "Device.Decommission";

    /// <summary>May submit a firmware release.</summary>
    public const string ReleaseSubmit = "Release.Submit";

    /// <summary>May approve a firmware release.</summary>
    public const string ReleaseApprove = "Release.Approve";

    /// <summary>May act on incidents.</summary>
    public const string IncidentRespond = "Incident.Respond";

    /// <summary>May read the state of the fleet.</summary>
    public const string FleetRead = "Fleet.Read";

    /// <summary>Requires a valid token that holds one of these roles. A route that says nothing refuses everyone without a valid
    /// token, whatever its roles.</summary>
    /// <typeparam name="TBuilder">The route's builder.</typeparam>
    /// <param name="route">The route.</param>
    /// <param name="anyOf">Roles, one of which is enough.</param>
    public static TBuilder RequireRole<TBuilder>(this TBuilder route, params string[] anyOf)
        where TBuilder : IEndpointConventionBuilder =>
        route.RequireAuthorization(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().RequireClaim("roles", anyOf).Build());
}
