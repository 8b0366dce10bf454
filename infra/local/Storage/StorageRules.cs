using System.Buffers;

namespace Serverless.Local.Storage;

/// <summary>The three services of an account.</summary>
public enum StorageService
{
    /// <summary>Blobs.</summary>
    Blob,

    /// <summary>Queues.</summary>
    Queue,

    /// <summary>Tables.</summary>
    Table,
}

/// <summary>One thing a request wants to do: an Azure data action on a local scope.</summary>
/// <param name="Action">Such as <c>Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read</c>.</param>
/// <param name="Scope">Such as <c>storage/blob/profiles</c>, or <c>storage/blob</c> for the whole service.</param>
public sealed record StorageAccess(string Action, string Scope);

/// <summary>What the addressed request needs, or that its address is not one we can judge.</summary>
/// <param name="Needs">Every access it needs; <see langword="null"/> if it cannot be judged and so is refused.</param>
/// <param name="Container">Container, queue or table; empty for the service itself.</param>
public sealed record StorageTarget(IReadOnlyList<StorageAccess>? Needs, string Container)
{
    /// <summary>An address that two readers could read differently.</summary>
    public static StorageTarget Unclear { get; } = new(null, "");
}

/// <summary>Reads from a raw request line which role a request needs. Pure.</summary>
/// <remarks>It judges the bytes that will be forwarded, not a normalised form of them: a path that Azurite might read differently from us
/// (dot segments, an escaped container name, a second slash) is refused, not repaired. Containers, queues and tables are judged like the
/// data in them: whoever may write blobs of a container may create and delete it, as Azure's Data Contributor may.</remarks>
public static class StorageRules
{
    private const string Root = "/" + Azurite.Account;
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-$");

    /// <summary>Finds what a request needs.</summary>
    /// <param name="service">By the port it came in.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="rawTarget">Path and query as received, still escaped.</param>
    public static StorageTarget Target(StorageService service, string method, string rawTarget)
    {
        ArgumentNullException.ThrowIfNull(rawTarget);
        var end = rawTarget.IndexOf('?', StringComparison.Ordinal);
        var path = end < 0 ? rawTarget : rawTarget[..end];
        if (path != Root && !path.StartsWith(Root + "/", StringComparison.Ordinal)) return StorageTarget.Unclear;
        if (path.Contains('\\', StringComparison.Ordinal) || path.Contains('#', StringComparison.Ordinal) || HasDotSegment(path)) return StorageTarget.Unclear;
        var rest = path.Length > Root.Length ? path[(Root.Length + 1)..] : "";
        return service == StorageService.Table ? TableTarget(method, rest) : NamedTarget(service, method, rest);
    }

    /// <summary>What an operation of a table transaction needs; its URL is absolute.</summary>
    /// <param name="method">HTTP method of the part.</param>
    /// <param name="url">URL of the part.</param>
    public static StorageTarget TransactionPart(string method, string url)
    {
        var path = Uri.TryCreate(url, UriKind.Absolute, out var absolute) ? url[(url.IndexOf(absolute.Authority, StringComparison.Ordinal) + absolute.Authority.Length)..] : url;
        var target = Target(StorageService.Table, method, path);
        return target.Container is "" or "$batch" ? StorageTarget.Unclear : target;
    }

    private static StorageTarget NamedTarget(StorageService service, string method, string rest)
    {
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var name = slash < 0 ? rest : rest[..slash];
        if (name.Length == 0) return slash < 0 ? Of(service, method, "") : StorageTarget.Unclear;
        if (name.AsSpan().ContainsAnyExcept(NameCharacters)) return StorageTarget.Unclear;
        return Of(service, method, name);
    }

    private static StorageTarget TableTarget(string method, string rest)
    {
        if (rest.Length == 0) return Of(StorageService.Table, method, "");
        if (rest == "$batch") return new StorageTarget([], "$batch"); // judged part by part
        var end = rest.IndexOf('(', StringComparison.Ordinal);
        var name = end < 0 ? rest : rest[..end];
        if (name.Length == 0 || !name.All(char.IsAsciiLetterOrDigit)) return StorageTarget.Unclear;
        // The list of tables itself; creating and deleting tables is the account owner's.
        return name == "Tables" ? Of(StorageService.Table, method, "") : Of(StorageService.Table, method, name.ToLowerInvariant());
    }

    private static StorageTarget Of(StorageService service, string method, string name)
    {
        var (kind, actions) = service switch
        {
            StorageService.Blob => ("blob", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"),
            StorageService.Queue => ("queue", "Microsoft.Storage/storageAccounts/queueServices/queues/messages/"),
            _ => ("table", "Microsoft.Storage/storageAccounts/tableServices/tables/entities/"),
        };
        var verb = method switch
        {
            "GET" or "HEAD" => "read",
            "DELETE" => "delete",
            _ => "write",
        };
        return new StorageTarget([new StorageAccess(actions + verb, name.Length == 0 ? $"storage/{kind}" : $"storage/{kind}/{name}")], name);
    }

    private static bool HasDotSegment(string path) => path.Split('/').Any(segment =>
        segment.Replace("%2e", ".", StringComparison.OrdinalIgnoreCase) is "." or "..");
}
