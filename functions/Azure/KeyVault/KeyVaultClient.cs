using System.Buffers.Text;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Serverless.Faults;

namespace Serverless.KeyVault;

/// <summary>The keys of one vault: read a key, list its versions, sign a digest.</summary>
/// <remarks>Thread-safe; one a process and vault is enough. Every call answers a value or a refusal, and throws for outages only.
/// Further refusals of every call: <c>challenge-malformed</c>, <c>challenge-resource</c> (whoever answered wants a token that is no vault's),
/// <c>vault-unauthorized</c>, <c>vault-request</c>, <c>vault-answer</c> (an answer that is not what was asked for), <c>key-id</c>,
/// <c>key-forbidden</c>, <c>key-not-found</c>.</remarks>
public sealed class KeyVaultClient
{
    /// <summary>Pages read of one list; a vault keeps far fewer versions, so more is a loop.</summary>
    public const int PagesMax = 1000;

    private readonly HttpPipeline _pipeline;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _bound;

    /// <summary>Prepares a client; nothing is sent yet.</summary>
    /// <param name="vaultUri">The vault's origin, https. Trusted: whoever sets it chooses whose keys sign.</param>
    /// <param name="credential">Who we are.</param>
    /// <param name="clock">Wall clock: for the validity of keys and tokens.</param>
    /// <param name="options">Transport, retries.</param>
    /// <exception cref="ArgumentException">Not an https origin.</exception>
    public KeyVaultClient(Uri vaultUri, TokenCredential credential, TimeProvider clock, KeyVaultClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(vaultUri);
        if (vaultUri.Scheme != Uri.UriSchemeHttps || vaultUri.PathAndQuery != "/" || vaultUri.UserInfo.Length > 0) throw new ArgumentException("A vault is an https origin.", nameof(vaultUri));
        options ??= new KeyVaultClientOptions();
        Vault = new Uri(vaultUri.GetLeftPart(UriPartial.Authority) + "/");
        (_clock, _bound) = (clock, options.Bound);
        _pipeline = HttpPipelineBuilder.Build(options, new ChallengePolicy(Vault, new VaultTokens(credential, clock)));
    }

    /// <summary>The vault.</summary>
    public Uri Vault { get; }

    /// <summary>Reads a key.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Which version; <see langword="null"/> for the one that is current now, which the answer names.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The key, or <c>key-type</c>, <c>key-version</c> (the vault answered for another key), or a refusal of every call.</returns>
    /// <exception cref="KeyVaultOutageException">The vault could not be asked.</exception>
    public async Task<Parsed<VaultKey>> GetKey(string name, string? version, CancellationToken cancel)
    {
        CheckName(name);
        if (version is not null && !VaultKeyId.IsVersion(version)) return new Fault("key-id", "version");
        var answer = await Call(RequestMethod.Get, $"/keys/{name}/{version}", body: null, cancel).ConfigureAwait(false);
        if (!answer.Then<VaultKey>(bytes => Answers.Key(bytes)).TryGet(out var key, out var fault)) return fault;
        return key.Id == new VaultKeyId(Vault, name, version ?? key.Id.Version) ? key : new Fault("key-version", "key.kid");
    }

