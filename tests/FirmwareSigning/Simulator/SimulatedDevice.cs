using Microsoft.Extensions.Time.Testing;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>Slots on flash with a write cache.</summary>
internal sealed class SimulatedSlots(PowerSupply power) : ISlots
{
    private readonly Dictionary<Slot, byte[]> _durable = new() { [Slot.A] = new byte[2000], [Slot.B] = new byte[2000] };
    private readonly List<(Slot Slot, long Offset, byte[] Content)> _pending = [];

    public long CapacityBytes => 2000;

    public Slot? Forbidden { get; set; }

    public void Write(Slot slot, long offset, ReadOnlySpan<byte> content)
    {
        if (slot == Forbidden) throw new InvalidOperationException("The running slot is written.");
        power.Step();
        _pending.Add((slot, offset, content.ToArray()));
    }

    public void Flush(Slot slot)
    {
        power.Step();
        Apply(_pending.Count);
    }

    public void Read(Slot slot, long offset, Span<byte> destination)
    {
        var seen = _durable[slot].ToArray();
        foreach (var write in _pending.Where(write => write.Slot == slot)) write.Content.CopyTo(seen, write.Offset);
        seen.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }

    public void Restart(CutStyle style)
    {
        Apply(style switch { CutStyle.Landed => _pending.Count, CutStyle.Torn => _pending.Count / 2, _ => 0 });
        _pending.Clear();
    }

    public void Burn(Slot slot, byte[] image) => image.CopyTo(_durable[slot], 0);

    public bool Holds(Slot slot, byte[] image) => _durable[slot].AsSpan(0, image.Length).SequenceEqual(image);

    private void Apply(int count)
    {
        foreach (var write in _pending.Take(count)) write.Content.CopyTo(_durable[write.Slot], write.Offset);
        _pending.RemoveRange(0, count);
    }
}

/// <summary>A boot loader as <see cref="IBoot"/> asks for it.</summary>
internal sealed class SimulatedBoot(PowerSupply power) : IBoot
{
    private Slot? _once;

    public Slot Kept { get; private set; } = Slot.A;

    public Slot Running { get; private set; } = Slot.A;

    public void TryOnce(Slot slot)
    {
        power.Step();
        _once = slot;
    }

    public void Keep(Slot slot)
    {
        power.Step();
        Kept = slot;
    }

    public void Restart() => throw new PowerCutException("restart asked for"); // unwinds like the real thing

    public void Boot()
    {
        Running = _once ?? Kept;
        _once = null; // used up before the image runs
    }
}

/// <summary>How the new image behaves when it is tried.</summary>
internal enum ImageHealth
{
    /// <summary>Confirms itself.</summary>
    Good,

    /// <summary>Notices that it is broken.</summary>
    Rejects,

    /// <summary>Runs, and never confirms.</summary>
    Hangs,

    /// <summary>Takes the device down before it can do anything.</summary>
    Crashes,
}

