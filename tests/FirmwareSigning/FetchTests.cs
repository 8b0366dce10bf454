using Microsoft.Extensions.Time.Testing;
using Serverless.FirmwareSigning.Device.Fetch;

namespace Serverless.FirmwareSigning.Tests;

/// <summary>Slow retrieval and other ways to keep a device waiting (FORMAT.md 6.3).</summary>
public class FetchTests
{
    private static readonly Uri Somewhere = new("http://repository.test/metadata/timestamp.json");
    private readonly FakeTimeProvider _clock = new();

    [Theory]
    [InlineData(10, null)]
    [InlineData(11, "fetch-length")]
    public async Task A_body_may_be_as_long_as_its_bound_and_no_longer(int length, string? fault) =>
        Assert.Equal(fault, (await Fetch(new TransportAnswer(200, null, 0, new MemoryStream(new byte[length]))).ReadWhole(Somewhere, 10, Token)).Fault?.Code);

    [Fact]
    public async Task A_length_that_is_announced_too_long_is_not_read_at_all() =>
        Assert.Equal("fetch-length", (await Fetch(new TransportAnswer(200, 11, 0, Stream.Null)).ReadWhole(Somewhere, 10, Token)).Fault?.Code);

    [Fact]
    public async Task A_server_that_never_answers_is_given_up()
    {
        var pending = new BoundedFetch(new Silent(), FetchLimits.Default, _clock).ReadWhole(Somewhere, 10, Token);
        _clock.Advance(FetchLimits.Default.AnswerWithin - TimeSpan.FromSeconds(1));
        Assert.False(pending.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("fetch-slow", (await pending).Fault?.Code);
    }

    [Fact]
    public async Task A_body_that_stalls_is_given_up()
    {
        var pending = Fetch(new TransportAnswer(200, null, 0, new Drip(_clock, TimeSpan.FromDays(1)))).ReadWhole(Somewhere, 1000, Token);
        await Elapse(pending, FetchLimits.Default.Window + TimeSpan.FromSeconds(1));
        Assert.Equal("fetch-slow", (await pending).Fault?.Code);
    }

    [Fact]
    public async Task A_body_that_drips_is_given_up_though_bytes_keep_coming()
    {
        var pending = Fetch(new TransportAnswer(200, null, 0, new Drip(_clock, TimeSpan.FromSeconds(1)))).ReadWhole(Somewhere, 1000, Token);
        await Elapse(pending, FetchLimits.Default.Window + TimeSpan.FromSeconds(1));
        Assert.Equal("fetch-slow", (await pending).Fault?.Code);
    }

    [Fact]
    public async Task A_body_just_fast_enough_is_still_bounded_in_total()
    {
        var limits = FetchLimits.Default with { WindowBytes = 5 };
        var fetch = new BoundedFetch(new Fixed(new TransportAnswer(200, null, 0, new Drip(_clock, TimeSpan.FromSeconds(1)))), limits, _clock);
        var pending = fetch.ReadWhole(Somewhere, 1000, Token);
        await Elapse(pending, limits.Whole + TimeSpan.FromSeconds(1));
        Assert.Equal("fetch-time", (await pending).Fault?.Code);
    }

    [Fact]
    public async Task A_resumed_download_must_begin_where_it_was_asked_to()
    {
        Assert.Equal("fetch-range", (await Fetch(new TransportAnswer(206, 5, 3, new MemoryStream(new byte[5]))).ReadRest(Somewhere, 5, 10, _ => null, Token))?.Code);
        Assert.Equal("fetch-status", (await Fetch(new TransportAnswer(200, 10, 0, new MemoryStream(new byte[10]))).ReadRest(Somewhere, 5, 10, _ => null, Token))?.Code);
        Assert.Null(await Fetch(new TransportAnswer(206, 5, 5, new MemoryStream(new byte[5]))).ReadRest(Somewhere, 5, 10, _ => null, Token));
        Assert.Equal("fetch-short", (await Fetch(new TransportAnswer(206, 5, 5, new MemoryStream(new byte[4]))).ReadRest(Somewhere, 5, 10, _ => null, Token))?.Code);
    }

    [Fact]
    public async Task The_callers_own_cancellation_is_not_turned_into_a_fault()
    {
        using var caller = new CancellationTokenSource();
        var pending = new BoundedFetch(new Silent(), FetchLimits.Default, _clock).ReadWhole(Somewhere, 10, caller.Token);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private BoundedFetch Fetch(TransportAnswer answer) => new(new Fixed(answer), FetchLimits.Default, _clock);

    // Virtual seconds, letting the reader run in between.
    private async Task Elapse(Task pending, TimeSpan span)
    {
        for (var second = 0; second < span.TotalSeconds && !pending.IsCompleted; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            for (var turn = 0; turn < 20 && !pending.IsCompleted; turn++) await Task.Yield();
        }
        Assert.Same(pending, await Task.WhenAny(pending, Task.Delay(TimeSpan.FromSeconds(20), Token)));
    }

    private sealed class Fixed(TransportAnswer answer) : ITransport
    {
        public Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel) => Task.FromResult(answer);
    }

    private sealed class Silent : ITransport
    {
        public async Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            throw new InvalidOperationException("unreachable");
        }
    }

    private sealed class Drip(TimeProvider clock, TimeSpan pause) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(pause, clock, cancellationToken);
            buffer.Span[0] = 1;
            return 1;
        }
    }
}
