using System.Text.Json.Nodes;

namespace Serverless.Local.KeyVault;

/// <summary>The vault's keys on disk, for a cloud that keeps its storage between runs: one JSON file, replaced by rename, mode 600.</summary>
/// <remarks>Unencrypted on purpose, and so for development only: a passphrase beside the file would only look like protection.</remarks>
internal sealed class KeyFile(string folder)
{
    private readonly string _path = Path.Combine(folder, "keyvault.json");

    /// <exception cref="InvalidDataException">The file is not ours.</exception>
    public Dictionary<string, StoredKey> Read()
    {
        var keys = new Dictionary<string, StoredKey>(StringComparer.OrdinalIgnoreCase);
        if (!File.Exists(_path)) return keys;
        try
        {
            foreach (var key in JsonNode.Parse(File.ReadAllBytes(_path))!.AsArray()) keys.Add((string)key!["name"]!, ReadKey(key.AsObject()));
            return keys;
        }
        catch (Exception damaged) when (damaged is System.Text.Json.JsonException or InvalidOperationException or NullReferenceException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"{_path} does not hold a vault's keys", damaged);
        }
    }

    public void Write(IEnumerable<StoredKey> keys)
    {
        Directory.CreateDirectory(folder);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var next = _path + ".next";
        using (var stream = new FileStream(next, options))
        {
            stream.Write(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new JsonArray([.. keys.Select(WriteKey)])));
            stream.Flush(flushToDisk: true);
        }
        File.Move(next, _path, overwrite: true);
    }

    private static StoredKey ReadKey(JsonObject key) => new(
        (string)key["name"]!,
        [.. key["versions"]!.AsArray().Select(version => new StoredVersion(
            (string)version!["version"]!,
            (string)version["crv"]!,
            Convert.FromBase64String((string)version["pkcs8"]!),
            [.. version["key_ops"]!.AsArray().Select(operation => (string)operation!)],
            (bool)version["enabled"]!,
            Jwk.Instant(version["nbf"]),
            Jwk.Instant(version["exp"]),
            Jwk.Instant(version["created"])!.Value,
            Jwk.Instant(version["updated"])!.Value,
            version["tags"]?.DeepClone().AsObject()))],
        Jwk.Instant(key["deleted"]));

    private static JsonNode WriteKey(StoredKey key) => new JsonObject
    {
        ["name"] = key.Name,
        ["deleted"] = key.DeletedAt?.ToUnixTimeSeconds(),
        ["versions"] = new JsonArray([.. key.Versions.Select(version => new JsonObject
        {
            ["version"] = version.Version,
            ["crv"] = version.Curve,
            ["pkcs8"] = Convert.ToBase64String(version.Pkcs8),
            ["key_ops"] = new JsonArray([.. version.Operations.Select(operation => JsonValue.Create(operation))]),
            ["enabled"] = version.Enabled,
            ["nbf"] = version.NotBefore?.ToUnixTimeSeconds(),
            ["exp"] = version.Expires?.ToUnixTimeSeconds(),
            ["created"] = version.Created.ToUnixTimeSeconds(),
            ["updated"] = version.Updated.ToUnixTimeSeconds(),
            ["tags"] = version.Tags?.DeepClone(),
        })]),
    };
}
