using System.Text;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>What a test can change about one role before it publishes it.</summary>
internal sealed class SimulatedRole(DateTimeOffset expires)
{
    public long Version { get; set; }

    public DateTimeOffset Expires { get; set; } = expires;

    /// <summary>Keys that sign, whether or not anybody trusts them.</summary>
    public List<IDigestSigner> Signers { get; } = [];

    public Dictionary<string, TargetFile> Files { get; } = [];

    public List<(Delegation Role, IReadOnlyList<PublicKey> Keys)> Delegations { get; } = [];

    /// <summary>Last word on the signed part, for documents no honest tool would write.</summary>
    public Func<JsonObject, JsonObject> Edit { get; set; } = signed => signed;
}

/// <summary>A repository in memory that will sign anything, and the transport that serves it and keeps count.</summary>
internal sealed class RepositorySimulator : ITransport
{
    private int _keys;

    public RepositorySimulator(DateTimeOffset now)
    {
        Expiry = now + TimeSpan.FromDays(30);
        foreach (var role in RoleName.TopLevel)
        {
            Roles[role] = new SimulatedRole(Expiry);
            RootKeys[role] = ([], 1);
            AddKey(role);
        }
        Publish("targets", "snapshot", "timestamp", "root");
    }

    public DateTimeOffset Expiry { get; }

    public Dictionary<string, SimulatedRole> Roles { get; } = [];

    public Dictionary<string, (List<PublicKey> Keys, int Threshold)> RootKeys { get; } = [];

    public Dictionary<string, MetaFile> SnapshotMeta { get; } = [];

    public MetaFile TimestampMeta { get; set; } = new(1, null, null);

    public bool StatesHashes { get; set; }

    /// <summary>Everything published, by role; the version asked for is the place in the list, whatever the file says.</summary>
    public Dictionary<string, List<byte[]>> Published { get; } = [];

    public Dictionary<string, byte[]> Artifacts { get; } = [];

    /// <summary>Requests for metadata, as <c>version.role</c> or <c>timestamp</c>.</summary>
    public List<string> Requests { get; } = [];

    public List<string> ArtifactRequests { get; } = [];

    /// <summary>May replace an answer: the hostile mirror.</summary>
    public Func<string, TransportAnswer?> Mirror { get; set; } = _ => null;

    public IDigestSigner NewKey() => TestKeys.Named($"simulator-{_keys++}");

    public void AddKey(string role, IDigestSigner? key = null)
    {
        key ??= NewKey();
        RootKeys[role].Keys.Add(key.Key);
        Roles[role].Signers.Add(key);
    }

    public void RotateKeys(string role)
    {
        RootKeys[role].Keys.Clear();
        Roles[role].Signers.Clear();
        AddKey(role);
    }

    public void SetThreshold(string role, int threshold) => RootKeys[role] = (RootKeys[role].Keys, threshold);

    public void Delegate(string delegator, string role, IReadOnlyList<string> paths, bool terminating = false, IDigestSigner? key = null)
    {
        key ??= NewKey();
        Roles.TryAdd(role, new SimulatedRole(Expiry));
        if (!Roles[role].Signers.Contains(key)) Roles[role].Signers.Add(key);
        Roles[delegator].Delegations.Add((new Delegation(role, new RoleKeys([key.Key.KeyId], 1), terminating, paths, null), [key.Key]));
    }

    public void AddArtifact(string role, string name, string content, JsonObject? custom = null) => AddArtifact(role, name, Encoding.UTF8.GetBytes(content), custom);

    public void AddArtifact(string role, string name, byte[] content, JsonObject? custom = null)
    {
        Roles[role].Files[name] = new TargetFile(content.Length, Hashes.Of(content), custom);
        Artifacts[name] = content;
    }

    /// <summary>Signs and serves roles, raising versions. A targets role enters the snapshot, the snapshot the timestamp.</summary>
    public void Publish(params string[] roles)
    {
        foreach (var role in roles)
        {
            var simulated = Roles[role];
            simulated.Version++;
            Serve(role, Sign(role));
        }
    }

    /// <summary>Forgets what was published for a role, so that its next publication is served as version 1.</summary>
    public void Unpublish(string role, long nextVersion = 1)
    {
        Published.Remove(role);
        Roles[role].Version = nextVersion - 1;
    }

    public byte[] Sign(string role) => Await(SignedFile.Create(Roles[role].Edit(DraftOf(role)), Roles[role].Signers, CancellationToken.None));

    public void Serve(string role, byte[] file)
    {
        if (!Published.TryGetValue(role, out var files)) Published[role] = files = [];
        files.Add(file);
        var meta = StatesHashes ? MetaFile.Of(Roles[role].Version, file) : new MetaFile(Roles[role].Version, null, null);
        if (role == "snapshot") TimestampMeta = meta;
        else if (role is not ("root" or "timestamp")) SnapshotMeta[role] = meta;
    }

    public Task<TransportAnswer> Open(Uri uri, long from, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(uri);
        var path = uri.AbsolutePath;
        if (Mirror(path) is { } forged) return Task.FromResult(forged);
        var content = path.StartsWith("/metadata/", StringComparison.Ordinal) ? MetadataAt(path["/metadata/".Length..]) : ArtifactAt(path["/targets/".Length..]);
        if (content is null) return Task.FromResult(new TransportAnswer(404, null, 0, Stream.Null));
        var body = new MemoryStream(content[(int)from..]);
        return Task.FromResult(new TransportAnswer(from > 0 ? 206 : 200, body.Length, from, body));
    }

    private byte[]? MetadataAt(string file)
    {
        var name = file[..^".json".Length];
        Requests.Add(name);
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        if (name == "timestamp") return Published.GetValueOrDefault("timestamp")?[^1];
        if (dot < 0 || !int.TryParse(name.AsSpan(0, dot), out var version)) return null;
        var files = Published.GetValueOrDefault(Uri.UnescapeDataString(name[(dot + 1)..]));
        return files is not null && version >= 1 && version <= files.Count ? files[version - 1] : null;
    }

    private byte[]? ArtifactAt(string path)
    {
        var slash = path.LastIndexOf('/') + 1;
        var dot = path.IndexOf('.', slash);
        if (dot < 0) return null;
        var name = path[..slash] + path[(dot + 1)..];
        ArtifactRequests.Add(name);
        return Artifacts.GetValueOrDefault(name);
    }

    private JsonObject DraftOf(string role) => role switch
    {
        "root" => Draft.Root(Roles[role].Version, Roles[role].Expires, RootKeys.ToDictionary(entry => entry.Key, entry => new RoleDraft(entry.Value.Keys, entry.Value.Threshold))),
        "timestamp" => Draft.Timestamp(Roles[role].Version, Roles[role].Expires, TimestampMeta),
        "snapshot" => Draft.Snapshot(Roles[role].Version, Roles[role].Expires, SnapshotMeta),
        _ => Draft.Targets(Roles[role].Version, Roles[role].Expires, Roles[role].Files, Roles[role].Delegations),
    };

    private static byte[] Await(Task<Faults.Parsed<byte[]>> signing) =>
        signing.GetAwaiter().GetResult().TryGet(out var file, out var fault) ? file : throw new InvalidOperationException(fault.ToString());
}
