using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Device.Update;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Local.Run.Firmware;

/// <summary>A gateway with two slots: polls the repository over HTTPS, verifies, installs, restarts into the new image, confirms, reports.</summary>
/// <remarks>The metadata client and the updater are the product's own; only flash, boot loader and power are simulated. Flash keeps
/// nothing that was not flushed when the power goes. Not thread-safe.</remarks>
internal sealed class OtaDevice : IPreconditions
{
    /// <summary>Size of each slot.</summary>
    public const int SlotBytes = 1 << 20;

    private readonly Flash _flash = new();
    private readonly string _product;
    private readonly RepositoryAddress _address;
    private readonly TimeProvider _wall;

    /// <summary>A device fresh from manufacture.</summary>
    /// <param name="name">For the report.</param>
    /// <param name="product">Its product; its hardware is that product's r1.</param>
    /// <param name="root">The root it is made with.</param>
    /// <param name="image">The image it is made with, security version 0.</param>
    /// <param name="address">The repository.</param>
    /// <param name="wall">Wall clock.</param>
    public OtaDevice(string name, string product, byte[] root, byte[] image, RepositoryAddress address, TimeProvider wall)
    {
        (Name, _product, _address, _wall) = (name, product, address, wall);
        _flash.Burn(Slot.A, image);
        new MetadataStore(_flash).Keep("root", root);
    }

    /// <summary>Name.</summary>
    public string Name { get; }

    /// <summary>How far the device's clock is ahead of the wall's.</summary>
    public TimeSpan ClockAhead { get; set; }

    /// <summary>The block of the image at which the power goes, once; 0 never.</summary>
    public int CutAtBlock { get => _flash.CutAtBlock; set => _flash.CutAtBlock = value; }

    /// <summary>How often the device was started.</summary>
    public int Starts { get; private set; }

    /// <summary>What it reported.</summary>
    public List<UpdateReport> Reports { get; } = [];

    /// <summary>Whether it runs exactly this image, kept for good.</summary>
    public bool Keeps(byte[] image) => _flash.Kept == _flash.Running && _flash.Holds(_flash.Kept, image);

    /// <summary>The lowest security version it still accepts.</summary>
    public int MinimumSvn { get; private set; }

    /// <summary>Looks for updates without installing any.</summary>
    /// <returns>The fault's code, or an empty text.</returns>
    public async Task<string> Poll(ITransport transport, CancellationToken cancel) => (await Session(transport, cancel).ConfigureAwait(false)).Fault?.Code ?? "";

    /// <summary>Looks a target up.</summary>
    /// <returns>The fault's code, or an empty text.</returns>
    public async Task<string> Find(ITransport transport, string target, CancellationToken cancel) =>
        (await Session(transport, cancel).ConfigureAwait(false)).TryGet(out var session, out var fault)
            ? (await session.Find(target, cancel).ConfigureAwait(false)).Fault?.Code ?? ""
            : fault.Code;

    /// <summary>Downloads a target, for whoever this gateway carries it to.</summary>
    /// <returns>The fault's code, or an empty text, the entry and the bytes.</returns>
    public async Task<(string Fault, TargetFile? Entry, byte[] Content)> Fetch(ITransport transport, string target, CancellationToken cancel)
    {
        if (!(await Session(transport, cancel).ConfigureAwait(false)).TryGet(out var session, out var fault)) return (fault.Code, null, []);
        if (!(await session.Find(target, cancel).ConfigureAwait(false)).TryGet(out var entry, out fault)) return (fault.Code, null, []);
        using var content = new MemoryStream();
        fault = await Fetch(transport).ReadRest(session.AddressOf(target, entry), 0, entry.Length, chunk =>
        {
            content.Write(chunk.Span);
            return null;
        }, cancel).ConfigureAwait(false);
        if (fault is not null) return (fault.Code, null, []);
        return entry.Hashes.Match(content.ToArray()) ? ("", entry, content.ToArray()) : ("target-hash", null, []);
    }

    /// <summary>Updates to a target, through as many restarts and power cuts as it takes.</summary>
    /// <param name="transport">The network, or whoever sits in it.</param>
    /// <param name="target">What the fleet's operator rolls out.</param>
    /// <param name="svn">Security version of the image that each start runs.</param>
    /// <param name="cancel">Stops it.</param>
    /// <returns>The fault's code, or an empty text when the new image is kept.</returns>
    public async Task<string> Update(ITransport transport, string target, Func<byte[], int> svn, CancellationToken cancel)
    {
        for (var life = 0; life < 8; life++)
        {
            try
            {
                return await Live(transport, target, svn, cancel).ConfigureAwait(false);
            }
            catch (RestartException)
            {
                _flash.Restart();
            }
        }
        return "never-settles";
    }

    /// <inheritdoc/>
    public Fault? Refuse() => null;

