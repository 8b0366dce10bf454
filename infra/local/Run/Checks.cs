using Serverless.Local.Fleet;

namespace Serverless.Local.Run;

/// <summary>One promise of the pipeline, held against what came out.</summary>
/// <param name="Promise">In words.</param>
/// <param name="Kept">Whether it held.</param>
/// <param name="Evidence">The figures, or the first few counterexamples.</param>
public sealed record Check(string Promise, bool Kept, string Evidence);

/// <summary>What must hold after any run, whatever the devices did. Pure: the same observation gives the same checks.</summary>
public static class Checks
{
    private const int Examples = 3;

    /// <summary>Judges a run.</summary>
    /// <param name="plan">Who was meant to misbehave.</param>
    /// <param name="sent">What each device had acknowledged.</param>
    /// <param name="seen">What came out.</param>
    /// <returns>Every check, in the order they are told.</returns>
    public static IReadOnlyList<Check> Of(IReadOnlyList<DeviceScript> plan, IReadOnlyDictionary<string, Sent> sent, Observation seen) =>
    [
        EverythingArrived(sent, seen),
        AccountedOnce(seen),
        KeptWhole(seen),
        OrderKept(seen),
        HonestAccepted(plan, sent, seen),
        WrongRefused(plan, sent, seen),
        WrongNoticed(plan, seen),
        HonestNotAccused(plan, seen),
        AlertsOnce(seen),
    ];

    private static Check EverythingArrived(IReadOnlyDictionary<string, Sent> sent, Observation seen)
    {
        var arrived = seen.Telemetry.GroupBy(one => one.Device).ToDictionary(group => group.Key, group => group.Count());
        var wrong = sent.Where(pair => arrived.GetValueOrDefault(pair.Key) != pair.Value.Total)
            .Select(pair => $"{pair.Key} had {pair.Value.Total} acknowledged, {arrived.GetValueOrDefault(pair.Key)} arrived").ToList();
        return Judge(
            "every message a device had acknowledged stands in hub telemetry, once",
            wrong,
            $"{sent.Values.Sum(one => one.Total)} sent, {seen.Telemetry.Count(one => sent.ContainsKey(one.Device))} stored");
    }

    private static Check AccountedOnce(Observation seen)
    {
        var outcomes = new Dictionary<EventPosition, int>();
        foreach (var position in seen.Validated.Select(one => one.Source).Concat(seen.Rejected.Select(one => one.Source)))
            outcomes[position] = outcomes.GetValueOrDefault(position) + 1;
        var truth = seen.Telemetry.Select(one => one.Position).ToHashSet();
        var wrong = truth.Where(position => outcomes.GetValueOrDefault(position) != 1)
            .Select(position => $"{position.Partition}/{position.Sequence} came out {outcomes.GetValueOrDefault(position)} times")
            .Concat(outcomes.Keys.Where(position => !truth.Contains(position)).Select(position => $"{position.Partition}/{position.Sequence} was never sent"))
            .ToList();
        return Judge(
            "every event is accounted for exactly once, as validated or as rejected",
            wrong,
            $"{seen.Telemetry.Count} = {seen.Validated.Count} validated + {seen.Rejected.Count} rejected");
    }

    private static Check KeptWhole(Observation seen)
    {
        var truth = seen.Telemetry.ToDictionary(one => one.Position);
        var wrong = seen.Rejected.Where(one => truth.TryGetValue(one.Source, out var original) && (original.BodyHash != one.BodyHash || original.Device != one.Device))
            .Select(one => $"{one.Source.Partition}/{one.Source.Sequence} differs from what {truth[one.Source].Device} sent")
            .Concat(seen.Validated.Where(one => truth.TryGetValue(one.Source, out var original) && original.Device != one.Device)
                .Select(one => $"{one.Source.Partition}/{one.Source.Sequence} is filed under {one.Device}"))
            .ToList();
        return Judge("a refused event is kept byte for byte, and every event under the device the hub stamped", wrong, $"{seen.Rejected.Count} bodies compared");
    }