    /// <summary>Lists a key's versions, all pages, newest first.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <param name="pageSize">Entries asked for a page, 1 to 25; the vault may send fewer.</param>
    /// <returns>The versions by creation, newest first; or a refusal of every call.</returns>
    /// <exception cref="KeyVaultOutageException">The vault could not be asked.</exception>
    public async Task<Parsed<IReadOnlyList<KeyVersion>>> ListVersions(string name, CancellationToken cancel, int pageSize = 25)
    {
        CheckName(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(pageSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageSize, 25); // the service's own limit
        var versions = new List<KeyVersion>();
        var uri = new RequestUriBuilder();
        uri.Reset(Vault);
        uri.AppendPath($"/keys/{name}/versions", escape: false);
        uri.AppendQuery("api-version", KeyVaultClientOptions.ApiVersion);
        uri.AppendQuery("maxresults", pageSize.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var next = uri.ToUri();
        for (var page = 0; page < PagesMax; page++)
        {
            var answer = await Send(RequestMethod.Get, next, body: null, cancel).ConfigureAwait(false);
            if (!answer.Then<(List<KeyVersion> Versions, string? Next)>(bytes => Answers.Page(bytes)).TryGet(out var read, out var fault)) return fault;
            if (read.Versions.Any(one => one.Id != new VaultKeyId(Vault, name, one.Id.Version))) return new Fault("vault-answer", "value.*.kid");
            versions.AddRange(read.Versions);
            if (read.Next is null) return versions.OrderByDescending(one => one.Attributes.Created).ThenBy(one => one.Id.Version, StringComparer.Ordinal).ToArray();
            // The link carries the vault's place; it must not carry our token away.
            if (!Uri.TryCreate(read.Next, UriKind.Absolute, out next) || next.Scheme != Uri.UriSchemeHttps || next.Authority != Vault.Authority) return new Fault("vault-answer", "nextLink");
        }
        return new Fault("vault-answer", "nextLink");
    }

    /// <summary>Signs a digest with exactly the key version given.</summary>
    /// <param name="key">From <see cref="GetKey"/>: so its version is pinned and its signatures can be verified here.</param>
    /// <param name="digest">The digest of <see cref="SigningCurve.DigestBytes"/> bytes.</param>
    /// <param name="cancel">The caller's patience; a signature that is not fetched harms nothing.</param>
    /// <returns>The signature, verified; or <c>key-disabled</c>, <c>key-not-yet-valid</c>, <c>key-expired</c>, <c>key-operation</c> (not
    /// even asked), <c>key-version</c> (another version signed), <c>signature-wrong</c> (it does not verify: nothing of it may be used),
    /// or a refusal of every call.</returns>
    /// <exception cref="KeyVaultOutageException">The vault could not be asked.</exception>
    /// <exception cref="ArgumentException">A digest of another length, or a key of another vault: bugs.</exception>
    public async Task<Parsed<VaultSignature>> Sign(VaultKey key, ReadOnlyMemory<byte> digest, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (digest.Length != key.Curve.DigestBytes) throw new ArgumentException($"{key.Curve.Algorithm} signs digests of {key.Curve.DigestBytes} bytes.", nameof(digest));
        if (key.Id.Vault != Vault) throw new ArgumentException("A key of another vault.", nameof(key));
        if (key.RefusesSigningAt(_clock.GetUtcNow()) is { } refused) return refused;

        // Both values are of a fixed alphabet, so the text needs no escaping.
        var body = BinaryData.FromString($"{{\"alg\":\"{key.Curve.Algorithm}\",\"value\":\"{Base64Url.EncodeToString(digest.Span)}\"}}");
        var answer = await Call(RequestMethod.Post, $"/keys/{key.Id.Name}/{key.Id.Version}/sign", body, cancel).ConfigureAwait(false);
        if (!answer.Then<VaultSignature>(bytes => Answers.Signature(bytes)).TryGet(out var signature, out var fault)) return fault;
        if (signature.Key != key.Id) return new Fault("key-version", "kid");
        return key.Verifies(digest.Span, signature.Value.Span) ? signature : new Fault("signature-wrong", "value");
    }

    private static void CheckName(string name)
    {
        if (!VaultKeyId.IsName(name)) throw new ArgumentException("A key's name has 1 to 127 letters, digits and dashes.", nameof(name));
    }

    private Task<Parsed<ReadOnlyMemory<byte>>> Call(RequestMethod method, string path, BinaryData? body, CancellationToken cancel) =>
        Send(method, new Uri(Vault, $"{path}?api-version={KeyVaultClientOptions.ApiVersion}"), body, cancel);

    private async Task<Parsed<ReadOnlyMemory<byte>>> Send(RequestMethod method, Uri uri, BinaryData? body, CancellationToken cancel)
    {
        using var bound = new CancellationTokenSource(_bound, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, cancel);
        using var message = _pipeline.CreateMessage();
        message.BufferResponse = false; // read below, up to a bound
        message.Request.Method = method;
        message.Request.Uri.Reset(uri);
        message.Request.Headers.Add(HttpHeader.Common.JsonAccept);
        if (body is not null)
        {
            message.Request.Headers.Add(HttpHeader.Common.JsonContentType);
            message.Request.Content = RequestContent.Create(body);
        }

        try
        {
            await _pipeline.SendAsync(message, either.Token).ConfigureAwait(false);
            var answer = await ReadBounded(message.Response.ContentStream, either.Token).ConfigureAwait(false);
            if (message.Response.Status == 200) return answer is { } taken ? taken : new Fault("vault-answer", "length");
            return Refusals.Of(message.Response.Status, answer ?? default) ?? throw new KeyVaultOutageException($"{method} {uri.AbsolutePath} answered {message.Response.Status}", message.Response.Status);
        }
        catch (ChallengeRefusedException refused)
        {
            return refused.Fault;
        }
        catch (Exception failure) when (IsOutage(failure, cancel))
        {
            throw new KeyVaultOutageException($"{method} {uri.AbsolutePath} failed: {failure.GetType().Name}", 0, failure);
        }
    }

    // AggregateException: the pipeline collects what each try threw. A cancellation that is not the caller's is a timeout of ours.
    private static bool IsOutage(Exception failure, CancellationToken cancel) => failure switch
    {
        OperationCanceledException => !cancel.IsCancellationRequested,
        AggregateException many => many.InnerExceptions.All(one => IsOutage(one, cancel)),
        KeyVaultOutageException => false,
        RequestFailedException or IOException or HttpRequestException => true,
        _ => false,
    };

    private static async Task<ReadOnlyMemory<byte>?> ReadBounded(Stream? content, CancellationToken cancel)
    {
        if (content is null) return ReadOnlyMemory<byte>.Empty;
        var buffer = new byte[4096];
        var filled = 0;
        while (true)
        {
            var read = await content.ReadAsync(buffer.AsMemory(filled), cancel).ConfigureAwait(false);
            if (read == 0) return buffer.AsMemory(0, filled);
            filled += read;
            if (filled > Answers.BytesMax) return null;
            if (filled == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        }
    }
}
