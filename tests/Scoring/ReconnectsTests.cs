using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Serverless.Telemetry.Scoring;

namespace Serverless.Scoring.Tests;

/// <summary>Who holds a device's key shows in how often its connection begins anew.</summary>
public class ReconnectsTests
{
    private const long Start = Streams.Start, Minute = 60_000, Hour = 60 * Minute, Day = 24 * Hour;
    private static readonly DeviceLimits Limits = new();

    [Fact]
    public void Two_holders_of_one_key_are_found_within_ten_minutes_of_turns_a_minute_apart_and_told_once()
    {
        var device = new Device(Limits);
        for (var day = 0; day < 5; day++) device.Connect(Start + (day * Day));
        var began = Start + (4 * Day) + (9 * Hour);
        for (var turn = 0; turn < 180; turn++) device.Connect(began + (turn * Minute));
        var finding = Assert.Single(device.Found);
        Assert.Equal((FindingKind.Reconnects, -1), (finding.Kind, finding.Metric));
        Assert.InRange(finding.AtMs - began, 5 * Minute, 10 * Minute);
        Assert.Equal(began, finding.SinceMs);
        Assert.Equal(6, finding.Limit);
        var why = Explanation.Of(finding, "");
        Assert.Equal("connected anew 6.7 times within about an hour", why.Seen);
        Assert.Equal("at most 1 as until now", why.Expected);
        Assert.Equal("at most 6 connects within about an hour", why.Silent);
        Assert.Contains("6.66 connects against a limit of 6", why.Weight, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10)] // a sensor that sleeps between messages
    [InlineData(15)]
    [InlineData(45)]
    public void A_device_that_connects_for_every_message_is_quiet_until_it_does_so_three_times_as_often(int minutes)
    {
        var device = new Device(Limits);
        var at = Start;
        for (; at < Start + (6 * Day); at += minutes * Minute) device.Connect(at);
        Assert.Empty(device.Found);
        for (var end = at + (6 * Hour); at < end; at += Math.Min(5, minutes / 3) * Minute) device.Connect(at);
        Assert.Single(device.Found);
    }

    [Fact]
    public void During_the_first_day_the_answer_is_not_yet()
    {
        var device = new Device(Limits);
        for (var at = Start; at < Start + Day; at += Minute) device.Connect(at);
        Assert.Empty(device.Found);
    }

    [Fact]
    public void Trouble_that_returns_at_the_same_strength_is_habit_and_twice_as_much_is_news()
    {
        var device = new Device(Limits);
        for (var day = 0; day < 3; day++) device.Connect(Start + (day * Day));
        void Night(int day, int connects)
        {
            for (var i = 0; i < connects; i++) device.Connect(Start + (day * Day) + (i * Minute));
        }

        Night(3, 8);
        Assert.Single(device.Found);
        Night(4, 8);
        Night(5, 9);
        Assert.Single(device.Found);
        Night(6, 20);
        Assert.Equal(2, device.Found.Count);
    }

    [Fact]
    public void The_greatest_count_is_forgotten_over_months()
    {
        var device = new Device(Limits);
        for (var i = 0; i < 40; i++) device.Connect(Start + (i * Minute));
        var after = device.State.Most;
        for (var day = 1; day < 90; day++) device.Connect(Start + (day * Day));
        Assert.InRange(device.State.Most, after * Math.Exp(-3) * 0.9, after * Math.Exp(-3) * 1.2);
    }

    [Fact]
    public void An_event_that_comes_twice_or_late_counts_once_and_a_lower_number_an_hour_later_is_another_hubs()
    {
        var device = new Device(Limits);
        device.Connect(Start, 500);
        device.Connect(Start + Minute, 600);
        foreach (var number in (ulong[])[600, 599, 1]) device.Connect(Start + (2 * Minute), number);
        Assert.Equal(2, Math.Ceiling(device.State.Recent));
        device.Connect(Start + (2 * Hour), 2);
        Assert.InRange(device.State.Recent, 1.2, 1.4);
        Assert.False(device.State.IsNew(Number(2), Start + (2 * Hour)));
    }

