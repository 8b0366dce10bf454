using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace Serverless.Rest.Tests;

public sealed class RateBudgetTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task The_last_place_of_a_window_is_given_and_the_next_must_wait_until_the_first_has_left_it()
    {
        using var budget = new RateBudget(2, Minute, _clock);
        (await Take(budget)).Dispose();
        _clock.Advance(TimeSpan.FromSeconds(1));
        (await Take(budget)).Dispose();
        Assert.Equal(0, budget.Free);

        var third = budget.Take("", TimeSpan.FromMinutes(5), Cancel);
        _clock.Advance(TimeSpan.FromMilliseconds(58_998)); // 59.998 s after the first
        Assert.False(third.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(3));
        Assert.NotNull(await third.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
    }

    [Fact]
    public async Task An_operation_counts_until_a_window_after_its_end_so_that_delays_cannot_pile_up_at_the_service()
    {
        using var budget = new RateBudget(1, Minute, _clock);
        var slow = await Take(budget);
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(0, budget.Free); // still on its way
        slow.Dispose();
        _clock.Advance(Minute - TimeSpan.FromTicks(1));
        Assert.Equal(0, budget.Free);
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(1, budget.Free);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(20)]
    public async Task No_window_however_placed_sees_more_than_the_budget(int operations)
    {
        // 100 callers, each arriving at the service at a random instant of its call. That a busy machine notices late who was served only makes a call begin later.
        using var budget = new RateBudget(operations, Minute, _clock);
        var random = new Random(operations);
        var arrivals = new List<DateTimeOffset>();
        var waiting = Enumerable.Range(0, 100).Select(_ => budget.Take("", TimeSpan.FromDays(49), Cancel)).ToList();
        var calls = new List<(IDisposable Place, DateTimeOffset End)>();
        for (var began = Stopwatch.GetTimestamp(); waiting.Count + calls.Count > 0 && Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1);)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
            var now = _clock.GetUtcNow();
            foreach (var served in waiting.Where(take => take.IsCompleted).ToList())
            {
                waiting.Remove(served);
                arrivals.Add(now.AddMilliseconds(random.Next(1, 3000)));
                calls.Add((Assert.IsAssignableFrom<IDisposable>(await served), arrivals[^1].AddMilliseconds(random.Next(1, 3000))));
            }

            foreach (var over in calls.Where(call => call.End <= now).ToList())
            {
                calls.Remove(over);
                over.Place.Dispose();
            }
        }

        Assert.Equal(100, arrivals.Count);
        foreach (var from in arrivals) Assert.InRange(arrivals.Count(at => at >= from && at < from + Minute), 1, operations);
    }

    [Fact]
    public async Task Pieces_of_work_take_turns_and_keep_their_own_order()
    {
        using var budget = new RateBudget(1, Minute, _clock);
        var first = await Take(budget);
        var order = new List<string>();
        async Task Wait(string work, string name)
        {
            using var place = await budget.Take(work, TimeSpan.FromHours(1), Cancel);
            lock (order) order.Add(name);
        }

        var waits = new[] { Wait("sweep", "s1"), Wait("sweep", "s2"), Wait("sweep", "s3"), Wait("request", "r1"), Wait("request", "r2") };
        first.Dispose();
        var all = Task.WhenAll(waits);
        for (var i = 0; i < 2000 && !all.IsCompleted; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(all, Task.Delay(1, Cancel));
        }

        await all.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal(["s1", "r1", "s2", "r2", "s3"], order);
    }

    [Fact]
    public async Task Patience_ends_and_leaves_the_queue_to_others()
    {
        using var budget = new RateBudget(1, Minute, _clock);
        var held = await Take(budget);
        var impatient = budget.Take("a", TimeSpan.FromSeconds(5), Cancel);
        var patient = budget.Take("a", TimeSpan.FromHours(1), Cancel);

        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(await impatient.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
        held.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(61));
        Assert.NotNull(await patient.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
    }

    [Fact]
    public async Task A_cancelled_waiter_takes_no_place()
    {
        using var budget = new RateBudget(1, Minute, _clock);
        var held = await Take(budget);
        using var stop = new CancellationTokenSource();
        var cancelled = budget.Take("a", TimeSpan.FromHours(1), stop.Token);
        var next = budget.Take("a", TimeSpan.FromHours(1), Cancel);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        held.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(61));
        Assert.NotNull(await next.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
    }

    [Fact]
    public async Task A_pause_holds_everybody_and_the_longer_pause_wins()
    {
        using var budget = new RateBudget(5, Minute, _clock);
        budget.Pause(TimeSpan.FromSeconds(10));
        budget.Pause(TimeSpan.FromSeconds(3));
        var waiting = budget.Take("", TimeSpan.FromMinutes(1), Cancel);
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(waiting.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.NotNull(await waiting.WaitAsync(TimeSpan.FromSeconds(10), Cancel));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void A_budget_of_nothing_is_a_bug(int operations, int seconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RateBudget(operations, TimeSpan.FromSeconds(seconds), _clock).Dispose());

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<IDisposable> Take(RateBudget budget)
    {
        var place = await budget.Take("", TimeSpan.Zero, Cancel);
        Assert.NotNull(place);
        return place;
    }
}
