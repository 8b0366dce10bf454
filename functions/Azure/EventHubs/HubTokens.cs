using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Azure.Core;
using Serverless.EventHubs.Wire;

namespace Serverless.EventHubs;

/// <summary>Claims-based security: puts a token for each entity that links use on <c>$cbs</c>, and renews it before its end.</summary>
internal sealed class HubTokens : IAsyncDisposable
{
    private static readonly TokenRequestContext Scope = new(["https://eventhubs.azure.net/.default"]);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _renewAt = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _one = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly RequestLink _cbs;
    private readonly TokenCredential _credential;
    private readonly TimeProvider _clock;
    private readonly EventHubsClientOptions _options;
    private readonly Task _renewing;

    public HubTokens(RequestLink cbs, TokenCredential credential, TimeProvider clock, EventHubsClientOptions options)
    {
        (_cbs, _credential, _clock, _options) = (cbs, credential, clock, options);
        _renewing = Task.Run(Renew);
    }

    /// <summary>Makes sure that the broker holds a token for an audience.</summary>
    /// <param name="audience">Such as <c>amqps://ns.servicebus.windows.net/hub</c>.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    /// <exception cref="AmqpException">Refused: <c>amqp:unauthorized-access</c>.</exception>
    public async Task Authorise(string audience, CancellationToken cancel)
    {
        if (_renewAt.TryGetValue(audience, out var due) && due > _clock.GetUtcNow()) return;
        await Put(audience, cancel).ConfigureAwait(false);
    }

    /// <summary>Authorises, then opens a link; if the broker no longer knows the token, once more with a fresh one.</summary>
    /// <typeparam name="T">The link.</typeparam>
    /// <param name="audience">The audience.</param>
    /// <param name="open">Opens the link.</param>
    /// <param name="cancel">Cancels, also by time.</param>
    public async Task<T> Opening<T>(string audience, Func<Task<T>> open, CancellationToken cancel)
    {
        var known = _renewAt.ContainsKey(audience);
        await Authorise(audience, cancel).ConfigureAwait(false);
        try
        {
            return await open().ConfigureAwait(false);
        }
        catch (AmqpException refused) when (known && ClientLinks.Condition(refused.Error) == Conditions.Unauthorized)
        {
            await Put(audience, cancel).ConfigureAwait(false);
            return await open().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        _stop.Dispose();
        _one.Dispose();
    }

    private async Task Put(string audience, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var token = await _credential.GetTokenAsync(Scope, cancel).ConfigureAwait(false);
            var request = new Message
            {
                ApplicationProperties = new ApplicationProperties { ["operation"] = "put-token", ["type"] = "jwt", ["name"] = audience },
                BodySection = new AmqpValue { Value = token.Token },
            };
            var answer = await _cbs.Ask(request, cancel).ConfigureAwait(false);
            if (answer.Status is < 200 or > 299)
            {
                throw new AmqpException(new Error(new Amqp.Types.Symbol(answer.Status == 404 ? Conditions.NotFound : Conditions.Unauthorized)) { Description = answer.Description });
            }

            _renewAt[audience] = RenewAt(token);
        }
        finally
        {
            _one.Release();
        }
    }

    private DateTimeOffset RenewAt(AccessToken token)
    {
        var now = _clock.GetUtcNow();
        var third = (token.ExpiresOn - now) / 3;
        return token.ExpiresOn - (third < _options.TokenRenewal ? third : _options.TokenRenewal);
    }

    private async Task Renew()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(1), _clock, _stop.Token).ConfigureAwait(false);
                var now = _clock.GetUtcNow();
                foreach (var (audience, due) in _renewAt)
                {
                    if (due <= now) await PutInTime(audience).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // A credential may throw anything; whatever it was, the next try or the broker's detach tells the caller.
            catch (Exception)
#pragma warning restore CA1031
            {
                // Tried again in a second. If it never works, the broker detaches the links and the caller meets the reason there.
            }
        }
    }

    private async Task PutInTime(string audience)
    {
        using var limit = new CancellationTokenSource(_options.TryTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
        await Put(audience, either.Token).ConfigureAwait(false);
    }
}