/// <summary>A whole device: power, disk, slots, boot loader, and the program that runs on it.</summary>
internal sealed class SimulatedDevice : IPreconditions, ITransport
{
    private readonly ImageHealth _health;
    private readonly CutStyle _style;
    private readonly FakeTimeProvider _clock = new();
    private readonly byte[] _oldImage = [.. Enumerable.Range(0, 900).Select(i => (byte)(i % 251))];
    private readonly byte[] _newImage = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i % 241 + 3))];
    private readonly TargetFile _offer;

    public SimulatedDevice(ImageHealth health, CutStyle style)
    {
        (_health, _style) = (health, style);
        Power = new PowerSupply();
        Files = new MemoryFiles(Power);
        Slots = new SimulatedSlots(Power);
        Boot = new SimulatedBoot(Power);
        Slots.Burn(Slot.A, _oldImage);
        _offer = new TargetFile(_newImage.Length, Hashes.Of(_newImage), Releases.Gateway("2.0.0", svn: NewSvn, slotBytes: 2000).ToJson());
    }

    public const int OldSvn = 3;

    public const int NewSvn = 4;

    public PowerSupply Power { get; }

    public MemoryFiles Files { get; }

    public SimulatedSlots Slots { get; }

    public SimulatedBoot Boot { get; }

    public Fault? Precondition { get; set; }

    /// <summary>What reached the fleet, duplicates included.</summary>
    public List<UpdateReport> Delivered { get; } = [];

    public UpdateRecord LastRecord { get; private set; } = UpdateRecord.Fresh(0);

    public bool RunsNew => Slots.Holds(Boot.Running, _newImage);

    /// <summary>Powers on again and again until nothing is left to do, or a bound is reached.</summary>
    public async Task<int> LiveUntilSettled(int livesMax = 20)
    {
        for (var life = 1; life <= livesMax; life++)
        {
            Boot.Boot();
            CheckBootable();
            Slots.Forbidden = Boot.Running;
            try
            {
                if (await Live()) return life;
            }
            catch (PowerCutException)
            {
                Files.Restart(_style);
                Slots.Restart(_style);
            }
            CheckPromises();
        }
        return livesMax + 1;
    }

    public Fault? Refuse() => Precondition;

    public Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        var rest = _newImage[(int)from..];
        return Task.FromResult(new TransportAnswer(from > 0 ? 206 : 200, rest.Length, from, new Trickle(rest)));
    }

    public Updater NewUpdater() => new(Files, Slots, Boot, this, new DeviceIdentity("gw100", "gw100-r2"), new UpdaterLimits(TimeSpan.FromMinutes(10), 256, 3), _clock, RunsNew ? NewSvn : OldSvn);

    // The program of either image; true when there is nothing left to do.
    private async Task<bool> Live()
    {
        if (RunsNew && _health == ImageHealth.Crashes) throw new PowerCutException();
        var updater = NewUpdater();
        updater.Start();
        LastRecord = updater.Record;
        if (updater.Record.Stage == UpdateStage.Trial)
        {
            OnTrial(updater);
        }
        if (updater.Report is { } report)
        {
            Delivered.Add(report);
            updater.Delivered(report.Sequence);
        }
        LastRecord = updater.Record;
        if (updater.Record.Stage == UpdateStage.Idle && (RunsNew || Delivered.Any(sent => sent.Outcome == UpdateOutcome.Failed))) return true;
        Assert.Null(updater.Offer("gw100/2.0.0/image.bin", _offer));
        var fetch = new BoundedFetch(this, FetchLimits.Default, _clock);
        Assert.Null(await updater.Download(fetch, new Uri("http://repository.test/targets/x"), TestContext.Current.CancellationToken));
        Assert.Null(updater.Activate());
        throw new InvalidOperationException("Restart did not unwind.");
    }

    private void OnTrial(Updater updater)
    {
        if (_health == ImageHealth.Good) updater.Confirm();
        if (_health == ImageHealth.Rejects) updater.Reject("self-test");
        if (_health != ImageHealth.Hangs) return;
        _clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        Assert.False(updater.Tick());
        _clock.Advance(TimeSpan.FromSeconds(1));
        updater.Tick();
    }

    private void CheckBootable()
    {
        Assert.True(Slots.Holds(Boot.Running, _oldImage) || Slots.Holds(Boot.Running, _newImage), "The device boots a slot without a whole image.");
        Assert.True(Slots.Holds(Boot.Kept, _oldImage) || Slots.Holds(Boot.Kept, _newImage), "The kept slot has no whole image.");
    }

    private void CheckPromises()
    {
        if (Delivered.Any(report => report.Outcome == UpdateOutcome.Succeeded)) Assert.True(Slots.Holds(Boot.Kept, _newImage), "Reported success before the image was kept.");
        var stored = Files.Read("update.json", 100_000);
        if (stored is null || !UpdateRecord.Read(stored).TryGet(out var record, out _)) return;
        Assert.True(record.MinimumSvn <= (Slots.Holds(Boot.Kept, _newImage) ? NewSvn : OldSvn), "The minimum rose above the image that boots.");
    }

    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(100, buffer.Length)], cancellationToken);
    }
}
