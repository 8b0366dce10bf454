using System.Diagnostics;
using System.Text;
using Serverless.Benchmarks.Validation;
using Serverless.Telemetry.State;
using Serverless.Telemetry.Validation;

namespace Serverless.Benchmarks.Memory;

/// <summary>What a million devices cost in memory: windows, rate, last values, alert back-off, and finding them, in the tables of the
/// function app; and the same with everything else that a partition keeps of a device.</summary>
internal static class MemorySubject
{
    public const string What = "1,000,000 devices judged once each: bytes of memory a device, and the time to find one";

    public static Task<int> Run(string[] args)
    {
        const int devices = 1_000_000;
        var profile = Traffic.LoadProfile();
        var traffic = new Traffic(1, seed: 1);
        var (judge, readings) = (new Judge(), new Readings());
        var id = Encoding.ASCII.GetBytes("env-sensor-0000000");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (ids, states) = (new DeviceIds(), new JudgedColumn());
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < devices; i++)
        {
            Number(id, i);
            var e = new TelemetryEvent
            {
                Body = traffic.Json[0],
                ContentType = "application/json"u8,
                DeviceId = id,
                GenerationId = "1"u8,
                AuthMethod = """{"scope":"device","type":"x509","issuer":"external"}"""u8,
                EnqueuedAt = traffic.At[0],
            };
            if (!judge.Decide(e, profile, ref states[ids.FindOrAdd(id)], readings).Accepted) throw new InvalidOperationException("Refused.");
        }

        var first = clock.Elapsed;
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        clock.Restart();
        for (var i = 0; i < devices; i++)
        {
            Number(id, (int)(i * 7919L % devices));
            if (!ids.TryFind(id, out var slot) || !states[slot].IsSeen) throw new InvalidOperationException("Lost.");
        }

        Figure.Print("memory-devices", ids.Count, "devices", ">=", devices);
        Figure.Print("memory-state", DeviceState.Bytes, "B/device");
        Figure.Print("memory-device", held / (double)devices, "B/device", "<=", 256);
        Figure.Print("memory-first-event", first.TotalNanoseconds / devices, "ns/device");
        Figure.Print("memory-find", clock.Elapsed.TotalNanoseconds / devices, "ns/device");
        GC.KeepAlive((ids, states));
        Partition(devices, id);
        return Task.FromResult(0);
    }

    // Everything a partition keeps of a device: the above, its profile, and whether it has changed.
    private static void Partition(int devices, byte[] id)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var state = new PartitionState();
        for (var i = 0; i < devices; i++)
        {
            Number(id, i);
            var slot = state.Devices.FindOrAdd(id);
            state.Bindings[slot] = 1;
            _ = state.Judged[slot].IsSeen;
            state.MarkChanged(slot);
            if (i % 500 == 499) state.MarkCommitted();
        }

        Figure.Print("memory-partition", (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)devices, "B/device");
        GC.KeepAlive(state);
    }

    private static void Number(byte[] id, int number)
    {
        for (var at = id.Length - 1; at > id.Length - 8; at--, number /= 10) id[at] = (byte)('0' + (number % 10));
    }
}