    private static Check OrderKept(Observation seen)
    {
        var wrong = seen.Validated.GroupBy(one => one.Device)
            .SelectMany(device => device.OrderBy(one => one.At.Sequence).Zip(device.OrderBy(one => one.At.Sequence).Skip(1))
                .Where(pair => pair.First.At.Partition != pair.Second.At.Partition || pair.First.Source.Sequence >= pair.Second.Source.Sequence)
                .Take(1)
                .Select(pair => $"{device.Key}: {pair.First.Source.Sequence} stands before {pair.Second.Source.Sequence}"))
            .ToList();
        return Judge("each device's events keep their order in hub validated", wrong, $"{seen.Validated.Select(one => one.Device).Distinct().Count()} devices compared");
    }

    private static Check HonestAccepted(IReadOnlyList<DeviceScript> plan, IReadOnlyDictionary<string, Sent> sent, Observation seen)
    {
        var validated = seen.Validated.GroupBy(one => one.Device).ToDictionary(group => group.Key, group => group.Count());
        // A flooding device has no budget left for its honest messages: they may be refused with the rest.
        var wrong = plan.Where(device => device.Wrong != Misbehaviour.Flood
                && sent.TryGetValue(device.DeviceId, out var mine) && validated.GetValueOrDefault(device.DeviceId) != mine.Honest)
            .Select(device => $"{device.DeviceId} ({device.Wrong}) sent {sent[device.DeviceId].Honest} honest messages, {validated.GetValueOrDefault(device.DeviceId)} were accepted")
            .ToList();
        return Judge("every honest message is accepted, also those of a device that misbehaves in between, and nothing else is", wrong, $"{sent.Values.Sum(one => one.Honest)} honest messages");
    }

    private static Check WrongRefused(IReadOnlyList<DeviceScript> plan, IReadOnlyDictionary<string, Sent> sent, Observation seen)
    {
        var rejected = seen.Rejected.GroupBy(one => one.Device).ToDictionary(group => group.Key, group => group.Count());
        var wrong = plan.Where(device => device.Wrong != Misbehaviour.None
                && sent.TryGetValue(device.DeviceId, out var mine) && mine.Wrong > 0
                && (device.Wrong == Misbehaviour.Flood ? rejected.GetValueOrDefault(device.DeviceId) == 0 : rejected.GetValueOrDefault(device.DeviceId) != mine.Wrong))
            .Select(device => $"{device.DeviceId} ({device.Wrong}) sent {sent[device.DeviceId].Wrong} wrong messages, {rejected.GetValueOrDefault(device.DeviceId)} were refused")
            .ToList();
        return Judge("every wrong message is refused", wrong, $"{sent.Values.Sum(one => one.Wrong)} wrong messages");
    }

    private static Check WrongNoticed(IReadOnlyList<DeviceScript> plan, Observation seen)
    {
        var accused = seen.Alerts.Select(alert => alert.Device).ToHashSet(StringComparer.Ordinal);
        var guilty = plan.Where(device => device.Wrong != Misbehaviour.None).ToList();
        return Judge(
            "each misbehaving device was noticed: an alert names it",
            [.. guilty.Where(device => !accused.Contains(device.DeviceId)).Select(device => $"{device.DeviceId} ({device.Wrong}) raised no alert")],
            $"{guilty.Count} devices, {seen.Alerts.Count} alerts");
    }

    private static Check HonestNotAccused(IReadOnlyList<DeviceScript> plan, Observation seen)
    {
        var honest = plan.Where(device => device.Wrong == Misbehaviour.None).Select(device => device.DeviceId).ToHashSet(StringComparer.Ordinal);
        return Judge(
            "no honest device was accused",
            [.. seen.Alerts.Where(alert => honest.Contains(alert.Device) && !alert.IsAnomaly).Select(alert => $"{alert.Device}: {alert.Fault}")],
            $"{honest.Count} honest devices");
    }

    private static Check AlertsOnce(Observation seen) =>
        Judge(
            "each alert was raised once",
            [.. seen.Alerts.GroupBy(alert => alert.Id).Where(group => group.Count() > 1).Select(group => $"{group.Key} came {group.Count()} times")],
            $"{seen.Alerts.Count} alerts");

    private static Check Judge(string promise, List<string> counterexamples, string figures) =>
        counterexamples.Count == 0
            ? new Check(promise, true, figures)
            : new Check(promise, false, $"{counterexamples.Count} exceptions, such as: {string.Join("; ", counterexamples.Take(Examples))}");
}
