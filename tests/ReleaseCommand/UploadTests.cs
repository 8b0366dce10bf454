using System.Security.Cryptography;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>Uploads into the local cloud's storage.</summary>
public sealed class UploadTests(ReleaseDay day) : IDisposable
{
    private const int Bytes = (2 * ImageUpload.BlockBytes) + 7;
    private readonly Bench _bench = new() { Clock = TimeProvider.System };

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_second_run_sends_only_what_the_first_did_not()
    {
        await day.Ready();
        var (path, content) = await Image("resumed.bin");
        var blocks = new Blocks { StageMax = 2 };
        var container = Container(blocks);
        await Assert.ThrowsAsync<IOException>(() => ImageUpload.Run(container, "upload/resumed", path, Bytes, new Progress(), Bench.Cancel));
        Assert.Equal(2, blocks.Staged);
        blocks.StageMax = int.MaxValue;
        var progress = new Progress();
        Assert.Null(await ImageUpload.Run(container, "upload/resumed", path, Bytes, progress, Bench.Cancel));
        Assert.Equal(3, blocks.Staged); // one more
        Assert.Equal(Bytes, progress.Latest);
        Assert.Equal(content, (await container.GetBlobClient("upload/resumed").DownloadContentAsync(Bench.Cancel)).Value.Content.ToArray());

        Assert.Null(await ImageUpload.Run(container, "upload/resumed", path, Bytes, progress, Bench.Cancel));
        Assert.Equal(3, blocks.Staged); // a third run finds it all there
    }

    [Fact]
    public async Task A_block_staged_by_somebody_else_under_another_content_is_not_taken_for_ours()
    {
        await day.Ready();
        var (path, content) = await Image("ours.bin");
        var (foreign, _) = await Image("theirs.bin");
        var blocks = new Blocks { StageMax = 2 };
        var container = Container(blocks);
        await Assert.ThrowsAsync<IOException>(() => ImageUpload.Run(container, "upload/contested", foreign, Bytes, new Progress(), Bench.Cancel));
        blocks.StageMax = int.MaxValue;
        Assert.Null(await ImageUpload.Run(container, "upload/contested", path, Bytes, new Progress(), Bench.Cancel));
        Assert.Equal(content, (await container.GetBlobClient("upload/contested").DownloadContentAsync(Bench.Cancel)).Value.Content.ToArray());
    }

    [Fact]
    public async Task A_name_that_holds_something_else_is_refused_and_left_alone()
    {
        await day.Ready();
        var (path, _) = await Image("late.bin");
        var container = Container(new Blocks());
        await container.GetBlobClient("upload/taken").UploadAsync(BinaryData.FromString("first"), Bench.Cancel);
        Assert.Equal("blob-length", (await ImageUpload.Run(container, "upload/taken", path, Bytes, new Progress(), Bench.Cancel))?.Code);
        Assert.Equal("first", (await container.GetBlobClient("upload/taken").DownloadContentAsync(Bench.Cancel)).Value.Content.ToString());
    }

    [Fact]
    public async Task A_file_that_changed_since_it_was_hashed_is_refused()
    {
        await day.Ready();
        var (path, _) = await Image("changed.bin");
        Assert.Equal("image-changed", (await ImageUpload.Run(Container(new Blocks()), "upload/changed", path, Bytes + 1, new Progress(), Bench.Cancel))?.Code);
        Assert.Equal("image-changed", (await ImageUpload.Run(Container(new Blocks()), "upload/changed", path, Bytes - 1, new Progress(), Bench.Cancel))?.Code);
        Assert.False(await Container(new Blocks()).GetBlobClient("upload/changed").ExistsAsync(Bench.Cancel));
    }

    [Theory]
    [InlineData("another file", "blob-length")]
    [InlineData("the same file", null)]
    public async Task A_name_taken_while_the_blocks_were_on_their_way_is_looked_at(string faster, string? code)
    {
        await day.Ready();
        var (path, _) = await Image("raced.bin");
        var name = $"upload/raced {faster}".Replace(' ', '-');
        var other = Container(new Blocks());
        // Another run of this upload; or somebody who takes the name for something else.
        async Task Faster()
        {
            if (faster == "the same file") Assert.Null(await ImageUpload.Run(other, name, path, Bytes, new Progress(), Bench.Cancel));
            else await other.GetBlobClient(name).UploadAsync(BinaryData.FromString("another"), Bench.Cancel);
        }
        var blocks = new Blocks { BeforeCommit = Faster };
        Assert.Equal(code, (await ImageUpload.Run(Container(blocks), name, path, Bytes, new Progress(), Bench.Cancel))?.Code);
    }

    private BlobContainerClient Container(Blocks blocks)
    {
        var options = new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(LocalTrust.Handler(day.Cloud.Authority))) };
        options.AddPolicy(blocks, HttpPipelinePosition.PerCall);
        return new BlobServiceClient(day.Cloud.Storage.BlobServiceUri, day.Cloud.Credential(LocalTenant.ReleaseEngineer), options).GetBlobContainerClient("firmware");
    }

    private async Task<(string Path, byte[] Content)> Image(string name)
    {
        var content = new byte[Bytes];
        new Random(BitConverter.ToInt32(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)))).NextBytes(content);
        await File.WriteAllBytesAsync(_bench[name], content, Bench.Cancel);
        return (_bench[name], content);
    }

    private sealed class Progress : IProgress<long>
    {
        private long _latest;

        public long Latest => Interlocked.Read(ref _latest);

        public void Report(long value) => Interlocked.Exchange(ref _latest, Math.Max(value, _latest));
    }

    /// <summary>Counts blocks that go out, and cuts the line after some.</summary>
    private sealed class Blocks : HttpPipelinePolicy
    {
        private int _staged;

        public int StageMax { get; set; } = int.MaxValue;

        public Func<Task>? BeforeCommit { get; set; }

        public int Staged => _staged;

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            if (message.Request.Uri.Query.Contains("comp=block&", StringComparison.Ordinal))
            {
                if (Interlocked.Increment(ref _staged) > StageMax)
                {
                    Interlocked.Decrement(ref _staged);
                    throw new IOException("the line was cut");
                }
            }
            if (message.Request.Method == RequestMethod.Put && message.Request.Uri.Query.Contains("comp=blocklist", StringComparison.Ordinal) && BeforeCommit is { } act)
            {
                BeforeCommit = null;
                await act();
            }
            await ProcessNextAsync(message, pipeline);
        }
    }
}
