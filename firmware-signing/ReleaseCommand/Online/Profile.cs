using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Trust;

namespace Serverless.FirmwareSigning.ReleaseCommand.Online;

/// <summary>A profile as it is written: where a deployment is, and how one signs in. It holds no secret.</summary>
/// <param name="Api">Origin of the Firmware app, such as <c>https://func-…azurewebsites.net/</c>.</param>
/// <param name="Audience">Application id URI of the pipeline's API.</param>
/// <param name="Blobs">Blob endpoint of the account with container <c>firmware</c>.</param>
/// <param name="Vault">Origin of the key vault with the engineers' keys.</param>
/// <param name="SignIn"><c>cli</c>, <c>managed-identity</c>, <c>device-code</c> or <c>local</c>.</param>
/// <param name="Tenant">Tenant id; optional for <c>cli</c> and <c>managed-identity</c>.</param>
/// <param name="ClientId">Client id; for <c>managed-identity</c> and <c>device-code</c> optional, for <c>local</c> required.</param>
/// <param name="MetadataUrl">Where devices find metadata; with <paramref name="TargetsUrl"/> and <paramref name="Root"/> an approval is compared with what is published.</param>
/// <param name="TargetsUrl">Where devices find images.</param>
/// <param name="Root">File with the first root, as devices are born with; relative to the profile.</param>
/// <param name="Authority">For <c>local</c>: origin of the local tenant.</param>
/// <param name="SecretFile">For <c>local</c>: file with the client secret; relative to the profile.</param>
/// <param name="TrustRoot">For <c>local</c>: file with the local certificate authority, trusted for these connections alone; relative to the profile.</param>
internal sealed record ProfileBody(
    string Api, string Audience, string Blobs, string Vault, string SignIn, string? Tenant = null, string? ClientId = null,
    string? MetadataUrl = null, string? TargetsUrl = null, string? Root = null, string? Authority = null, string? SecretFile = null, string? TrustRoot = null);

/// <summary>Profiles as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 4, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProfileBody))]
internal sealed partial class ProfileJson : JsonSerializerContext;

/// <summary>How one signs in.</summary>
internal enum SignInKind
{
    /// <summary>As whoever <c>az login</c> signed in.</summary>
    Cli,

    /// <summary>As the machine's managed identity.</summary>
    ManagedIdentity,

    /// <summary>With a code typed into a browser, also on another machine.</summary>
    DeviceCode,

    /// <summary>As a person of the local cloud, with a client secret from a file.</summary>
    Local,
}

/// <summary>A profile that was checked.</summary>
/// <remarks>Trusted: whoever can edit it chooses whom one talks to, though not what one's key signs: that is shown and confirmed.</remarks>
internal sealed record Profile(
    Uri Api, string Audience, Uri Blobs, Uri Vault, SignInKind SignIn, Guid? Tenant, Guid? ClientId, Uri? Metadata, Uri? Targets, string? RootFile, Uri? Authority, string? SecretFile, string? TrustRootFile)
{
    private const int FileBytesMax = 16 * 1024;

    /// <summary>Finds and reads a profile: <c>--profile</c>, else <c>FWSIGN_PROFILE</c>, else <c>default</c>. A name without a slash or dot means
    /// <c>fwsign/NAME.json</c> in the user's configuration folder.</summary>
    /// <param name="session">The run.</param>
    /// <returns>The profile, or <c>profile-missing</c>, <c>file-size</c>, <c>profile-json</c>, <c>profile-value</c>.</returns>
    public static Parsed<Profile> Find(Session session)
    {
        var asked = session.Profile ?? session.At.Environment("FWSIGN_PROFILE") ?? "default";
        var folder = Path.Combine(System.Environment.GetFolderPath(System.Environment.SpecialFolder.ApplicationData, System.Environment.SpecialFolderOption.DoNotVerify), "fwsign");
        var path = Release.IsId(asked) ? Path.Combine(folder, asked + ".json") : asked;
        if (!File.Exists(path)) return new Fault("profile-missing", path);
        return InputFile.Read(path, FileBytesMax).Then(bytes => Parse(bytes, Path.GetDirectoryName(Path.GetFullPath(path))!));
    }

    /// <summary>Reads a profile.</summary>
    /// <param name="json">The file.</param>
    /// <param name="folder">What its file names are relative to.</param>
    /// <returns>The profile, or <c>profile-json</c>, <c>profile-value</c> (names the member).</returns>
    public static Parsed<Profile> Parse(ReadOnlySpan<byte> json, string folder)
    {
        ProfileBody? body;
        try
        {
            body = JsonSerializer.Deserialize(json, ProfileJson.Default.ProfileBody);
        }
        catch (JsonException)
        {
            return new Fault("profile-json", "profile");
        }

        if (body is null) return new Fault("profile-json", "profile");
        if (Origin(body.Api) is not { } api) return new Fault("profile-value", "api");
        if (Origin(body.Blobs) is not { } blobs) return new Fault("profile-value", "blobs");
        if (Origin(body.Vault) is not { Scheme: "https" } vault) return new Fault("profile-value", "vault");
        if (body.Audience.Length is 0 or > 256) return new Fault("profile-value", "audience");
        if (Kind(body.SignIn) is not { } kind) return new Fault("profile-value", "signIn");
        if (!TryGuid(body.Tenant, out var tenant)) return new Fault("profile-value", "tenant");
        if (!TryGuid(body.ClientId, out var client)) return new Fault("profile-value", "clientId");
        if (!TryOrigin(body.MetadataUrl, out var metadata)) return new Fault("profile-value", "metadataUrl");
        if (!TryOrigin(body.TargetsUrl, out var targets)) return new Fault("profile-value", "targetsUrl");
        if (!TryOrigin(body.Authority, out var authority)) return new Fault("profile-value", "authority");
        if (kind == SignInKind.Local && (tenant is null || client is null || authority is null || body.SecretFile is null)) return new Fault("profile-value", "signIn");
        // An extra trust root beside a cloud sign-in would be a way to read along.
        if (kind != SignInKind.Local && (body.TrustRoot is not null || authority is not null || body.SecretFile is not null)) return new Fault("profile-value", "trustRoot");
        if (kind == SignInKind.Local && !new[] { api, blobs, vault, authority! }.All(url => url.IsLoopback)) return new Fault("profile-value", "signIn");
        string? At(string? file) => file is null ? null : Path.Combine(folder, file);
        return new Profile(api, body.Audience, blobs, vault, kind, tenant, client, metadata, targets, At(body.Root), authority, At(body.SecretFile), At(body.TrustRoot));
    }

    /// <summary>The kind of a word.</summary>
    /// <param name="word">From a profile or the command line.</param>
    public static SignInKind? Kind(string word) => word switch
    {
        "cli" => SignInKind.Cli,
        "managed-identity" => SignInKind.ManagedIdentity,
        "device-code" => SignInKind.DeviceCode,
        "local" => SignInKind.Local,
        _ => null,
    };

    private static bool TryOrigin(string? text, out Uri? url)
    {
        url = text is null ? null : Origin(text);
        return text is null || url is not null;
    }

    // https; http only on this machine's loopback, where there is no wire to listen on.
    private static Uri? Origin(string text) =>
        Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out var url) && url.Query.Length == 0 && url.Fragment.Length == 0 && url.UserInfo.Length == 0
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)) ? url : null;

    private static bool TryGuid(string? text, out Guid? id)
    {
        id = Guid.TryParseExact(text, "D", out var parsed) ? parsed : null;
        return text is null || id is not null;
    }
}
