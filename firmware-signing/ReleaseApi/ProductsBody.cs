using System.Text.Json.Serialization;

namespace Serverless.FirmwareSigning.ReleaseApi;

/// <summary>The products of the repository: <c>GET api/products</c>.</summary>
/// <param name="Products">By id.</param>
public sealed record ProductsBody(IReadOnlyList<ProductBody> Products);

/// <summary>A product, as the offline targets role describes it (FORMAT.md 9).</summary>
/// <param name="Id">Product id, also the role's name.</param>
/// <param name="Policy"><c>two-person</c> or <c>single-person</c>.</param>
/// <param name="Hardware">Hardware ids.</param>
/// <param name="Threshold">Different keys that must sign.</param>
/// <param name="PipelineKeyId">The pipeline's policy key.</param>
/// <param name="Approvers">People's keys.</param>
/// <param name="RoleVersion">Published version of the role; 0 before the first release.</param>
/// <param name="RoleExpires">When it expires; <see langword="null"/> before the first release.</param>
/// <param name="Suit">How its MCUs name it; of products without MCUs the member is absent.</param>
public sealed record ProductBody(
    string Id,
    string Policy,
    IReadOnlyList<string> Hardware,
    int Threshold,
    string PipelineKeyId,
    IReadOnlyList<ApproverBody> Approvers,
    long RoleVersion,
    string? RoleExpires,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] SuitBody? Suit = null);

/// <summary>What SUIT manifests of a product say of it.</summary>
/// <param name="Vendor">The vendor's domain.</param>
/// <param name="Component">The component's id.</param>
public sealed record SuitBody(string Vendor, string Component);

/// <summary>What is published: <c>GET api/metadata</c>.</summary>
/// <param name="Roles">Root, timestamp, snapshot, targets, then products.</param>
public sealed record MetadataBody(IReadOnlyList<RoleBody> Roles);

/// <summary>A role.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Published version.</param>
/// <param name="Expires">When it expires.</param>
public sealed record RoleBody(string Name, long Version, string Expires);

/// <summary>A ceremony's files are visible.</summary>
/// <param name="TimestampVersion">Version of the timestamp.</param>
/// <param name="SnapshotVersion">Version of the snapshot.</param>
public sealed record MetadataPublishedBody(long TimestampVersion, long SnapshotVersion);
