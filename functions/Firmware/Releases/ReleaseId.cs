using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;

namespace Serverless.Firmware.Releases;

/// <summary>Names a change of a product's role by its cause, so that the same request twice is the same change.</summary>
/// <remarks><c>gw100@1.4.0</c> a release, <c>gw100@1.4.0~withdrawal</c>, <c>gw100~renewal</c>. Neither <c>@</c> nor <c>~</c> can stand in a
/// product or a version.</remarks>
public sealed record ReleaseId
{
    private const string WithdrawalSuffix = "~withdrawal";
    private const string RenewalSuffix = "~renewal";

    private ReleaseId(string product, string version, string kind) => (Product, Version, Kind) = (product, version, kind);

    /// <summary>Product.</summary>
    public string Product { get; }

    /// <summary>Version of the release; empty for a renewal.</summary>
    public string Version { get; }

    /// <summary><see cref="ReleaseKind"/>.</summary>
    public string Kind { get; }

    /// <summary>Within the product: <c>1.4.0</c>, <c>1.4.0~withdrawal</c>, <c>~renewal</c>.</summary>
    public string Row => Kind switch
    {
        ReleaseKind.Release => Version,
        ReleaseKind.Withdrawal => Version + WithdrawalSuffix,
        _ => RenewalSuffix,
    };

    /// <summary>As callers write it.</summary>
    public string Text => Kind == ReleaseKind.Renewal ? Product + RenewalSuffix : $"{Product}@{Row}";

    /// <summary>A release.</summary>
    /// <param name="product">A product id.</param>
    /// <param name="version">A version.</param>
    public static ReleaseId Release(string product, SemanticVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return new(product, version.Text, ReleaseKind.Release);
    }

    /// <summary>The withdrawal of a release.</summary>
    public ReleaseId Withdrawal() => new(Product, Version, ReleaseKind.Withdrawal);

    /// <summary>The release that a withdrawal takes back.</summary>
    public ReleaseId Withdrawn() => new(Product, Version, ReleaseKind.Release);

    /// <summary>The renewal of a product's role.</summary>
    /// <param name="product">A product id.</param>
    public static ReleaseId Renewal(string product) => new(product, "", ReleaseKind.Renewal);

    /// <summary>Reads an id from hostile text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The id, or <c>release-unknown</c>: what is malformed names nothing either.</returns>
    public static Parsed<ReleaseId> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var unknown = new Fault("release-unknown", "id");
        var at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 0) return text.EndsWith(RenewalSuffix, StringComparison.Ordinal) && Trust(text[..^RenewalSuffix.Length]) is { } renewed ? Renewal(renewed) : unknown;
        if (Trust(text[..at]) is not { } product) return unknown;
        var row = text[(at + 1)..];
        var kind = row.EndsWith(WithdrawalSuffix, StringComparison.Ordinal) ? ReleaseKind.Withdrawal : ReleaseKind.Release;
        if (kind == ReleaseKind.Withdrawal) row = row[..^WithdrawalSuffix.Length];
        return SemanticVersion.Parse(row).TryGet(out var version, out _) ? new ReleaseId(product, version.Text, kind) : unknown;
    }

    private static string? Trust(string product) => FirmwareSigning.Trust.Release.IsId(product) ? product : null;
}
