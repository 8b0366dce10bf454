using System.Security.Cryptography;
using Azure;
using Serverless.Faults;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.Firmware.Tests;

/// <summary>Container <c>ota</c> in memory: what the app writes, and what devices fetch.</summary>
internal sealed class MemoryOta(FaultPlan plan) : IRepositoryFiles, ITargetShelf, ITransport
{
    public Dictionary<string, (byte[] Content, int Tag)> Metadata { get; } = [];

    public Dictionary<string, byte[]> Targets { get; } = [];

    /// <summary>May replace an answer to a device.</summary>
    public Func<string, TransportAnswer?> Mirror { get; set; } = _ => null;

    public Task<StoredFile?> Read(string name, CancellationToken cancel) =>
        plan.Call($"read {Kind(name)}", () => Metadata.TryGetValue(name, out var file) ? new StoredFile(file.Content, $"{file.Tag}") : null);

    public Task<bool> Create(string name, ReadOnlyMemory<byte> content, CancellationToken cancel) =>
        plan.Call($"create {Kind(name)}", () => Metadata.TryAdd(name, (content.ToArray(), 0)));

    public Task<bool> Swap(string name, ReadOnlyMemory<byte> content, string? tag, CancellationToken cancel) => plan.Call($"swap {Kind(name)}", () =>
    {
        var present = Metadata.TryGetValue(name, out var file);
        if ((present ? $"{file.Tag}" : null) != tag) return false;
        Metadata[name] = (content.ToArray(), file.Tag + 1);
        return true;
    });

    public Task<bool> Holds(string name, CancellationToken cancel) => plan.Call("holds image", () => Targets.ContainsKey(name));

    public ITargetWriter Begin(string name) => new Writer(this, plan, name);

    public Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        var path = uri.AbsolutePath;
        if (Mirror(path) is { } forged) return Task.FromResult(forged);
        var content = path.StartsWith("/metadata/", StringComparison.Ordinal)
            ? Metadata.GetValueOrDefault(path["/metadata/".Length..]).Content
            : Targets.GetValueOrDefault(Uri.UnescapeDataString(path["/targets/".Length..]));
        if (content is null) return Task.FromResult(new TransportAnswer(404, null, 0, Stream.Null));
        var rest = content[(int)from..];
        return Task.FromResult(new TransportAnswer(from > 0 ? 206 : 200, rest.Length, from, new MemoryStream(rest)));
    }

    private static string Kind(string name) => string.Concat(name.SkipWhile(character => char.IsDigit(character) || character == '.'));

    private sealed class Writer(MemoryOta shelf, FaultPlan plan, string name) : ITargetWriter
    {
        private readonly List<byte> _staged = [];

        public Task Add(ReadOnlyMemory<byte> block, CancellationToken cancel) => plan.Call("stage block", () =>
        {
            _staged.AddRange(block.Span);
            return true;
        });

        public Task Finish(CancellationToken cancel) => plan.Call("commit image", () => shelf.Targets.TryAdd(name, _staged.ToArray()));
    }
}

/// <summary>Container <c>firmware</c> in memory.</summary>
internal sealed class MemoryImages(FaultPlan plan) : IImages
{
    private int _tag;

    public Dictionary<string, (byte[] Content, string Tag)> Blobs { get; } = [];

    public void Put(string name, byte[] content) => Blobs[name] = (content, $"tag-{++_tag}-{Convert.ToHexStringLower(SHA256.HashData(content))}");

    public Task<Image?> Look(string name, CancellationToken cancel) =>
        plan.Call("look", () => Blobs.TryGetValue(name, out var blob) ? new Image(name, blob.Content.Length, blob.Tag) : null);

    public Task<Stream?> Open(Image image, CancellationToken cancel) =>
        plan.Call<Stream?>("open", () => Blobs.TryGetValue(image.Name, out var blob) && blob.Tag == image.Tag ? new MemoryStream(blob.Content) : null);

    public Task<Parsed<ReadOnlyMemory<byte>>> ReadWhole(string name, int bytesMax, CancellationToken cancel) => plan.Call<Parsed<ReadOnlyMemory<byte>>>("read sbom", () =>
        !Blobs.TryGetValue(name, out var blob) ? new Fault("sbom-unknown", "sbom") : blob.Content.Length > bytesMax ? new Fault("sbom-size", "sbom") : new ReadOnlyMemory<byte>(blob.Content));
}

/// <summary>Table <c>releases</c> in memory; every record goes through the row it would be stored as.</summary>
internal sealed class MemoryReleases(FaultPlan plan) : IReleases
{
    private readonly SortedDictionary<(string, string), (Azure.Data.Tables.TableEntity Row, int Tag)> _rows = new(Comparer<(string, string)>.Create((a, b) =>
        string.CompareOrdinal(a.Item1, b.Item1) is not 0 and var order ? order : string.CompareOrdinal(a.Item2, b.Item2)));

