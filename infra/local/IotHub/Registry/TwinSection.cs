using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Registry;

/// <summary>One section of a twin (tags, desired or reported): a JSON object, its version, and when each member last changed.</summary>
/// <remarks>Immutable: a change yields the next section, so that a patch of two sections lands whole or not at all.</remarks>
internal sealed class TwinSection
{
    private readonly string _name;
    private readonly int _bytesMax;
    private readonly JsonObject _values;
    private readonly JsonObject _metadata;

    private TwinSection(string name, int bytesMax, JsonObject values, JsonObject metadata, long version)
    {
        (_name, _bytesMax, _values, _metadata, Version) = (name, bytesMax, values, metadata, version);
    }

    /// <summary>Counts up with every change; starts at 1.</summary>
    public long Version { get; }

    /// <summary>A copy of the values.</summary>
    public JsonObject Values => (JsonObject)_values.DeepClone();

    /// <summary>An empty section.</summary>
    /// <param name="name">What faults call it.</param>
    /// <param name="bytesMax">Its limit, bytes of compact JSON.</param>
    public static TwinSection Empty(string name, int bytesMax) => new(name, bytesMax, [], new() { ["$lastUpdated"] = HubTime.Text(null) }, 1);

    /// <summary>The node at a path, not a copy: read only.</summary>
    public JsonNode? Find(ReadOnlySpan<string> path)
    {
        JsonNode? node = _values;
        foreach (var step in path)
        {
            if (node is not JsonObject inner || !inner.TryGetPropertyValue(step, out node)) return null;
        }

        return node;
    }

    /// <summary>The values with <c>$version</c>, and <c>$metadata</c> when asked.</summary>
    public JsonObject Document(bool metadata)
    {
        var document = Values;
        if (metadata) document["$metadata"] = _metadata.DeepClone();
        document["$version"] = Version;
        return document;
    }

    /// <summary>Merges a patch: objects recursively, <see langword="null"/> deletes, everything else replaces.</summary>
    /// <returns>The next section and the patch as applied, or <c>twin-member</c>, <c>twin-depth</c>, <c>twin-size</c>.</returns>
    public Parsed<TwinChange> Merge(JsonObject patch, DateTimeOffset now) => Apply((JsonObject)_values.DeepClone(), (JsonObject)_metadata.DeepClone(), patch, now);

    /// <summary>Replaces everything.</summary>
    /// <returns>As <see cref="Merge(JsonObject, DateTimeOffset)"/>.</returns>
    public Parsed<TwinChange> Replace(JsonObject values, DateTimeOffset now) => Apply([], [], values, now);

    private Parsed<TwinChange> Apply(JsonObject values, JsonObject metadata, JsonObject patch, DateTimeOffset now)
    {
        var clean = (JsonObject)patch.DeepClone();
        clean.Remove("$metadata"); // SDKs send back what they read; the hub ignores its own members
        clean.Remove("$version");
        if (Check(clean, 1) is { } fault) return fault;
        Merge(values, metadata, clean, now, Version + 1);
        return Encoding.UTF8.GetByteCount(values.ToJsonString()) > _bytesMax
            ? new Fault("twin-size", _name)
            : new TwinChange(new TwinSection(_name, _bytesMax, values, metadata, Version + 1), clean);
    }

    private static void Merge(JsonObject values, JsonObject metadata, JsonObject patch, DateTimeOffset now, long version)
    {
        metadata["$lastUpdated"] = HubTime.Text(now);
        metadata["$lastUpdatedVersion"] = version;
        foreach (var (key, value) in patch)
        {
            if (value is null)
            {
                values.Remove(key);
                metadata.Remove(key);
                continue;
            }

            var inner = metadata[key] as JsonObject ?? [];
            if (inner.Parent is null) metadata[key] = inner;
            if (value is JsonObject patched)
            {
                var target = values[key] as JsonObject ?? [];
                if (target.Parent is null) values[key] = target;
                Merge(target, inner, patched, now, version);
            }
            else
            {
                inner.Clear();
                inner["$lastUpdated"] = HubTime.Text(now);
                inner["$lastUpdatedVersion"] = version;
                values[key] = value.DeepClone();
            }
        }
    }

    private Fault? Check(JsonNode? node, int depth)
    {
        if (depth > HubLimits.TwinDepthMax + 1) return new Fault("twin-depth", _name);
        switch (node)
        {
            case JsonObject inner:
                foreach (var (key, value) in inner)
                {
                    if (!KeyAllowed(key)) return new Fault("twin-member", _name);
                    if (Check(value, depth + 1) is { } fault) return fault;
                }

                return null;
            case JsonArray items:
                foreach (var item in items)
                {
                    if (Check(item, depth + 1) is { } fault) return fault;
                }

                return null;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String && Encoding.UTF8.GetByteCount(value.GetValue<string>()) > HubLimits.TwinStringBytesMax:
                return new Fault("twin-member", _name);
            default:
                return null;
        }
    }

    // Device twin guide: no control characters, no '.', '$' or space.
    private static bool KeyAllowed(string key) =>
        key.Length > 0 && Encoding.UTF8.GetByteCount(key) <= HubLimits.TwinKeyBytesMax
        && !key.Any(character => char.IsControl(character) || character is '.' or '$' or ' ');
}

/// <summary>What a patch made of a section.</summary>
/// <param name="Next">The section after it.</param>
/// <param name="Applied">The patch without the hub's own members.</param>
internal sealed record TwinChange(TwinSection Next, JsonObject Applied);
