using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Device;

/// <summary>Where a repository's files are (FORMAT.md 4.1: consistent snapshots).</summary>
/// <remarks>The address is not trusted: at worst we stop.</remarks>
/// <param name="metadata">Base of metadata, with or without a trailing slash.</param>
/// <param name="targets">Base of target files, likewise.</param>
public sealed class RepositoryAddress(Uri metadata, Uri targets)
{
    private readonly string _metadata = WithSlash(metadata);
    private readonly string _targets = WithSlash(targets);

    /// <summary>The unversioned timestamp.</summary>
    public Uri Timestamp => new($"{_metadata}timestamp.json");

    /// <summary>A versioned role.</summary>
    /// <param name="role">Role name; quoted here.</param>
    /// <param name="version">Version.</param>
    public Uri Role(string role, long version) => new($"{_metadata}{version}.{RoleName.Quote(role)}.json");

    /// <summary>A target: <c>dir/digest.name</c>, each segment quoted.</summary>
    /// <param name="name">Target name from trusted metadata.</param>
    /// <param name="file">Its entry, with a usable digest.</param>
    public Uri Target(string name, TargetFile file)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(file);
        var segments = name.Split('/').Select(Uri.EscapeDataString).ToArray();
        segments[^1] = $"{file.Hashes.Prefix}.{segments[^1]}";
        return new Uri(_targets + string.Join('/', segments));
    }

    private static string WithSlash(Uri address)
    {
        var text = address.AbsoluteUri;
        return text.EndsWith('/') ? text : text + "/";
    }
}
