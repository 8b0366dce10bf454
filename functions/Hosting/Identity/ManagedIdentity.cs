using Azure.Core;
using Azure.Identity;

namespace Serverless.Hosting;

/// <summary>The app's own identity in Azure: one user-assigned managed identity a function app.</summary>
/// <remarks>Setting <c>AZURE_CLIENT_ID</c>, required: the identity's client id, a GUID. Trusted: whoever edits it picks which of the
/// identities assigned to this app it acts as. Tokens come from the platform's endpoint (<c>IDENTITY_ENDPOINT</c>,
/// <c>IDENTITY_HEADER</c>, set by App Service).</remarks>
public sealed record ManagedIdentity : ISettings<ManagedIdentity>
{
    /// <inheritdoc/>
    public static string Section => "";

    /// <summary>Client id of the user-assigned identity.</summary>
    public required Guid ClientId { get; init; }

    /// <inheritdoc/>
    public static ManagedIdentity Read(SettingsReader read) => new()
    {
        ClientId = (read ?? throw new ArgumentNullException(nameof(read))).Id("AZURE_CLIENT_ID", "client id of the app's user-assigned managed identity"),
    };

    /// <summary>A credential of this identity and no other: no chain of fallbacks, so a missing identity fails instead of becoming
    /// whoever is signed in. Asks for no token yet. Thread-safe; share one.</summary>
    public TokenCredential Credential() =>
        new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(ClientId.ToString("D")));
}
