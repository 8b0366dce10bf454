using System.Text.Json;
using Serverless.Faults;

namespace Serverless.Firmware.Releases;

/// <summary>Whether a document is a software bill of materials that says something: CycloneDX 1.2 to 1.7 or SPDX 2.2, 2.3 or 3.0, as JSON.</summary>
/// <remarks>Its shape is checked, not its truth: whether it lists what the image contains is between the build and its auditors. The
/// release record pins its digest, so that it cannot be changed afterwards.</remarks>
public static class BillOfMaterials
{
    /// <summary>Longest document taken, bytes.</summary>
    public const int WireBytesMax = 16 * 1024 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>Judges a document.</summary>
    /// <param name="utf8">Hostile bytes, at most <see cref="WireBytesMax"/>.</param>
    /// <returns>Nothing, or <c>sbom-format</c> (neither of the two, or malformed), <c>sbom-empty</c> (it lists no component).</returns>
    public static Fault? Judge(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, Strict);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return Malformed;
            if (root.TryGetProperty("bomFormat", out _)) return CycloneDx(root);
            if (root.TryGetProperty("spdxVersion", out _)) return Spdx2(root);
            return root.TryGetProperty("@context", out _) ? Spdx3(root) : Malformed;
        }
        catch (JsonException)
        {
            return Malformed;
        }
    }

    private static Fault Malformed => new("sbom-format", "sbom");

    // CycloneDX 1.7 JSON: bomFormat, specVersion, components of type and name.
    private static Fault? CycloneDx(JsonElement root) =>
        Text(root, "bomFormat") != "CycloneDX" || Text(root, "specVersion") is not ("1.2" or "1.3" or "1.4" or "1.5" or "1.6" or "1.7")
            ? Malformed
            : Listed(root, "components", one => HasText(one, "type") && HasText(one, "name"));

    // SPDX 2.3 clauses 6 and 7: the document's own fields, and packages of name and SPDXID.
    private static Fault? Spdx2(JsonElement root) =>
        Text(root, "spdxVersion") is not ("SPDX-2.2" or "SPDX-2.3") || Text(root, "SPDXID") != "SPDXRef-DOCUMENT" || !HasText(root, "name")
        || !HasText(root, "documentNamespace") || !HasText(root, "dataLicense")
            ? Malformed
            : Listed(root, "packages", one => HasText(one, "name") && Text(one, "SPDXID")?.StartsWith("SPDXRef-", StringComparison.Ordinal) == true);

    // SPDX 3.0 JSON-LD: one graph, elements of type; the software packages are what it lists.
    private static Fault? Spdx3(JsonElement root)
    {
        if (Text(root, "@context")?.StartsWith("https://spdx.org/rdf/3.0", StringComparison.Ordinal) != true) return Malformed;
        if (!root.TryGetProperty("@graph", out var graph) || graph.ValueKind != JsonValueKind.Array) return Malformed;
        var packages = 0;
        foreach (var element in graph.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Object || !HasText(element, "type")) return Malformed;
            if (Text(element, "type") == "software_Package" && HasText(element, "name")) packages++;
        }
        return packages > 0 ? null : new Fault("sbom-empty", "sbom");
    }

    private static Fault? Listed(JsonElement root, string member, Func<JsonElement, bool> good)
    {
        if (!root.TryGetProperty(member, out var list)) return new Fault("sbom-empty", "sbom");
        if (list.ValueKind != JsonValueKind.Array) return Malformed;
        var count = 0;
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.Object || !good(one)) return Malformed;
            count++;
        }
        return count > 0 ? null : new Fault("sbom-empty", "sbom");
    }

    private static string? Text(JsonElement element, string member)
    {
        if (!element.TryGetProperty(member, out var value) || value.ValueKind != JsonValueKind.String) return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // invalid UTF-8 or a lone surrogate inside the text: the reader tells it only so
        }
    }

    private static bool HasText(JsonElement element, string member) => Text(element, member) is { Length: > 0 };
}
