using System.Text.Json.Nodes;
using Serverless.Deploy.Azure;

namespace Serverless.Deploy.Steps;

/// <summary>The pipeline's API in Entra ID: one registration an environment, with its app roles and no secret of any kind.</summary>
/// <remarks>Microsoft Graph creates or updates by <c>uniqueName</c> (header <c>Prefer: create-if-missing</c>), so running it again changes
/// nothing. Not a Bicep extension: that one cannot be evaluated offline. Who holds a role is assigned by people in the portal.</remarks>
/// <param name="around">Where it runs.</param>
/// <param name="az">The Azure CLI.</param>
public sealed class EntraRegistration(Surroundings around, AzureCli az)
{
    private const string Graph = "https://graph.microsoft.com/v1.0";

    /// <summary>Creates or updates.</summary>
    /// <param name="environment">Name of the environment.</param>
    /// <param name="subscription">The subscription that is meant; its tenant gets the registration.</param>
    /// <param name="cancel">Ends it; run it again.</param>
    public async Task Write(string environment, string subscription, CancellationToken cancel)
    {
        Target.Read(around, environment, filledIn: false);
        await az.Meant(subscription, cancel).ConfigureAwait(false);
        var unique = $"device-pipeline-{environment}";
        var body = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(around.Infra, "entra/api.json"), cancel).ConfigureAwait(false))!.AsObject();
        body["displayName"] = $"Device pipeline ({environment})";
        await Upsert($"applications(uniqueName='{unique}')", body, cancel).ConfigureAwait(false);
        var made = await az.Ask(["rest", "--method", "GET", "--url", $"{Graph}/applications(uniqueName='{unique}')?$select=appId,passwordCredentials,keyCredentials"], cancel).ConfigureAwait(false);
        var id = (string?)made?["appId"] ?? throw new DeployException("Microsoft Graph gave no appId");
        if (made?["passwordCredentials"]?.AsArray().Count > 0 || made?["keyCredentials"]?.AsArray().Count > 0)
        {
            throw new DeployException($"the registration {id} has credentials: an API needs none; remove them in the portal, and find out who made them");
        }

        // Without an assignment nobody gets a token, whatever the app checks.
        await Upsert($"servicePrincipals(appId='{id}')", new JsonObject { ["appRoleAssignmentRequired"] = true }, cancel).ConfigureAwait(false);
        around.Say($"param apiClientId = '{id}'   <- into infra/{environment}.bicepparam");
    }

    private async Task Upsert(string what, JsonObject body, CancellationToken cancel) =>
        await az.Rest("PATCH", $"{Graph}/{what}", body, ["Prefer=create-if-missing"], cancel).ConfigureAwait(false);
}
