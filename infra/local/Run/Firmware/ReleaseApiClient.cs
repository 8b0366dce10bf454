using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Azure.Core.Pipeline;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Vault;
using Serverless.KeyVault;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Firmware;

/// <summary>A person of the release process: their token, their key in the vault, the HTTP interface as they use it.</summary>
/// <param name="cloud">The cloud.</param>
/// <param name="principal">Who.</param>
/// <param name="wall">Wall clock.</param>
internal sealed class ReleaseApiClient(LocalCloud cloud, Principal principal, TimeProvider wall) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3); // for a machine that does much else

    private readonly HttpClient _http = new(LocalTrust.Handler(cloud.Authority)) { Timeout = TimeSpan.FromMinutes(4) };

    /// <summary>Opens a key of the vault under this person's own rights.</summary>
    public async Task<VaultSigner> Key(string name, CancellationToken cancel)
    {
        var client = new KeyVaultClient(
            cloud.KeyVault.VaultUri, cloud.Credential(principal), wall, new KeyVaultClientOptions { Transport = new HttpClientTransport(_http) });
        return (await VaultSigner.Open(client, name, null, cancel).ConfigureAwait(false)).TryGet(out var signer, out var fault)
            ? signer
            : throw new InvalidOperationException($"key {name}: {fault}");
    }

    /// <summary>Uploads an image and its bill of materials, and describes the release.</summary>
    public async Task<SubmissionBody> Upload(string product, string version, int svn, byte[] image, CancellationToken cancel)
    {
        var container = cloud.BlobsAs(principal).GetBlobContainerClient("firmware");
        var (imageName, sbomName) = ($"{product}/{version}/image.bin", $"{product}/{version}/sbom.json");
        await container.GetBlobClient(imageName).UploadAsync(BinaryData.FromBytes(image), overwrite: true, cancel).ConfigureAwait(false);
        var sbom = """{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"firmware","name":"bootloader","version":"3.2"}]}"""u8.ToArray();
        await container.GetBlobClient(sbomName).UploadAsync(BinaryData.FromBytes(sbom), overwrite: true, cancel).ConfigureAwait(false);
        return new SubmissionBody(
            product, version, [$"{product}-r1"], svn, OtaDevice.SlotBytes, $"Simulated image {version}.", "2031-01-01T00:00:00Z", "image.bin",
            imageName, Convert.ToHexStringLower(SHA256.HashData(image)), sbomName);
    }

    /// <summary>Submits.</summary>
    public Task<ApiAnswer> Submit(SubmissionBody body, CancellationToken cancel) => Post("releases", body, ReleaseApiJson.Default.SubmissionBody, cancel);

    /// <summary>Asks to take a release back.</summary>
    public Task<ApiAnswer> Withdraw(string id, string reason, CancellationToken cancel) =>
        Post($"releases/{id}/withdrawal", new ReasonBody(reason), ReleaseApiJson.Default.ReasonBody, cancel);

    /// <summary>Publishes a ceremony's files.</summary>
    public Task<ApiAnswer> Ceremony(byte[] root, byte[] targets, CancellationToken cancel) =>
        Post("metadata", new MetadataChangeBody(Convert.ToBase64String(root), Convert.ToBase64String(targets)), ReleaseApiJson.Default.MetadataChangeBody, cancel);

    /// <summary>Looks at what is proposed, signs what was read with a key, and sends the signature.</summary>
    public async Task<ApiAnswer> Approve(string id, IDigestSigner key, CancellationToken cancel)
    {
        var shown = await Show(id, cancel).ConfigureAwait(false);
        if (shown.Proposal?.Signed is not { } text) throw new InvalidOperationException($"{id} is {shown.State}: there is nothing to sign");
        if (!JsonReading.Read(Convert.FromBase64String(text)).TryGet(out var read, out var fault) || read is not JsonObject signed) throw new InvalidOperationException($"{id}: {fault}");
        if (!(await SignedFile.Sign(signed, key, cancel).ConfigureAwait(false)).TryGet(out var der, out fault)) throw new InvalidOperationException($"{id}: {fault}");
        var approval = new ApprovalBody(ProductRole.DigestOf(signed), key.Key.KeyId, Convert.ToHexStringLower(der));
        return await Post($"releases/{id}/approvals", approval, ReleaseApiJson.Default.ApprovalBody, cancel).ConfigureAwait(false);
    }

    /// <summary>A release as it stands.</summary>
    public async Task<ReleaseBody> Show(string id, CancellationToken cancel)
    {
        using var request = Request(HttpMethod.Get, $"releases/{id}");
        using var response = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.OK
            ? JsonSerializer.Deserialize(body, ReleaseApiJson.Default.ReleaseBody)!
            : throw new InvalidOperationException($"{id} cannot be shown: {(int)response.StatusCode} {System.Text.Encoding.UTF8.GetString(body)}");
    }

    /// <summary>Waits until a release has left the states that someone works on.</summary>
    public async Task<ReleaseBody> Settled(string id, CancellationToken cancel)
    {
        var began = wall.GetTimestamp();
        while (wall.GetElapsedTime(began) < Patience)
        {
            var shown = await Show(id, cancel).ConfigureAwait(false);
            if (shown.State is not (ReleaseState.Checking or ReleaseState.Approved)) return shown;
            await Task.Delay(TimeSpan.FromMilliseconds(500), wall, cancel).ConfigureAwait(false);
        }
        throw new InvalidOperationException($"{id} is still being worked on after {Patience}");
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private async Task<ApiAnswer> Post<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using var request = Request(HttpMethod.Post, path);
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var response = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        var content = await response.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false);
        using var json = JsonDocument.Parse(content);
        string? Member(string name) => json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return new ApiAnswer((int)response.StatusCode, Member("state"), Member("code"), Member("id"));
    }

    private HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(cloud.Apps["firmware"].Address, $"api/{path}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", cloud.Tokens.Issue(principal, Audiences.Api).Token);
        return request;
    }
}

/// <summary>What the app answered, as far as the run looks at it.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="State">State of the release, of an accepted request.</param>
/// <param name="Fault">Fault code, of a refused one.</param>
/// <param name="Id">The release's id.</param>
internal sealed record ApiAnswer(int Status, string? State, string? Fault, string? Id)
{
    /// <summary>For the report.</summary>
    public override string ToString() => $"{Status} {State ?? Fault}";
}
