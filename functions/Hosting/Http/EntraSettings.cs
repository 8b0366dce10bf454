namespace Serverless.Hosting;

/// <summary>Whose tokens HTTP functions accept. Section <c>Entra</c>.</summary>
/// <remarks>Trusted: whoever edits these decides who may call every function of the app.</remarks>
public sealed record EntraSettings : ISettings<EntraSettings>
{
    /// <inheritdoc/>
    public static string Section => "Entra";

    /// <summary><c>Entra__Authority</c>: where the discovery document is, less <c>/.well-known/openid-configuration</c>; such as
    /// <c>https://login.microsoftonline.com/{tenant}/v2.0</c>. The issuer that tokens must name is the one the document names: without
    /// <c>/v2.0</c> that is <c>https://sts.windows.net/{tenant}/</c>.</summary>
    public required Uri Authority { get; init; }

    /// <summary><c>Entra__Audience</c>: who tokens must be made out to: <c>api://…</c> in v1.0 tokens, the API's client id in v2.0.</summary>
    public required string Audience { get; init; }

    /// <inheritdoc/>
    public static EntraSettings Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        return new()
        {
            Authority = read.Url("Authority", "Entra ID authority"),
            Audience = read.Text("Audience", "audience of access tokens", lengthMax: 256),
        };
    }
}