    private int _tag;

    public IEnumerable<ReleaseRecord> Records => _rows.Values.Select(one => ReleaseRow.Read(one.Row));

    /// <summary>Rewrites a row as an attacker who can write the table would.</summary>
    public void Tamper(ReleaseId id, Func<ReleaseRecord, ReleaseRecord> change) => _rows[Key(id)] = (ReleaseRow.Write(change(ReleaseRow.Read(_rows[Key(id)].Row))), ++_tag);

    public void Forget() => _rows.Clear();

    public void CopyFrom(MemoryReleases other)
    {
        foreach (var (key, row) in other._rows) _rows.Add(key, row);
        _tag = other._tag;
    }

    public Task<StoredRelease?> Read(ReleaseId id, CancellationToken cancel) => plan.Call("read row", () => _rows.TryGetValue(Key(id), out var row) ? Stored(row) : null);

    public Task<StoredRelease?> Create(ReleaseRecord record, CancellationToken cancel) =>
        plan.Call("create row", () => _rows.TryAdd(Key(record.Id), (ReleaseRow.Write(record), ++_tag)) ? Stored(_rows[Key(record.Id)]) : null);

    public Task<StoredRelease?> Replace(StoredRelease before, ReleaseRecord record, CancellationToken cancel) => plan.Call("replace row", () =>
    {
        if (!_rows.TryGetValue(Key(record.Id), out var row) || $"{row.Tag}" != before.Tag) return null;
        _rows[Key(record.Id)] = (ReleaseRow.Write(record), ++_tag);
        return Stored(_rows[Key(record.Id)]);
    });

    public Task<IReadOnlyList<ReleaseRecord>> Released(string product, CancellationToken cancel) => plan.Call<IReadOnlyList<ReleaseRecord>>("list rows", () =>
        [.. Records.Where(one => one.Id.Product == product && one.State is ReleaseState.Published or ReleaseState.Withdrawn)]);

    public Task<IReadOnlyList<ReleaseRecord>> Page(string? product, ReleaseId? after, int count, CancellationToken cancel) => plan.Call<IReadOnlyList<ReleaseRecord>>("page rows", () =>
        [.. _rows.Where(row => (product is null || row.Key.Item1 == product) && (after is null || Follows(row.Key, Key(after)))).Take(count).Select(row => ReleaseRow.Read(row.Value.Row))]);

    public Task<IReadOnlyList<StoredRelease>> Due(DateTimeOffset now, CancellationToken cancel) => plan.Call<IReadOnlyList<StoredRelease>>("due rows", () =>
        [.. _rows.Values.Select(Stored).Where(one => one.Record.HeldUntil <= now && one.Record.State is ReleaseState.Checking or ReleaseState.Approved)]);

    private static bool Follows((string, string) key, (string, string) after) =>
        string.CompareOrdinal(key.Item1, after.Item1) is > 0 || (key.Item1 == after.Item1 && string.CompareOrdinal(key.Item2, after.Item2) > 0);

    private static (string, string) Key(ReleaseId id) => (id.Product, id.Row);

    private static StoredRelease Stored((Azure.Data.Tables.TableEntity Row, int Tag) row)
    {
        var read = new Azure.Data.Tables.TableEntity(row.Row) { ETag = new ETag($"{row.Tag}") };
        return new StoredRelease(ReleaseRow.Read(read), $"{row.Tag}");
    }
}

/// <summary>The app's keys as files; several versions of each, as a vault has them.</summary>
internal sealed class MemoryKeys(FaultPlan plan) : ISigningKeys
{
    public Dictionary<KeyUse, List<FileKey>> Versions { get; } = new()
    {
        [KeyUse.Policy] = [FirmwareSigning.Tests.Simulator.TestKeys.Named("policy")],
        [KeyUse.Snapshot] = [FirmwareSigning.Tests.Simulator.TestKeys.Named("snapshot")],
        [KeyUse.Timestamp] = [FirmwareSigning.Tests.Simulator.TestKeys.Named("timestamp")],
    };

    /// <summary>The vault does not answer.</summary>
    public bool IsAway { get; set; }

    public FileKey Of(KeyUse use) => Versions[use][^1];

    public Task<Parsed<IDigestSigner>> Find(KeyUse use, IReadOnlyCollection<string> keyIds, CancellationToken cancel) => plan.Call<Parsed<IDigestSigner>>($"key {use}", () =>
    {
        if (IsAway) throw new IOException("the vault is away");
        return Versions[use].FirstOrDefault(key => keyIds.Contains(key.Key.KeyId)) is { } key ? key : new Fault("signing-key-conflict", "key");
    });
}