    [Fact]
    public void The_count_is_what_a_naive_sum_over_all_connects_says()
    {
        var (device, random, all, at) = (new Device(Limits), new Random(1), new List<long>(), Start);
        for (var i = 0; i < 2000; i++)
        {
            at += random.Next(2 * (int)Hour);
            all.Add(at);
            Assert.Equal(all.Sum(one => Math.Exp((one - at) / (double)Reconnects.MemoryMs)), device.State.Score(at), 1e-3);
            device.Connect(at);
        }
    }

    [Theory] // each day somewhat different from the last: a few connects by chance, and now and then a bad hour
    [InlineData(0.3, 0, 0)]
    [InlineData(2, 0, 0)]
    [InlineData(24, 0, 0)]
    [InlineData(1, 0.05, 6)]
    public void A_quiet_fleet_keeps_the_budget(double aDay, double badHoursADay, int connectsMost)
    {
        const int Devices = 300, Days = 60;
        var alerts = 0;
        for (var seed = 0; seed < Devices; seed++)
        {
            var (device, random) = (new Device(Limits), new Random(seed));
            var connects = new List<long>();
            for (var at = Wait(random, aDay); at < Days; at += Wait(random, aDay)) connects.Add(Start + (long)(at * Day));
            for (var at = badHoursADay == 0 ? Days : Wait(random, badHoursADay); at < Days; at += Wait(random, badHoursADay))
            {
                for (var i = random.Next(1, connectsMost + 1); i > 0; i--) connects.Add(Start + (long)(at * Day) + random.Next((int)Hour));
            }

            foreach (var at in connects.Order()) device.Connect(at);
            alerts += device.Found.Count;
        }

        Assert.InRange(alerts / (double)(Devices * Days), 0, Limits.AlertsPerDeviceDay / 2);
    }

    [Fact]
    public void A_smaller_budget_asks_for_more_and_a_larger_one_for_no_less()
    {
        Assert.Equal(6, default(Reconnects).LimitOf(Limits));
        Assert.Equal(6, default(Reconnects).LimitOf(Limits with { AlertsPerDeviceDay = 0.1 }));
        Assert.Equal(12, default(Reconnects).LimitOf(Limits with { AlertsPerDeviceDay = 0.0025 }), 1e-9);
    }

    [Fact]
    public void Hostile_times_make_no_count_that_is_not_a_number_and_the_bytes_are_the_state()
    {
        var (random, device, copy) = (new Random(3), new Device(Limits), new Device(Limits));
        long[] times = [0, -1, long.MinValue, long.MaxValue, Start, Start + 1, 253_402_300_799_999];
        for (var i = 0; i < 500; i++)
        {
            var at = times[random.Next(times.Length)];
            device.Connect(at);
            copy.Connect(at);
            Assert.InRange(device.State.Recent, 1, 501);
            Assert.InRange(device.State.Most, 0, 501);
            var bytes = new byte[Unsafe.SizeOf<Reconnects>()];
            MemoryMarshal.Write(bytes, copy.State);
            copy.State = MemoryMarshal.Read<Reconnects>(bytes); // as if every connect came to another process
            Assert.Equal((device.State.Recent, device.State.Most, device.Found.Count), (copy.State.Recent, copy.State.Most, copy.Found.Count));
        }
    }

    private static double Wait(Random random, double aDay) => -Math.Log(1 - random.NextDouble()) / aDay;

    private static Reconnects.Number Number(ulong value)
    {
        var number = default(Reconnects.Number);
        BinaryPrimitives.WriteUInt64BigEndian(((Span<byte>)number)[^8..], value);
        return number;
    }

    private sealed class Device(DeviceLimits limits)
    {
        private ulong _number = 1000;

        public Reconnects State;

        public List<Finding> Found { get; } = [];

        public void Connect(long atMs) => Connect(atMs, ++_number);

        public void Connect(long atMs, ulong number)
        {
            if (State.IsNew(Number(number), atMs) && State.Observe(Number(number), atMs, limits, out var finding)) Found.Add(finding);
        }
    }
}
