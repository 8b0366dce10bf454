using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serverless.Faults;
using Serverless.Firmware.Desk;
using Serverless.Firmware.Keys;
using Serverless.Firmware.Releases;
using Serverless.Firmware.Stores;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Tests;

/// <summary>The whole desk around stores in memory: people with keys, a repository that a ceremony began, devices that poll it.</summary>
internal sealed class Town : IDisposable
{
    public const string Alice = "aaaaaaaa-0000-4000-8000-000000000001";
    public const string Bob = "bbbbbbbb-0000-4000-8000-000000000002";
    public const string Carol = "cccccccc-0000-4000-8000-000000000003";
    public static readonly DateTimeOffset Day0 = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly ServiceProvider _services;

    private Town(long inlineBytes)
    {
        Ota = new MemoryOta(Plan);
        Images = new MemoryImages(Plan);
        Releases = new MemoryReleases(Plan);
        Keys = new MemoryKeys(Plan);
        var services = new ServiceCollection();
        AddTo(services, inlineBytes);
        services.AddLogging(logging => logging.AddProvider(Log));
        _services = services.BuildServiceProvider();
    }

    public FaultPlan Plan { get; } = new();

    public FakeTimeProvider Clock { get; } = new(Day0);

    public MemoryOta Ota { get; }

    public MemoryImages Images { get; }

    public MemoryReleases Releases { get; }

    public MemoryKeys Keys { get; }

    public LogLines Log { get; } = new();

    public FileKey Root { get; } = TestKeys.Named("root");

    public FileKey Targets { get; } = TestKeys.Named("targets");

    /// <summary>What the next ceremony says of a product's MCUs; products named mcu… have some.</summary>
    public Func<string, SuitPolicy?> SuitOf { get; set; } = product => product.StartsWith("mcu", StringComparison.Ordinal) ? new SuitPolicy("vendor.example", "app") : null;

    /// <summary>Each person's key; Carol has two.</summary>
    public static FileKey KeyOf(string person) => TestKeys.Named(person);

    public T The<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A repository with its products; by default gw100 with Alice, Bob and Carol, two people a release.</summary>
    public static async Task<Town> Found(PeoplePolicy people = PeoplePolicy.TwoPerson, int threshold = 2, long inlineBytes = 1 << 20, params string[] products)
    {
        var town = new Town(inlineBytes);
        var targets = town.Policies(people, threshold, products.Length == 0 ? ["gw100"] : products, [Alice, Bob, Carol]);
        Assert.Null((await town.Ceremony(await Signed(town.RootDraft(1), town.Root), await Signed(targets, town.Targets))).Fault);
        town.Plan.Reset();
        town.Plan.Names.Clear();
        return town;
    }

    /// <summary>The same town again, for another end of the story.</summary>
    public Town Fork(long inlineBytes = 1 << 20)
    {
        var other = new Town(inlineBytes);
        other.Clock.SetUtcNow(Clock.GetUtcNow());
        foreach (var (name, file) in Ota.Metadata) other.Ota.Metadata.Add(name, file);
        foreach (var (name, file) in Ota.Targets) other.Ota.Targets.Add(name, file);
        foreach (var (name, blob) in Images.Blobs) other.Images.Blobs.Add(name, blob);
        other.Releases.CopyFrom(Releases);
        return other;
    }

    /// <summary>Registers the desk with this town's stores.</summary>
    public void AddTo(IServiceCollection services, long inlineBytes = 1 << 20)
    {
        services.AddSingleton<TimeProvider>(Clock);
        services.AddSingleton<IRepositoryFiles>(Ota);
        services.AddSingleton<ITargetShelf>(Ota);
        services.AddSingleton<IImages>(Images);
        services.AddSingleton<IReleases>(Releases);
        services.AddSingleton<ISigningKeys>(Keys);
        services.AddSingleton(PublishPolicy.Default);
        services.AddSingleton(new DeskSettings { InlineBytes = inlineBytes });
        FirmwareServices.AddDesk(services);
    }

    public JsonObject RootDraft(long version, FileKey? snapshot = null, FileKey? timestamp = null) => Draft.Root(version, Clock.GetUtcNow().AddDays(365), new Dictionary<string, RoleDraft>
    {
        ["root"] = new([Root.Key], 1),
        ["targets"] = new([Targets.Key], 1),
        ["snapshot"] = new([(snapshot ?? Keys.Of(KeyUse.Snapshot)).Key], 1),
        ["timestamp"] = new([(timestamp ?? Keys.Of(KeyUse.Timestamp)).Key], 1),
    });

    public JsonObject Policies(PeoplePolicy people, int threshold, string[] products, string[] approvers, long version = 1, FileKey? pipeline = null)
    {
        pipeline ??= Keys.Of(KeyUse.Policy);
        var keys = approvers.ToDictionary(person => KeyOf(person).Key.KeyId, person => person[..36]);
        var delegations = products.Select(product => Draft.Product(product, [pipeline.Key, .. approvers.Select(person => KeyOf(person).Key)], threshold)).ToList();
        var draft = Draft.Targets(version, Clock.GetUtcNow().AddDays(365), new Dictionary<string, TargetFile>(), delegations);
        return products.Aggregate(draft, (whole, product) =>
            new ProductPolicy(product, people, [$"{product}-r1", $"{product}-r2"], pipeline.Key.KeyId, keys, new Dictionary<string, FirmwareSigning.Trust.Keys.PublicKey>(), threshold)
            {
                Suit = SuitOf(product),
            }.AddTo(whole));
    }

