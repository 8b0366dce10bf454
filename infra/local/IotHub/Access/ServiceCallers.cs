using Serverless.Faults;
using Serverless.Local.Identity;

namespace Serverless.Local.IotHub.Access;

/// <summary>What a call of a service API needs.</summary>
/// <param name="Permission">Of a shared access policy: a flag of the service's own enum.</param>
/// <param name="DataActions">All of these, of an Entra caller, below <see cref="ServiceAccess.ActionPrefix"/>.</param>
internal sealed record Need(Enum Permission, params string[] DataActions);

/// <summary>How one service is addressed and guarded.</summary>
/// <param name="Audience">Of Entra tokens; one of <see cref="Audiences"/>.</param>
/// <param name="ActionPrefix">What its data actions begin with, such as <c>Microsoft.Devices/IotHubs/</c>.</param>
/// <param name="Scope">The resource path that role assignments name.</param>
/// <param name="Policies">Its shared access policies.</param>
/// <param name="Hosts">Names it answers to now.</param>
/// <param name="Wall">Wall time.</param>
internal sealed record ServiceAccess(
    string Audience, string ActionPrefix, string Scope, AccessPolicies Policies, Func<IReadOnlyList<string>> Hosts, TimeProvider Wall);

/// <summary>Decides who may call a service API.</summary>
internal sealed class ServiceCallers(ServiceAccess service, Tokens tokens, TenantDirectory directory)
{
    /// <summary>Checks an Authorization header: an Entra bearer token and its roles on this service, or a policy's shared access token.</summary>
    /// <returns>Null, or <c>token-missing</c>, <c>caller-role</c>, or a fault of <see cref="Tokens.Verify"/>, <see cref="SasToken.Parse"/>,
    /// <see cref="AccessPolicies.Verify"/>.</returns>
    public async Task<Fault?> Check(string authorization, Need need, CancellationToken cancel)
    {
        const string Bearer = "Bearer ";
        if (authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            var verified = await tokens.Verify(authorization[Bearer.Length..], service.Audience, cancel).ConfigureAwait(false);
            if (!verified.TryGet(out var caller, out var fault)) return fault;
            return need.DataActions.All(action => directory.Allows(caller.ClientId, service.ActionPrefix + action, service.Scope))
                ? null
                : new Fault("caller-role", "authorization");
        }

        if (!authorization.StartsWith("SharedAccessSignature ", StringComparison.Ordinal)) return new Fault("token-missing", "authorization");
        if (!SasToken.Parse(authorization).TryGet(out var token, out var shape)) return shape;
        if (!service.Policies.Verify(token, service.Hosts(), null, service.Wall.GetUtcNow()).TryGet(out var grant, out var refused)) return refused;
        return grant.Allows(need.Permission) ? null : new Fault("caller-role", "authorization");
    }
}
