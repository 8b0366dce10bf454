using System.Diagnostics;
using Azure;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Specialized;
using Azure.Storage.Queues;
using Serverless.Local.Identity;
using Serverless.Local.Processes;
using Serverless.Local.Storage;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.Storage;

public class AzuriteTests(StorageFixture fixture)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_telemetry_app_writes_its_state_and_reads_profiles_but_writes_none()
    {
        var blobs = await Blobs(LocalTenant.Telemetry);
        await blobs.GetBlobContainerClient("telemetry-state").GetBlobClient("0").UploadAsync(BinaryData.FromString("state"), true, Cancel);
        var ops = await Blobs(LocalTenant.Ops);
        await ops.GetBlobContainerClient("profiles").GetBlobClient("pump").UploadAsync(BinaryData.FromString("{}"), true, Cancel);

        var profiles = blobs.GetBlobContainerClient("profiles");
        Assert.Equal("{}", (await profiles.GetBlobClient("pump").DownloadContentAsync(Cancel)).Value.Content.ToString());
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => profiles.GetBlobClient("pump").UploadAsync(BinaryData.FromString("x"), true, Cancel));
        Assert.Equal((403, "AuthorizationPermissionMismatch"), (refused.Status, refused.ErrorCode));
        refused = await Assert.ThrowsAsync<RequestFailedException>(() => profiles.GetBlobClient("pump").DeleteAsync(cancellationToken: Cancel));
        Assert.Equal(403, refused.Status);
    }

    [Theory]
    [InlineData("ota")]
    [InlineData("firmware")]
    [InlineData("audit")]
    public async Task The_telemetry_app_cannot_even_list_a_container_that_is_not_its(string container)
    {
        var other = (await Blobs(LocalTenant.Telemetry)).GetBlobContainerClient(container);
        var refused = await Assert.ThrowsAsync<RequestFailedException>(async () => await other.GetBlobsAsync(cancellationToken: Cancel).GetAsyncEnumerator(Cancel).MoveNextAsync());
        Assert.Equal((403, "AuthorizationPermissionMismatch"), (refused.Status, refused.ErrorCode));
    }

    [Fact]
    public async Task A_copy_needs_the_right_to_read_its_source()
    {
        var ops = await Blobs(LocalTenant.Ops);
        var secret = ops.GetBlobContainerClient("firmware").GetBlobClient("secret.bin");
        await secret.UploadAsync(BinaryData.FromString("image"), true, Cancel);
        var thief = (await Blobs(LocalTenant.Telemetry)).GetBlobContainerClient("rejected").GetBlobClient("stolen");
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => thief.SyncCopyFromUriAsync(secret.Uri, cancellationToken: Cancel));
        Assert.Equal(403, refused.Status);
    }

    [Fact]
    public async Task Anybody_reads_the_ota_container_and_nobody_lists_or_writes_it_without_a_token()
    {
        var storage = await fixture.Storage();
        var ota = (await Blobs(LocalTenant.Firmware)).GetBlobContainerClient("ota").GetBlobClient("timestamp.json");
        await ota.UploadAsync(BinaryData.FromString("{\"v\":1}"), true, Cancel);
        using var http = new HttpClient(LocalTrust.Handler(fixture.Authority));
        Assert.Equal("{\"v\":1}", await http.GetStringAsync(ota.Uri, Cancel));
        Assert.Equal(401, (int)(await http.GetAsync(new Uri($"{storage.BlobServiceUri}/ota?restype=container&comp=list"), Cancel)).StatusCode);
        Assert.Equal(401, (int)(await http.PutAsync(ota.Uri, new StringContent("x"), Cancel)).StatusCode);
        Assert.Equal(401, (int)(await http.GetAsync(new Uri($"{storage.BlobServiceUri}/profiles/pump"), Cancel)).StatusCode);
    }

    [Theory]
    [InlineData("/devstoreaccount1/rejected/../profiles/pump")]
    [InlineData("/devstoreaccount1/rejected/%2e%2e/profiles/pump")]
    [InlineData("/devstoreaccount1//profiles/pump")]
    [InlineData("/devstoreaccount1/pro%66iles/pump")]
    [InlineData("/other/profiles/pump")]
    public async Task A_path_that_two_readers_could_read_differently_is_refused(string path)
    {
        var storage = await fixture.Storage();
        using var http = new HttpClient(LocalTrust.Handler(fixture.Authority));
        var root = storage.BlobServiceUri.GetLeftPart(UriPartial.Authority);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(root + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.Authorization = new("Bearer", fixture.Tokens.Issue(LocalTenant.Ops, Audiences.Storage).Token);
        request.Headers.Add("x-ms-version", "2023-11-03");
        Assert.Equal(400, (int)(await http.SendAsync(request, Cancel)).StatusCode);
    }

    [Fact]
    public async Task An_account_key_opens_nothing_and_a_token_for_another_service_neither()
    {
        var storage = await fixture.Storage();
        var key = new StorageSharedKeyCredential(Azurite.Account, Convert.ToBase64String(new byte[64]));
        var byKey = new BlobServiceClient(storage.BlobServiceUri, key, With(new BlobClientOptions()));
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => byKey.GetBlobContainerClient("profiles").GetPropertiesAsync(cancellationToken: Cancel));
        Assert.Equal(403, refused.Status);

        using var http = new HttpClient(LocalTrust.Handler(fixture.Authority));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{storage.BlobServiceUri}/profiles/pump");
        request.Headers.Authorization = new("Bearer", fixture.Tokens.Issue(LocalTenant.Ops, Audiences.EventHubs).Token);
        Assert.Equal(401, (int)(await http.SendAsync(request, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Tables_are_judged_one_by_one_and_so_are_the_parts_of_a_transaction()
    {
        var storage = await fixture.Storage();
        var lifecycle = new TableServiceClient(storage.TableServiceUri, fixture.Credential(LocalTenant.Lifecycle), With(new TableClientOptions()));
        var devices = lifecycle.GetTableClient("devices");
        var entity = new TableEntity("p", "r1") { ["n"] = 1 };
        await devices.UpsertEntityAsync(entity, cancellationToken: Cancel);
        await devices.SubmitTransactionAsync(
            [new TableTransactionAction(TableTransactionActionType.UpsertReplace, new TableEntity("p", "r2") { ["n"] = 2 })], Cancel);
        Assert.Equal(2, (await devices.GetEntityAsync<TableEntity>("p", "r2", cancellationToken: Cancel)).Value["n"]);

        var incidents = lifecycle.GetTableClient("incidents");
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => incidents.UpsertEntityAsync(entity, cancellationToken: Cancel));
        Assert.Equal((403, "AuthorizationPermissionMismatch"), (refused.Status, refused.ErrorCode));
        refused = await Assert.ThrowsAsync<RequestFailedException>(() => incidents.SubmitTransactionAsync(
            [new TableTransactionAction(TableTransactionActionType.UpsertReplace, entity)], Cancel));
        Assert.Equal(403, refused.Status);
    }

    [Fact]
    public async Task Queues_work_for_who_holds_the_role_and_for_nobody_else()
    {
        var storage = await fixture.Storage();
        var queue = new QueueServiceClient(storage.QueueServiceUri, fixture.Credential(LocalTenant.Ops), With(new QueueClientOptions())).GetQueueClient("work");
        await queue.CreateIfNotExistsAsync(cancellationToken: Cancel);
        await queue.SendMessageAsync("one", Cancel);
        Assert.Equal("one", (await queue.ReceiveMessageAsync(cancellationToken: Cancel)).Value.MessageText);

        var other = new QueueServiceClient(storage.QueueServiceUri, fixture.Credential(LocalTenant.Telemetry), With(new QueueClientOptions())).GetQueueClient("work");
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => other.SendMessageAsync("two", Cancel));
        Assert.Equal(403, refused.Status);
    }

    [Fact]
    public async Task Conditions_pages_and_large_blobs_pass_the_front_unchanged()
    {
        var container = (await Blobs(LocalTenant.Ops)).GetBlobContainerClient("rejected");
        var name = Path.GetRandomFileName() + "/a b+c%2F/ü";
        var bytes = new byte[9 * 1024 * 1024];
        new Random(1).NextBytes(bytes);
        var blob = container.GetBlobClient(name);
        await blob.UploadAsync(new MemoryStream(bytes), true, Cancel);
        Assert.Equal(bytes, (await blob.DownloadContentAsync(Cancel)).Value.Content.ToArray());
        Assert.Contains(name, await container.GetBlobsAsync(cancellationToken: Cancel).Select(item => item.Name).ToListAsync(Cancel));

        var append = container.GetAppendBlobClient(Path.GetRandomFileName());
        await append.CreateIfNotExistsAsync(cancellationToken: Cancel);
        await append.AppendBlockAsync(new MemoryStream([1, 2, 3]), cancellationToken: Cancel);
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => blob.UploadAsync(
            new MemoryStream([1]), new Azure.Storage.Blobs.Models.BlobUploadOptions { Conditions = new() { IfNoneMatch = ETag.All } }, Cancel));
        Assert.Equal(409, refused.Status);
    }

    [Fact]
    public async Task Storage_starts_and_stops_twice_keeps_an_asked_for_folder_and_leaves_no_process()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing");
        var data = Directory.CreateTempSubdirectory("serverless-data-");
        try
        {
            for (var round = 0; round < 2; round++)
            {
                var azurite = await Azurite.Start(new AzuriteOptions { DataFolder = data.FullName }, fixture.Authority, fixture.Tokens, fixture.Directory, Cancel);
                var blob = new BlobServiceClient(azurite.BlobServiceUri, fixture.Credential(LocalTenant.Ops), With(new BlobClientOptions()))
                    .GetBlobContainerClient("profiles").GetBlobClient("kept");
                if (round == 0) await blob.UploadAsync(BinaryData.FromString("kept"), true, Cancel);
                Assert.Equal("kept", (await blob.DownloadContentAsync(Cancel)).Value.Content.ToString());
                var second = await Assert.ThrowsAsync<LocalCloudException>(() => Azurite.Start(
                    new AzuriteOptions { DataFolder = data.FullName }, fixture.Authority, fixture.Tokens, fixture.Directory, Cancel));
                Assert.Contains("is in use", second.Message, StringComparison.Ordinal);
                await azurite.DisposeAsync();
                Assert.Throws<ArgumentException>(() => Process.GetProcessById(azurite.ProcessId));
                Assert.False(azurite.Died.IsCompleted);
                Assert.False(Directory.Exists(azurite.ScratchFolder));
            }
        }
        finally
        {
            data.Delete(true);
        }
    }

    [Fact]
    public async Task A_dying_Azurite_gives_one_message_with_its_code()
    {
        if (Tool.Find("node") is null) Assert.Skip("Node.js is missing");
        await using var azurite = await Azurite.Start(new AzuriteOptions(), fixture.Authority, fixture.Tokens, fixture.Directory, Cancel);
        using var process = Process.GetProcessById(azurite.ProcessId);
        process.Kill();
        var message = await azurite.Died.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Contains("Azurite (local storage) ended with code 137", message.Message, StringComparison.Ordinal);
    }

    private async Task<BlobServiceClient> Blobs(Principal principal) =>
        new((await fixture.Storage()).BlobServiceUri, fixture.Credential(principal), With(new BlobClientOptions()));

    private T With<T>(T options)
        where T : Azure.Core.ClientOptions
    {
        options.Transport = new HttpClientTransport(new HttpClient(LocalTrust.Handler(fixture.Authority)));
        options.Retry.MaxRetries = 0;
        return options;
    }
}
