using System.Diagnostics;
using System.Text.Json.Nodes;
using Serverless.Local;
using Serverless.Local.Run.Firmware;
using Serverless.Tests.Kit;

namespace Serverless.Firmware.Tests;

/// <summary>The published app in the local cloud: its own process, managed identity, the local vault, Azurite.</summary>
public class LocalCloudTests
{
    [Fact]
    public async Task Releases_reach_simulated_devices_through_the_published_app_and_a_second_client_agrees()
    {
        if (!IsOnPath("node")) Assert.Skip("Node is not on this machine: the local storage needs it");
        await using var cloud = await LocalCloud.Start(new LocalCloudOptions(), TimeProvider.System, Town.Token);
        var chapter = await FirmwareChapter.Play(cloud, _ => { }, TimeProvider.System, Town.Token);
        Assert.All(chapter.Checks, check => Assert.True(check.Kept, $"{check.Promise}: {check.Evidence}"));
        Assert.True(chapter.Checks.Count >= 20, $"{chapter.Checks.Count} checks");

        // Headers, as caches meet them.
        using var http = new HttpClient(Local.Tls.LocalTrust.Handler(cloud.Authority));
        foreach (var (name, cache) in new[] { ("timestamp.json", "no-cache"), ("1.root.json", "public, max-age=31536000, immutable"), ("1.gw100.json", "public, max-age=31536000, immutable") })
        {
            using var answer = await http.GetAsync(new Uri($"{cloud.Storage.BlobServiceUri}/ota/metadata/{name}"), Town.Token);
            Assert.Equal(cache, string.Join(", ", answer.Content.Headers.TryGetValues("Cache-Control", out var values) ? values : answer.Headers.GetValues("Cache-Control")));
        }
        await TufJs(cloud);
        await ReadsWhatWasLookedAt(cloud);
    }

    // Exactly the blob that was looked at, or nothing.
    private static async Task ReadsWhatWasLookedAt(LocalCloud cloud)
    {
        var container = cloud.BlobsAs(Local.Identity.LocalTenant.ReleaseEngineer).GetBlobContainerClient("firmware");
        var images = new Stores.BlobImages(container);
        var content = new byte[(9 << 20) + 77];
        for (var i = 0; i < content.Length; i++) content[i] = (byte)(i * 7L % 251);
        await container.GetBlobClient("look.bin").UploadAsync(BinaryData.FromBytes(content), overwrite: true, Town.Token);
        var image = await images.Look("look.bin", Town.Token) ?? throw new InvalidOperationException("not there");
        Assert.Equal(content.Length, image.Bytes);
        await using (var stream = await images.Open(image, Town.Token) ?? throw new InvalidOperationException("not there"))
        {
            var (length, digest) = await FirmwareSigning.Signing.ImageDigest.OfStream(stream, 1 << 20, (_, _, _) => Task.CompletedTask, Town.Token);
            Assert.Equal((content.Length, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(content))), (length, Convert.ToHexString(digest)));
        }
        await container.GetBlobClient("look.bin").UploadAsync(BinaryData.FromBytes(new byte[content.Length]), overwrite: true, Town.Token);
        Assert.Null(await images.Open(image, Town.Token)); // another blob now
        Assert.Null(await images.Look("none.bin", Town.Token));
    }

    // tuf-js downloads from the repository as the app published it on Azurite.
    private static async Task TufJs(LocalCloud cloud)
    {
        var folder = Path.Combine(SourceFolder(), "..", "FirmwareSigning", "node");
        var directory = Directory.CreateTempSubdirectory("tuf-js-");
        try
        {
            var metadata = directory.CreateSubdirectory("metadata");
            var root = await cloud.BlobsAs(Local.Identity.LocalTenant.Ops).GetBlobContainerClient("ota").GetBlobClient("metadata/1.root.json").DownloadContentAsync(Town.Token);
            await File.WriteAllBytesAsync(Path.Combine(metadata.FullName, "root.json"), root.Value.Content.ToArray(), Town.Token);
            var start = await NodePrograms.Prepare(folder, ["client.mjs"], "tuf-js", Town.Token);
            start.Environment["NODE_EXTRA_CA_CERTS"] = cloud.Authority.PemPath;
            using var node = Process.Start(start)!;
            async Task<JsonNode> Ask(string target)
            {
                var request = new JsonObject { ["base"] = $"{cloud.Storage.BlobServiceUri}/ota", ["dir"] = directory.FullName, ["target"] = target };
                await node.StandardInput.WriteLineAsync(request.ToJsonString());
                await node.StandardInput.FlushAsync(Town.Token);
                return JsonNode.Parse(await node.StandardOutput.ReadLineAsync(Town.Token) ?? throw new InvalidOperationException("node ended"))!;
            }

            var published = await Ask("gw100/1.0.0/image.bin");
            Assert.True((bool)published["ok"]!, (string?)published["fault"]);
            Assert.Equal(OtaImages.Of("gw100", "1.0.0"), Convert.FromBase64String((string)published["content"]!));
            // The SUIT envelope is a target like any other: a second client brings it, our parser opens it.
            var envelope = await Ask("gw100/1.0.0/image.bin.gw100-r1.suit");
            Assert.True((bool)envelope["ok"]!, (string?)envelope["fault"]);
            using var http = new HttpClient(Local.Tls.LocalTrust.Handler(cloud.Authority));
            var vault = new KeyVault.KeyVaultClient(
                cloud.KeyVault.VaultUri, cloud.Credential(Local.Identity.LocalTenant.Firmware), TimeProvider.System,
                new KeyVault.KeyVaultClientOptions { Transport = new Azure.Core.Pipeline.HttpClientTransport(http) });
            Assert.True((await FirmwareSigning.Vault.VaultSigner.Open(vault, "tuf-policy", null, Town.Token)).TryGet(out var pinned, out var fault), fault?.ToString());
            Assert.True(FirmwareSigning.Suit.SuitEnvelope.Open(Convert.FromBase64String((string)envelope["content"]!), pinned.Key).TryGet(out var opened, out fault), fault?.ToString());
            var digest = System.Security.Cryptography.SHA256.HashData(OtaImages.Of("gw100", "1.0.0"));
            Assert.Equal(new FirmwareSigning.Suit.SuitClass("vendor.example", "gw100-r1", "app").ManifestOf(1, digest, OtaImages.Bytes), opened.Manifest);
            Assert.False((bool)(await Ask("gw100/1.1.0/image.bin"))["ok"]!); // withdrawn
            Assert.False((bool)(await Ask("gw100/1.1.0/image.bin.gw100-r1.suit"))["ok"]!); // with it
            node.StandardInput.Close();
            await node.WaitForExitAsync(Town.Token);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static bool IsOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
