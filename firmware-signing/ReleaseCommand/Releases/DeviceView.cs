using System.Security.Cryptography;
using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.ReleaseCommand.Releases;

/// <summary>The repository as a device sees it, with metadata kept between runs so that a rollback is noticed.</summary>
internal sealed class DeviceView
{
    private readonly RepositorySession _session;
    private readonly MetadataStore _store;

    private DeviceView(RepositorySession session, MetadataStore store) => (_session, _store) = (session, store);

    /// <summary>Refreshes.</summary>
    /// <param name="folder">Where metadata is kept for this root.</param>
    /// <param name="rootFile">The root that devices are born with.</param>
    /// <param name="transport">The network.</param>
    /// <param name="address">The repository.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The view, or a fault of <see cref="RepositorySession.Refresh"/>.</returns>
    public static async Task<Parsed<DeviceView>> Refresh(string folder, byte[] rootFile, ITransport transport, RepositoryAddress address, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (!TrustedMetadata.Begin(rootFile, now).TryGet(out _, out var fault)) return fault;
        // One folder a first root: another root is another repository.
        var store = new MetadataStore(new DiskFiles(Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(rootFile))[..16])));
        if (store.Read(RoleName.Root, Root.WireBytesMax) is null) store.Keep(RoleName.Root, rootFile);
        var refreshed = await RepositorySession.Refresh(store, new BoundedFetch(transport, FetchLimits.Default, clock), address, now, cancel).ConfigureAwait(false);
        return refreshed.Then<DeviceView>(session => new DeviceView(session, store));
    }

    /// <summary>The top-level roles.</summary>
    public TrustedMetadata Trusted => _session.Trusted;

    /// <summary>A target's entry, as <see cref="RepositorySession.Find"/> finds it.</summary>
    public Task<Parsed<TargetFile>> Find(string target, CancellationToken cancel) => _session.Find(target, cancel);

    /// <summary>A product's policy, from the targets role that devices trust.</summary>
    /// <param name="product">Product id.</param>
    /// <returns>The policy, or <c>product-unknown</c>, or a fault of <see cref="ProductPolicy.ReadAll"/>.</returns>
    public Parsed<ProductPolicy> Policy(string product)
    {
        if (_store.Read(RoleName.Targets, Targets.WireBytesMax) is not { } file) return new Fault("product-unknown", "--product");
        if (!Envelope.Read(file).TryGet(out var envelope, out var fault)) return fault;
        if (!ProductPolicy.ReadAll(envelope.Signed, Trusted.Targets!).TryGet(out var policies, out fault)) return fault;
        return policies.TryGetValue(product, out var policy) ? policy : new Fault("product-unknown", "--product");
    }

    /// <summary>Signed part of a product's role.</summary>
    /// <param name="product">Product id.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>The signed part; an empty role before the first release; or <c>product-unknown</c>, or why it cannot be had.</returns>
    public async Task<Parsed<JsonObject>> Role(string product, CancellationToken cancel)
    {
        // Looking for a name nobody has makes the session fetch, verify and store exactly the roles that could have it.
        var found = await _session.Find($"{product}/0/-", cancel).ConfigureAwait(false);
        if (Trusted.Targets!.Delegations.All(one => one.Name != product)) return new Fault("product-unknown", "--product");
        if (found.Fault is { Code: "targets-unlisted" }) return Draft.Targets(1, DateTimeOffset.UnixEpoch, new Dictionary<string, TargetFile>(), []);
        if (found.Fault is { } fault && fault.Code != "target-absent") return fault;
        if (_store.Read(product, Targets.WireBytesMax) is not { } file) return new Fault("product-unknown", "--product");
        return Envelope.Read(file).Then<JsonObject>(envelope => envelope.Signed);
    }
}
