using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Serverless.Hosting.Tests;

public class EventBatchPropertyTests
{
    private static readonly Gen<string> Text = Gen.Choose(0, 40).SelectMany(length => Gen.Frequency(
        (6, Gen.Choose(' ', '~')), (2, Gen.Elements((int)'"', '\\', '/', '\n', '\t', 0, 1, 0x1f, 0x7f)), (2, Gen.Elements(0xe9, 0x20ac, 0xfffd, 0x1f600, 0x10ffff)))
        .ListOf(length).Select(points => string.Concat(points.Select(char.ConvertFromUtf32))));

    private static readonly Gen<byte[]> Body = Gen.Frequency(
        (1, Gen.Constant(Array.Empty<byte>())),
        (4, Gen.Choose(0, 255).Select(i => (byte)i).ArrayOf()),
        (1, Gen.Choose(0, 5000).Select(length => Enumerable.Range(0, length).Select(i => (byte)(i * 31 % 256)).ToArray())));

    private static readonly Gen<object?> Value = Gen.OneOf(
        Text.Select(text => (object?)text), ArbMap.Default.GeneratorFor<long>().Select(number => (object?)number), Gen.Elements<object?>(true, false, null));

    // The reader guesses names by the event before: the same names again, some left out, some hard to spell.
    private static readonly string[] Recurring = ["level", "a\"", "\"\":", "a\\", "level2", "é", "\u0001", "", "iothub-connection-device-id", "\\\"\":"];

    private static readonly Gen<(string, object?)[]> Properties = Gen.OneOf(RecurringProperties(), RandomProperties());

    private static Gen<(string, object?)[]> RecurringProperties() => Gen.Choose(0, 1023).Zip(Value.ListOf(Recurring.Length))
        .Select(pair => Recurring.Zip(pair.Item2).Where((_, i) => (pair.Item1 >> i & 1) == 1).Select(one => (one.First, one.Second)).ToArray());

    private static Gen<(string, object?)[]> RandomProperties() => Gen.Choose(0, 8).SelectMany(count =>
        Text.Zip(Value).Select(pair => (pair.Item1, pair.Item2)).ListOf(count)
            .Select(all => all.Select((pair, i) => ($"{i}{pair.Item1}", pair.Item2)).ToArray())); // names are unique, as in a dictionary

    private static readonly Gen<SampleEvent> Event =
        from body in Body
        from sequence in ArbMap.Default.GeneratorFor<long>().Select(number => number & long.MaxValue)
        from offset in Text
        from ticks in Gen.Choose(0, int.MaxValue).Zip(Gen.Choose(0, int.MaxValue), (a, b) => (long)((double)a * b / int.MaxValue / int.MaxValue * 3e18))
        from key in Gen.OneOf(Text.Select(text => (string?)text), Gen.Constant<string?>(null))
        from system in Properties
        from application in Properties
        select new SampleEvent(body, sequence, offset, new DateTimeOffset(ticks, TimeSpan.Zero), key, system, application);

    private static readonly Gen<SampleEvent[]> Events = Gen.Choose(0, 12).SelectMany(count => Event.ListOf(count)).Select(list => list.ToArray());

    [Fact]
    public void Whatever_the_host_writes_is_read_back_the_same_in_every_spelling()
    {
        var reached = 0;
        Prop.ForAll(Events.Zip(Gen.Elements(Enum.GetValues<Spelling>())).ToArbitrary(), sample =>
        {
            using var batch = EventBatch.Read(HostEnvelope.Write(sample.Item1, sample.Item2));
            Assert.Equal(new EventBatchSource("ns.servicebus.windows.net", "telemetry", "functions", "3", 0, null), batch.Source);
            Assert.Equal(sample.Item1.Length, batch.Count);
            foreach (var one in batch) AssertSame(sample.Item1[one.Index], one);
            reached += batch.Count;
        }).QuickCheckThrowOnFailure();
        Assert.True(reached > 100, $"only {reached} events were generated");
    }

