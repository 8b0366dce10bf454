using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.Desk;

/// <summary>How many devices will be cut off by the end of their certificates.</summary>
internal sealed class ForecastDesk(IDeviceLedger ledger, LifecycleSettings settings, TimeProvider clock)
{
    /// <summary>Most weeks ahead.</summary>
    public const int WeeksMax = 104;

    private const int PagesMax = 100; // 100,000 rows: what one request may read

    /// <summary>Counts by week.</summary>
    /// <param name="weeks">Weeks ahead, 1 to <see cref="WeeksMax"/>.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The forecast, which says whether every device was read; or <c>weeks-range</c>.</returns>
    public async Task<Parsed<ForecastBody>> Show(int weeks, CancellationToken cancel)
    {
        if (weeks is < 1 or > WeeksMax) return new Fault("weeks-range", "weeks");
        var (now, count, pages, after) = (clock.GetUtcNow(), 0, 0, (string?)null);
        var sums = new (int CutOff, int OutOfReach)[weeks];
        do
        {
            if (!(await ledger.List(new DeviceQuery(), after, 1000, cancel).ConfigureAwait(false)).TryGet(out var page, out var fault)) return fault;
            count += page.Items.Count;
            var part = Expiry.Forecast(page.Items, now, weeks, settings.SilentAfter);
            for (var week = 0; week < weeks; week++) sums[week] = (sums[week].CutOff + part[week].CutOff, sums[week].OutOfReach + part[week].OutOfReach);
            after = page.Next;
        }
        while (after is not null && ++pages < PagesMax);
        return new ForecastBody(count, after is null, [.. sums.Select((sum, week) => new WeekForecast(now + (week * TimeSpan.FromDays(7)), sum.CutOff, sum.OutOfReach))]);
    }
}