    public Task<Parsed<Published>> Ceremony(byte[]? root, byte[]? targets, params (string Product, byte[] File)[] roles)
    {
        var body = new MetadataChangeBody(
            root is null ? null : Convert.ToBase64String(root),
            targets is null ? null : Convert.ToBase64String(targets),
            roles.Length == 0 ? null : roles.ToDictionary(role => role.Product, role => Convert.ToBase64String(role.File)));
        return The<Ceremonies>().Publish(JsonSerializer.SerializeToUtf8Bytes(body, ReleaseApiJson.Default.MetadataChangeBody), Token);
    }

    public static async Task<byte[]> Signed(JsonObject draft, params IDigestSigner[] signers) =>
        (await SignedFile.Create(draft, signers, Token)).TryGet(out var file, out var fault) ? file : throw new InvalidOperationException(fault.ToString());

    /// <summary>Uploads an image and a bill of materials, and describes the release.</summary>
    public SubmissionBody Upload(string version, int svn = 1, string product = "gw100", int bytes = 2000)
    {
        var image = ImageOf(product, version, bytes);
        Images.Put($"{product}/{version}/image.bin", image);
        Images.Put($"{product}/{version}/sbom.json", """{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"zlib"}]}"""u8.ToArray());
        return new SubmissionBody(
            product, version, [$"{product}-r1"], svn, 1 << 20, $"notes of {version}\nin two lines", "2031-01-01T00:00:00Z", "image.bin",
            $"{product}/{version}/image.bin", Convert.ToHexStringLower(SHA256.HashData(image)), $"{product}/{version}/sbom.json");
    }

    public static byte[] ImageOf(string product, string version, int bytes = 2000)
    {
        var seed = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{product} {version}"));
        return [.. Enumerable.Range(0, bytes).Select(i => (byte)(seed[i % seed.Length] ^ (i / seed.Length & 0xFF)))];
    }

    public static Submission Read(SubmissionBody body) =>
        Submission.Parse(JsonSerializer.SerializeToUtf8Bytes(body, ReleaseApiJson.Default.SubmissionBody)).TryGet(out var submission, out var fault) ? submission : throw new InvalidOperationException(fault.ToString());

    public async Task<Parsed<ReleaseRecord>> Submit(SubmissionBody body, string person = Alice) =>
        (await The<Submitting>().Submit(Read(body), person, Token)).Then<ReleaseRecord>(taken => taken.Record);

    /// <summary>Approves as fwsign does: reads what is shown, signs what was read.</summary>
    public async Task<Parsed<ReleaseRecord>> Approve(string id, string person = Bob, FileKey? key = null, Func<GivenApproval, GivenApproval>? change = null)
    {
        Assert.True(ReleaseId.Parse(id).TryGet(out var release, out _));
        if (!(await The<Views>().Show(release, Token)).TryGet(out var shown, out var fault)) return fault;
        var given = await Sign(shown, key ?? KeyOf(person));
        return await The<Approving>().Approve(release, change is null ? given : change(given), person, Token);
    }

    public static async Task<GivenApproval> Sign(ReleaseBody shown, FileKey key)
    {
        if (shown.Proposal?.Signed is not { } text) return new GivenApproval(new string('0', 64), key.Key.KeyId, "00");
        Assert.True(JsonReading.Read(Convert.FromBase64String(text)).TryGet(out var read, out _));
        var signed = Assert.IsType<JsonObject>(read);
        Assert.Equal(shown.Proposal.Sha256, ProductRole.DigestOf(signed));
        Assert.True((await SignedFile.Sign(signed, key, Token)).TryGet(out var der, out _));
        return new GivenApproval(ProductRole.DigestOf(signed), key.Key.KeyId, Convert.ToHexStringLower(der));
    }

    /// <summary>Submitted by Alice, approved by Bob.</summary>
    public async Task<ReleaseRecord> Release(string version, int svn = 1, string product = "gw100")
    {
        Assert.Null((await Submit(Upload(version, svn, product))).Fault);
        Assert.True((await Approve($"{product}@{version}")).TryGet(out var published, out var fault), fault?.ToString());
        Assert.Equal(ReleaseState.Published, published.State);
        return published;
    }

    public async Task<ReleaseRecord> Record(string id)
    {
        Assert.True(ReleaseId.Parse(id).TryGet(out var release, out _));
        return (await Releases.Read(release, Token))?.Record ?? throw new InvalidOperationException($"{id} is not stored");
    }

    /// <summary>What the minute timer does.</summary>
    public async Task TickAdvance()
    {
        foreach (var due in await Releases.Due(Clock.GetUtcNow(), Token)) await AdvanceReleases.Advance(due, _services, Token);
    }

    /// <summary>A device made with the first root.</summary>
    public SimulatedClient Device() => new(Ota, Ota.Metadata["1.root.json"].Content, Clock);

    public static string Target(string version, string product = "gw100") => $"{product}/{version}/image.bin";

    public void Dispose() => _services.Dispose();
}
