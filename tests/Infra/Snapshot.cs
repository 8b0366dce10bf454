using System.Text.Json;

namespace Serverless.Infra.Tests;

/// <summary>One resource that a deployment would make, with what cannot be known offline left as an expression in brackets.</summary>
internal sealed record Resource(string Id, string Type, string Name, JsonElement Body)
{
    /// <summary>A property by path, such as <c>properties.publicNetworkAccess</c>; <see langword="null"/> when absent.</summary>
    public JsonElement? At(string path)
    {
        var here = Body;
        foreach (var part in path.Split('.'))
        {
            if (here.ValueKind != JsonValueKind.Object || !here.TryGetProperty(part, out here)) return null;
        }

        return here;
    }

    /// <summary>The property's text, or its JSON.</summary>
    public string Text(string path) => At(path) is { } value ? value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText() : "";

    public override string ToString() => $"{Type} {Name}";
}

/// <summary>What one parameter file would deploy: the templates evaluated offline.</summary>
internal sealed class Snapshot
{
    public const string Subscription = "00000000-0000-0000-0000-000000000001";
    public const string Tenant = "00000000-0000-0000-0000-000000000002";

    private Snapshot(IReadOnlyList<Resource> resources, string outputs) => (Resources, Outputs) = (resources, outputs);

    public IReadOnlyList<Resource> Resources { get; }

    /// <summary>The deployment's outputs, as JSON.</summary>
    public string Outputs { get; }

    public IEnumerable<Resource> Of(string type) => Resources.Where(resource => string.Equals(resource.Type, type, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads a committed snapshot; a test holds it against the templates.</summary>
    public static Snapshot Read(string environment)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Bicep.Folder, $"{environment}.snapshot.json")));
        return new Snapshot([.. file.RootElement.GetProperty("predictedResources").EnumerateArray().Select(resource => new Resource(
            resource.GetProperty("id").GetString()!,
            resource.GetProperty("type").GetString()!,
            resource.GetProperty("name").GetString()!,
            resource.Clone()))], file.RootElement.GetProperty("outputs").GetRawText());
    }

    /// <summary>Evaluates the templates again and compares.</summary>
    public static (int ExitCode, string Output, string Errors) Validate(string environment) =>
        Bicep.Run(
            "snapshot", $"{environment}.bicepparam", "--mode", "validate",
            "--subscription-id", Subscription, "--tenant-id", Tenant, "--location", "westeurope");
}