    [Fact]
    public void A_hostile_change_of_any_bytes_never_throws_anything_but_the_documented_exception()
    {
        var (read, refused) = (0, 0);
        var changes = Gen.Choose(1, 6).SelectMany(count => Gen.Choose(0, int.MaxValue).Zip(Gen.Frequency(
            (3, Gen.Elements("\"\\[]{},:0123456789.-+eEtfnul /AZaz=".Select(c => (int)c))), (1, Gen.Choose(0, 255)), (1, Gen.Constant(-1)))).ListOf(count));
        Prop.ForAll(Events.Zip(changes.Zip(Gen.Elements(Enum.GetValues<Spelling>()))).ToArbitrary(), sample =>
        {
            var bytes = HostEnvelope.Write(sample.Item1, sample.Item2.Item2);
            foreach (var (where, what) in sample.Item2.Item1)
            {
                var at = where % bytes.Length;
                if (what >= 0) bytes[at] = (byte)what;
                else bytes = bytes[..Math.Max(1, at)]; // truncated
            }

            try
            {
                using var batch = EventBatch.Read(bytes);
                foreach (var one in batch) Touch(one);
                read++;
            }
            catch (EnvelopeException broken)
            {
                Assert.StartsWith("envelope-", broken.Fault.Code, StringComparison.Ordinal);
                refused++;
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        Assert.True(read > 100 && refused > 100, $"the generator must reach both: {read} read, {refused} refused");
    }

    [Fact]
    public void A_name_with_escapes_does_not_lead_the_guess_for_the_next_event_astray()
    {
        // Unescaped in place, the first name is followed by what is left of its escaped form: x: as in the second name.
        SampleEvent[] events = [Named(0, @"\\x:"), Named(1, @"\x:x:more")];
        using var batch = EventBatch.Read(HostEnvelope.Write(events));
        AssertSame(events[0], batch[0]);
        AssertSame(events[1], batch[1]);

        static SampleEvent Named(int index, string name) => HostEnvelope.FromDevice(index, [1], "dev") with { Application = [(name, "value")] };
    }

    [Fact]
    public void Any_prefix_of_a_batch_is_refused()
    {
        var bytes = Recording.Load("eventhub-standin/ehmanybin-1.txt").Body;
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<EnvelopeException>(() => EventBatch.Read(bytes.AsMemory(0, length)));
        }
    }

    private static void AssertSame(SampleEvent expected, HubEvent actual)
    {
        Assert.Null(actual.Fault);
        Assert.Equal(expected.Body, actual.Body.ToArray());
        Assert.Equal(expected.SequenceNumber, actual.SequenceNumber);
        Assert.Equal(expected.Offset, Encoding.UTF8.GetString(actual.Offset));
        Assert.Equal(expected.EnqueuedAt, actual.EnqueuedAt);
        Assert.Equal(expected.PartitionKey, actual.HasPartitionKey ? Encoding.UTF8.GetString(actual.PartitionKey) : null);
        AssertSame(expected.System, actual.System);
        AssertSame(expected.Application, actual.Application);
    }

    private static void AssertSame((string Name, object? Value)[] expected, EventProperties actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Name, Encoding.UTF8.GetString(actual[i].Name));
            Assert.True(actual.TryGet(Encoding.UTF8.GetBytes(expected[i].Name), out var found));
            object? value = found.Kind switch
            {
                JsonValueKind.String => Encoding.UTF8.GetString(found.Value),
                JsonValueKind.Number => found.TryGetInt64(out var number) ? number : "not a long",
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.Null => null,
                _ => found.Kind,
            };
            Assert.Equal(expected[i].Value, value);
        }
    }

    private static void Touch(HubEvent one)
    {
        _ = (one.Fault, one.Body.Length, one.SequenceNumber, one.Offset.Length, one.EnqueuedAt, one.PartitionKey.Length);
        for (var i = 0; i < one.System.Count; i++) _ = one.System[i].TryGetTime(out _);
        for (var i = 0; i < one.Application.Count; i++) _ = one.Application[i].TryGetInt64(out _);
        _ = one.System.Text(SystemProperty.DeviceId).Length;
    }
}