    // The program of every image, from power-on until it restarts or has nothing left to do.
    private async Task<string> Live(ITransport transport, string target, Func<byte[], int> svn, CancellationToken cancel)
    {
        Starts++;
        var updater = new Updater(
            _flash, _flash, _flash, this, new DeviceIdentity(_product, $"{_product}-r1"), new UpdaterLimits(TimeSpan.FromMinutes(10), 64 * 1024, 3), _wall, svn(_flash.Content(_flash.Running)));
        updater.Start();
        if (updater.Record.Stage == UpdateStage.Trial) updater.Confirm(); // the self-test of a simulated image
        MinimumSvn = updater.Record.MinimumSvn;
        if (updater.Report is { } report)
        {
            Reports.Add(report);
            updater.Delivered(report.Sequence);
            if (report.Name == target) return report.Outcome == UpdateOutcome.Succeeded ? "" : report.Reason;
        }
        if (!(await Session(transport, cancel).ConfigureAwait(false)).TryGet(out var session, out var fault)) return fault.Code;
        if (!(await session.Find(target, cancel).ConfigureAwait(false)).TryGet(out var entry, out fault)) return fault.Code;
        if (updater.Offer(target, entry) is { } refused) return refused.Code;
        if (await updater.Download(Fetch(transport), session.AddressOf(target, entry), cancel).ConfigureAwait(false) is { } broken)
        {
            if (updater.Report is { } given)
            {
                Reports.Add(given);
                updater.Delivered(given.Sequence);
            }
            return broken.Code;
        }
        return updater.Activate()?.Code ?? throw new InvalidOperationException("The restart did not unwind.");
    }

    private Task<Parsed<RepositorySession>> Session(ITransport transport, CancellationToken cancel) =>
        RepositorySession.Refresh(new MetadataStore(_flash), Fetch(transport), _address, _wall.GetUtcNow() + ClockAhead, cancel);

    private BoundedFetch Fetch(ITransport transport) => new(transport, FetchLimits.Default, _wall);

    /// <summary>Files, slots and boot loader on one flash with a write cache.</summary>
    private sealed class Flash : IFiles, ISlots, IBoot
    {
        private readonly Dictionary<string, byte[]> _files = [];
        private readonly Dictionary<string, byte[]> _durableFiles = [];
        private readonly Dictionary<Slot, byte[]> _slots = new() { [Slot.A] = new byte[SlotBytes], [Slot.B] = new byte[SlotBytes] };
        private readonly Dictionary<Slot, byte[]> _durableSlots = new() { [Slot.A] = new byte[SlotBytes], [Slot.B] = new byte[SlotBytes] };
        private Slot? _once;
        private int _blocks;

        public int CutAtBlock { get; set; }

        public Slot Running { get; private set; } = Slot.A;

        public Slot Kept { get; private set; } = Slot.A;

        public long CapacityBytes => SlotBytes;

        public void Burn(Slot slot, byte[] image)
        {
            image.CopyTo(_slots[slot], 0);
            image.CopyTo(_durableSlots[slot], 0);
        }

        public bool Holds(Slot slot, byte[] image) => _durableSlots[slot].AsSpan(0, image.Length).SequenceEqual(image);

        public byte[] Content(Slot slot) => _durableSlots[slot];

        public void Restart()
        {
            foreach (var slot in _slots.Keys) _durableSlots[slot].CopyTo(_slots[slot], 0);
            _files.Clear();
            foreach (var (name, content) in _durableFiles) _files[name] = content;
            Running = _once ?? Kept;
            _once = null;
        }

        byte[]? IFiles.Read(string name, int bytesMax) => _files.TryGetValue(name, out var content) && content.Length <= bytesMax ? content : null;

        void IFiles.Write(string name, ReadOnlySpan<byte> content) => _files[name] = content.ToArray();

        void IFiles.Flush(string name) => _durableFiles[name] = _files[name];

        void IFiles.Rename(string from, string to)
        {
            _files[to] = _files[from];
            _files.Remove(from);
        }

        void IFiles.Delete(string name) => _files.Remove(name);

        void IFiles.FlushNames()
        {
            _durableFiles.Clear();
            foreach (var (name, content) in _files) _durableFiles[name] = content;
        }

        void ISlots.Write(Slot slot, long offset, ReadOnlySpan<byte> content)
        {
            if (slot == Running) throw new InvalidOperationException("The running slot is written.");
            if (++_blocks == CutAtBlock) throw new RestartException("power cut");
            content.CopyTo(_slots[slot].AsSpan((int)offset));
        }

        void ISlots.Flush(Slot slot) => _slots[slot].CopyTo(_durableSlots[slot], 0);

        void ISlots.Read(Slot slot, long offset, Span<byte> destination) => _slots[slot].AsSpan((int)offset, destination.Length).CopyTo(destination);

        void IBoot.TryOnce(Slot slot) => _once = slot;

        void IBoot.Keep(Slot slot) => Kept = slot;

        void IBoot.Restart() => throw new RestartException("restart");
    }

    /// <summary>Unwinds the device's program, as losing power does.</summary>
    private sealed class RestartException(string why) : Exception(why)
    {
    }
}

/// <summary>Simulated images.</summary>
public static class OtaImages
{
    /// <summary>Bytes of each.</summary>
    public const int Bytes = 300_000;

    /// <summary>An image: the same version has the same bytes.</summary>
    /// <param name="product">Product.</param>
    /// <param name="version">Version.</param>
    public static byte[] Of(string product, string version)
    {
        var image = new byte[Bytes];
        var seed = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{product} {version}"));
        for (var at = 0; at < image.Length; at += seed.Length)
        {
            seed.AsSpan(0, Math.Min(seed.Length, image.Length - at)).CopyTo(image.AsSpan(at));
            seed = SHA256.HashData(seed);
        }
        return image;
    }
}
