using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Handler;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Timers;

/// <summary>Fires one timer function: at start if asked or past due, then by its schedule, one firing after the other.</summary>
internal sealed class TimerListener(FunctionsHostOptions options, FunctionDefinition function, Invoker invoker, ScheduleMonitor monitor, TimerLock singleton)
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromHours(12); // a clock may be set while we sleep
    private readonly TimerTrigger _trigger = (TimerTrigger)function.Trigger;
    private readonly TimeProvider _clock = options.ScheduleClock;

    /// <summary>Runs until cancelled. An outage of storage interrupts and is tried again.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (await singleton.TryTake(cancel).ConfigureAwait(false) is { } lease)
                {
                    using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    var holding = singleton.Hold(lease, lost.Token);
                    var firing = Fire(lost.Token);
                    await Task.WhenAny(holding, firing).ConfigureAwait(false);
                    await lost.CancelAsync().ConfigureAwait(false);
                    await holding.ConfigureAwait(false);
                    await firing.ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                options.Log.TimerInterrupted(error, options.Name, function.Name);
            }

            await Task.Delay(options.BalanceEvery, options.Clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One firing, beyond the schedule.</summary>
    public Task RunNow(CancellationToken cancel) => invoker.Run(
        function, (sys, retry) => TimerBody.Write(_trigger.Binding, null, isPastDue: false, sys, retry), cancel);

    private async Task Fire(CancellationToken cancel)
    {
        var start = _clock.GetUtcNow();
        var isMonitored = _trigger.UseMonitor && !_trigger.Schedule.IsShorterThanAMinute(start);
        var status = isMonitored ? await monitor.Read(cancel).ConfigureAwait(false) : null;
        if (isMonitored && status is null)
        {
            status = new ScheduleStatus(default, _trigger.Schedule.Next(start), start);
            await monitor.Write(status, cancel).ConfigureAwait(false);
        }

        if (status is not null && status.Next < start) status = await FireOnce(status, isMonitored, true, cancel).ConfigureAwait(false);
        else if (_trigger.RunOnStartup) status = await FireOnce(status, isMonitored, false, cancel).ConfigureAwait(false);
        while (true)
        {
            var next = _trigger.Schedule.Next(_clock.GetUtcNow());
            options.Log.TimerScheduled(options.Name, function.Name, next);
            await WaitUntil(next, cancel).ConfigureAwait(false);
            status = await FireOnce(status, isMonitored, false, cancel).ConfigureAwait(false);
        }
    }

    private async Task<ScheduleStatus?> FireOnce(ScheduleStatus? status, bool isMonitored, bool isPastDue, CancellationToken cancel)
    {
        await invoker.Run(function, (sys, retry) => TimerBody.Write(_trigger.Binding, status, isPastDue, sys, retry), cancel).ConfigureAwait(false);
        if (!isMonitored) return status;

        // Written after the invocation: a crash in between fires it again as past due, rather than never.
        var now = _clock.GetUtcNow();
        var done = new ScheduleStatus(now, _trigger.Schedule.Next(now), now);
        await monitor.Write(done, cancel).ConfigureAwait(false);
        return done;
    }

    private async Task WaitUntil(DateTimeOffset next, CancellationToken cancel)
    {
        while (next - _clock.GetUtcNow() is var left && left > TimeSpan.Zero)
        {
            if (left > WaitMax) left = WaitMax;
            await (_clock is CloudClock fast ? Task.Delay(Ceiling(fast.ToWall(left)), cancel) : Task.Delay(left, _clock, cancel)).ConfigureAwait(false);
        }
    }

    /// <summary>Delays count whole milliseconds and cut off: without this, the last part of one is waited for in a busy loop.</summary>
    private static TimeSpan Ceiling(TimeSpan span) => TimeSpan.FromMilliseconds(Math.Ceiling(span.TotalMilliseconds));
}
