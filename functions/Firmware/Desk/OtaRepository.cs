using Serverless.Faults;
using Serverless.Firmware.Keys;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Firmware.Desk;

/// <summary>The published repository, as the app reads it and writes it. Thread-safe.</summary>
/// <param name="files">Its metadata.</param>
/// <param name="keys">The app's online keys.</param>
/// <param name="policy">Lifetimes.</param>
/// <param name="clock">Wall time.</param>
internal sealed class OtaRepository(IRepositoryFiles files, ISigningKeys keys, PublishPolicy policy, TimeProvider clock)
{
    /// <summary>Lifetimes.</summary>
    public PublishPolicy Lives => policy;

    /// <summary>What is published now, and who may release what.</summary>
    /// <returns>It, or a fault of <see cref="Publication.Read"/> or <see cref="ProductPolicy.ReadAll"/>.</returns>
    public async Task<Parsed<Standing>> Read(CancellationToken cancel)
    {
        if (!(await Publication.Read(files, cancel).ConfigureAwait(false)).TryGet(out var publication, out var fault)) return fault;
        return ProductPolicy.ReadAll(publication.TargetsSigned, publication.Targets).TryGet(out var products, out fault)
            ? new Standing(publication, products)
            : fault;
    }

    /// <summary>What is published of one product.</summary>
    /// <returns>It, or <c>product-unknown</c>, or as <see cref="Read(CancellationToken)"/>.</returns>
    public async Task<Parsed<ProductStanding>> Read(string product, CancellationToken cancel)
    {
        if (!(await Read(cancel).ConfigureAwait(false)).TryGet(out var standing, out var fault))
            return fault.Code == "publish-root" ? new Fault("product-unknown", "product") : fault;
        return await Of(standing, product, cancel).ConfigureAwait(false);
    }

    /// <summary>One product of a publication.</summary>
    /// <returns>It, or <c>product-unknown</c>, or the fault with which a device would refuse the role.</returns>
    public static async Task<Parsed<ProductStanding>> Of(Standing standing, string product, CancellationToken cancel)
    {
        if (!standing.Products.TryGetValue(product, out var policyOf)) return new Fault("product-unknown", "product");
        var role = await standing.Publication.Role(product, cancel).ConfigureAwait(false);
        if (role.TryGet(out var published, out var fault)) return new ProductStanding(policyOf, published, standing.Publication);
        return fault.Code == "targets-unlisted" ? new ProductStanding(policyOf, null, standing.Publication) : fault;
    }

    /// <summary>The lowest version of a role that no file has: gaps are legal, so what a crash left behind is passed over.</summary>
    public async Task<long> FreeVersion(string role, long after, CancellationToken cancel)
    {
        var version = after + 1;
        while (await files.Read($"{version}.{RoleName.Quote(role)}.json", cancel).ConfigureAwait(false) is not null) version++;
        return version;
    }

    /// <summary>Publishes a change with the online keys that the newest root names.</summary>
    /// <param name="change">The change.</param>
    /// <param name="root">The newest root: the change's own, or the published one.</param>
    /// <param name="cancel">Stops the call; it may be repeated as it was.</param>
    /// <returns>What devices see, or <c>signing-key-conflict</c>, or a fault of <see cref="Publisher.Publish"/>.</returns>
    public async Task<Parsed<Published>> Publish(Change change, Root root, CancellationToken cancel)
    {
        if (!(await keys.Find(KeyUse.Snapshot, [.. root.Roles[RoleName.Snapshot].KeyIds], cancel).ConfigureAwait(false)).TryGet(out var snapshot, out var fault)) return fault;
        if (!(await keys.Find(KeyUse.Timestamp, [.. root.Roles[RoleName.Timestamp].KeyIds], cancel).ConfigureAwait(false)).TryGet(out var timestamp, out fault)) return fault;
        return await new Publisher(files, snapshot, timestamp, policy, clock).Publish(change, cancel).ConfigureAwait(false);
    }
}

/// <summary>A publication and its products.</summary>
/// <param name="Publication">What devices see.</param>
/// <param name="Products">Policy by product.</param>
internal sealed record Standing(Publication Publication, IReadOnlyDictionary<string, ProductPolicy> Products);

/// <summary>A product as published.</summary>
/// <param name="Policy">Who may release.</param>
/// <param name="Role">Its role; <see langword="null"/> before the first release.</param>
/// <param name="Publication">The publication it belongs to.</param>
internal sealed record ProductStanding(ProductPolicy Policy, PublishedRole? Role, Publication Publication)
{
    /// <summary>Version of the role; 0 before the first release.</summary>
    public long Version => Role?.Targets.Header.Version ?? 0;
}
