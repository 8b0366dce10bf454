using System.Diagnostics.Tracing;
using System.Net;
using Azure.Core.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.KeyVault.Tests;

public class OutageTests
{
    [Theory]
    [InlineData(400, "BadParameter", null, "vault-request")]
    [InlineData(401, "Unauthorized", null, "vault-unauthorized")]
    [InlineData(403, "Forbidden", "ForbiddenByRbac", "key-forbidden")]
    [InlineData(403, "Forbidden", "ForbiddenByFirewall", "key-forbidden")]
    [InlineData(403, "Forbidden", null, "key-forbidden")]
    [InlineData(403, "Forbidden", "KeyDisabled", "key-disabled")]
    [InlineData(403, "Forbidden", "KeyExpired", "key-expired")]
    [InlineData(403, "Forbidden", "KeyNotYetValid", "key-not-yet-valid")]
    [InlineData(403, "KeyOperationForbidden", null, "key-operation")]
    [InlineData(404, "KeyNotFound", null, "key-not-found")]
    public void A_refusal_has_a_stable_code(int status, string code, string? inner, string expected)
    {
        var innerError = inner is null ? "" : ",\"innererror\":{\"code\":\"" + inner + "\"}";
        var body = System.Text.Encoding.UTF8.GetBytes($$"""{"error":{"code":"{{code}}","message":"of object 123 at 10.0.0.1"{{innerError}} } }""");
        Assert.Equal(expected, Refusals.Of(status, body)?.Code);
        Assert.DoesNotContain("123", Refusals.Of(status, body)!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_busy_vault_is_asked_again_and_then_it_is_an_outage(int status)
    {
        using var vault = Scripted.Says(_ => """{"error":{"code":"Throttled"}}""", (HttpStatusCode)status);
        var outage = await Assert.ThrowsAsync<KeyVaultOutageException>(() => vault.Client().GetKey("release", null, Scripted.Cancel));
        Assert.Equal(status, outage.Status);
        Assert.Equal(1 + 1 + 5, vault.Seen.Count); // the challenge, the call, five retries
    }

    [Fact]
    public async Task A_vault_that_recovers_is_only_slow()
    {
        using var own = new Scripted((_, _) => throw new InvalidOperationException());
        var left = 3;
        using var vault = new Scripted((request, _) => request.Headers.Authorization is null ? Scripted.Unauthorized(Scripted.Challenge)
            : left-- > 0 ? Scripted.Json(HttpStatusCode.TooManyRequests, "{}") : Scripted.Json(HttpStatusCode.OK, own.Bundle()));
        Assert.Null((await vault.Client().GetKey("release", null, Scripted.Cancel)).Fault);
        Assert.Equal(5, vault.Seen.Count);
    }

    [Fact]
    public async Task A_conflict_with_a_deletion_under_way_is_an_outage_not_a_refusal()
    {
        using var vault = Scripted.Says(_ => """{"error":{"code":"Conflict"}}""", HttpStatusCode.Conflict);
        Assert.Equal(409, (await Assert.ThrowsAsync<KeyVaultOutageException>(() => vault.Client().GetKey("release", null, Scripted.Cancel))).Status);
    }

    [Fact]
    public async Task A_vault_that_cannot_be_reached_is_an_outage()
    {
        using var vault = new Scripted((_, _) => throw new HttpRequestException("no such host"));
        Assert.Equal(0, (await Assert.ThrowsAsync<KeyVaultOutageException>(() => vault.Client().GetKey("release", null, Scripted.Cancel))).Status);
    }

    [Fact]
    public async Task A_vault_that_breaks_off_its_answer_is_an_outage()
    {
        using var vault = new Scripted((request, _) => request.Headers.Authorization is null
            ? Scripted.Unauthorized(Scripted.Challenge)
            : new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Broken()) });
        await Assert.ThrowsAsync<KeyVaultOutageException>(() => vault.Client().GetKey("release", null, Scripted.Cancel));
    }

    [Fact]
    public async Task A_vault_that_never_answers_is_an_outage_after_the_bound()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var asked = new TaskCompletionSource();
        using var vault = new Silent(asked);
        var options = LocalVault.Quick();
        options.Transport = new Azure.Core.Pipeline.HttpClientTransport(vault);
        options.Retry.NetworkTimeout = TimeSpan.FromHours(1);
        var call = new KeyVaultClient(Scripted.Vault, new Credential(), clock, options).GetKey("release", null, Scripted.Cancel);
        await asked.Task.WaitAsync(Scripted.Cancel);
        clock.Advance(options.Bound - TimeSpan.FromMilliseconds(1));
        Assert.False(call.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await Assert.ThrowsAsync<KeyVaultOutageException>(() => call);
    }

    [Fact]
    public async Task The_callers_own_cancellation_is_no_outage()
    {
        var asked = new TaskCompletionSource();
        using var vault = new Silent(asked);
        var options = LocalVault.Quick();
        options.Transport = new Azure.Core.Pipeline.HttpClientTransport(vault);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Scripted.Cancel);
        var call = new KeyVaultClient(Scripted.Vault, new Credential(), TimeProvider.System, options).GetKey("release", null, cancel.Token);
        await asked.Task.WaitAsync(Scripted.Cancel);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Neither_token_nor_digest_nor_signature_is_logged()
    {
        var lines = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var listener = new AzureEventSourceListener((arguments, message) => lines.Enqueue(message + string.Join(' ', arguments.Payload ?? (IEnumerable<object?>)[])), EventLevel.Verbose);
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release").Fault);
        var client = vault.Client();
        Assert.True((await client.GetKey("release", null, LocalVault.Cancel)).TryGet(out var key, out _));
        var digest = Enumerable.Repeat((byte)0xAB, 32).ToArray();
        Assert.True((await client.Sign(key, digest, LocalVault.Cancel)).TryGet(out var signed, out _));
        var (token, _) = vault.Tokens.Issue(LocalVault.Signer, Serverless.Local.Identity.Audiences.KeyVault);
        var all = string.Join('\n', lines);
        Assert.Contains("/sign", all, StringComparison.Ordinal); // the listener did listen
        Assert.DoesNotContain(token.Split('.')[1][..24], all, StringComparison.Ordinal);
        Assert.DoesNotContain(System.Buffers.Text.Base64Url.EncodeToString(digest), all, StringComparison.Ordinal);
        Assert.DoesNotContain(System.Buffers.Text.Base64Url.EncodeToString(signed.Value.Span), all, StringComparison.Ordinal);
    }

    private sealed class Silent(TaskCompletionSource asked) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new System.Diagnostics.UnreachableException();
        }
    }

    private sealed class Broken : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("connection reset");
    }
}
