using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Serverless.Local.FunctionsHost.App;

namespace Serverless.Local.FunctionsHost.Http;

/// <summary>The keys of an app: one master, one for all functions, one for each HTTP function.</summary>
/// <remarks>Kept as the real host keeps them: blobs <c>{host id}/host.json</c> and <c>{host id}/{function}.json</c> in container
/// <c>azure-webjobs-secrets</c>, made at the first start. Trusted: whoever can read them can call. Immutable, thread-safe.</remarks>
internal sealed class KeyRing
{
    public const string Container = "azure-webjobs-secrets";
    private readonly Dictionary<string, byte[]> _functions;
    private readonly byte[] _master;
    private readonly byte[] _host;

    private KeyRing(string master, string host, IReadOnlyDictionary<string, string> functions)
    {
        MasterKey = master;
        HostKey = host;
        FunctionKeys = functions;
        _master = Encoding.UTF8.GetBytes(master);
        _host = Encoding.UTF8.GetBytes(host);
        _functions = functions.ToDictionary(item => item.Key, item => Encoding.UTF8.GetBytes(item.Value));
    }

    public string MasterKey { get; }

    public string HostKey { get; }

    public IReadOnlyDictionary<string, string> FunctionKeys { get; }

    /// <summary>Reads the keys, or makes and stores them.</summary>
    public static async Task<KeyRing> Load(BlobContainerClient container, string hostId, IEnumerable<FunctionDefinition> functions, CancellationToken cancel)
    {
        var host = await LoadFile(container.GetBlobClient($"{hostId}/host.json"), isHost: true, cancel).ConfigureAwait(false);
        var keys = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var function in functions.Where(function => function.Trigger is HttpTrigger { Level: AuthLevel.Function }))
        {
            var blob = container.GetBlobClient($"{hostId}/{function.Name.ToLowerInvariant()}.json");
            using var file = await LoadFile(blob, isHost: false, cancel).ConfigureAwait(false);
            keys[function.Name] = file.RootElement.GetProperty("keys")[0].GetProperty("value").GetString()!;
        }

        using (host)
        {
            return new KeyRing(
                host.RootElement.GetProperty("masterKey").GetProperty("value").GetString()!,
                host.RootElement.GetProperty("functionKeys")[0].GetProperty("value").GetString()!,
                keys);
        }
    }

    /// <summary>Whether a presented key opens a function. Constant time.</summary>
    public bool Opens(AuthLevel level, string function, string? presented)
    {
        if (level == AuthLevel.Anonymous) return true;
        if (presented is null) return false;
        var key = Encoding.UTF8.GetBytes(presented);
        var isMaster = CryptographicOperations.FixedTimeEquals(key, _master);
        if (level == AuthLevel.Admin) return isMaster;
        var isHost = CryptographicOperations.FixedTimeEquals(key, _host);
        var isFunction = _functions.TryGetValue(function, out var own) && CryptographicOperations.FixedTimeEquals(key, own);
        return isMaster | isHost | isFunction;
    }

    private static async Task<JsonDocument> LoadFile(BlobClient blob, bool isHost, CancellationToken cancel)
    {
        try
        {
            var fresh = isHost
                ? JsonSerializer.SerializeToUtf8Bytes(new { masterKey = NewKey("master"), functionKeys = new[] { NewKey("default") }, systemKeys = Array.Empty<object>() })
                : JsonSerializer.SerializeToUtf8Bytes(new { keys = new[] { NewKey("default") } });
            var onlyIfNew = new BlobUploadOptions { Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
            await blob.UploadAsync(BinaryData.FromBytes(fresh), onlyIfNew, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (error.Status is 409 or 412)
        {
            // There since an earlier start, or another instance of this app was faster.
        }

        var stored = await blob.DownloadContentAsync(cancel).ConfigureAwait(false);
        return JsonDocument.Parse(stored.Value.Content.ToMemory());
    }

    private static object NewKey(string name) => new
    {
        name,
        value = Convert.ToBase64String(RandomNumberGenerator.GetBytes(40)).Replace('+', '-').Replace('/', '_'),
        encrypted = false,
    };
}
