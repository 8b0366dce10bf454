using System.Buffers.Binary;

namespace Serverless.Local.IotHub.Registry;

/// <summary>A device's twin. Guarded by the device's gate.</summary>
internal sealed class Twin
{
    private long _etag = 1;

    public TwinSection Tags { get; private set; } = TwinSection.Empty("tags", HubLimits.TagsBytesMax);

    public TwinSection Desired { get; private set; } = TwinSection.Empty("properties.desired", HubLimits.PropertiesBytesMax);

    public TwinSection Reported { get; private set; } = TwinSection.Empty("properties.reported", HubLimits.PropertiesBytesMax);

    /// <summary>Counts every change of any section; starts at 2, as a new twin does on Azure.</summary>
    public long Version { get; private set; } = 2;

    /// <summary>Changes with tags and desired properties, which the service writes; not with what the device reports.</summary>
    public string ETag
    {
        get
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(bytes, _etag);
            return Convert.ToBase64String(bytes);
        }
    }

    /// <summary>What a twin starts with: no change of version, so that a device made with tags looks like any new one.</summary>
    public void Start(TwinSection tags, TwinSection desired, TwinSection reported) => (Tags, Desired, Reported) = (tags, desired, reported);

    public void Commit(TwinSection? tags, TwinSection? desired)
    {
        (Tags, Desired) = (tags ?? Tags, desired ?? Desired);
        Version++;
        _etag++;
    }

    public void CommitReported(TwinSection reported)
    {
        Reported = reported;
        Version++;
    }
}
